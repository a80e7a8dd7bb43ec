"""The catalogue of the docs is one."""

from __future__ import annotations

import io
import re
from pathlib import Path

from emporion.marketplace.catalogue_content import CatalogueContent

SELLING = Path(__file__).parents[2] / "docs" / "selling.md"


def test_the_file_of_the_docs_has_no_fault() -> None:
    files = re.findall("```yaml\n(.*?)```", SELLING.read_text(), re.DOTALL)
    assert files
    for file in files:
        with CatalogueContent(io.BytesIO(file.encode())) as content:
            assert content.faults.kept == []
            assert len(content) == 2
