"""Templates, filled in: HTML in a language, with nothing in it that a template has not escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined

from emporion.web import i18n

if TYPE_CHECKING:
    from types import CodeType

    from jinja2.bccache import Bucket

    from emporion.web.assets import Assets
    from emporion.web.i18n import Language


class Templates:
    """The templates of all pages. root_path: before all addresses."""

    def __init__(self, assets: Assets, root_path: str) -> None:
        self._environments = {code: _environment(i18n.language(code)) for code in i18n.LANGUAGES}
        for environment in self._environments.values():
            environment.globals.update(asset=assets.address, root=root_path)

    def add(self, **names: Any) -> None:
        """Let all templates know these names."""
        for environment in self._environments.values():
            environment.globals.update(names)

    def render(self, template: str, language: Language, **values: Any) -> str:
        """The template with its values. Raises jinja2.UndefinedError for one that is missing."""
        return self._environments[language.code].get_template(template).render(language=language, **values)


class _CompiledTemplates(BytecodeCache):
    """What templates were compiled to, once for all languages: it takes up to 50 ms for each."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a template its code, if it was compiled before. See `jinja2.BytecodeCache`."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Remember the code of a template that was compiled."""
        assert bucket.code
        self._codes[bucket.key, bucket.checksum] = bucket.code


_compiled = _CompiledTemplates()


def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=PackageLoader("emporion.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        bytecode_cache=_compiled,
        optimized=False,  # what would be computed beforehand may be another text in another language
    )
    environment.install_gettext_translations(language.texts, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(
        date=language.date,
        day=language.day,
        moment=language.moment,
        number=language.number,
        period=language.period,
        money=lambda amount: language.money(amount.amount, amount.currency),
        unit_price=lambda price: language.unit_price(price.amount, price.currency),
    )
    return environment
