"""What the environment says."""

from __future__ import annotations

import os
from dataclasses import dataclass

from sqlalchemy import URL, make_url

DATABASE = "REFERENCE_DATABASE"
SECRET = "REFERENCE_SECRET"


@dataclass(frozen=True)
class Settings:
    """database: its URL. secret: what tokens are signed with."""

    database: URL
    secret: str

    @classmethod
    def from_environment(cls) -> Settings:
        """The settings of this process. Raises KeyError if one is missing."""
        database = make_url(os.environ[DATABASE]).set(drivername="postgresql+asyncpg")
        return cls(database, os.environ[SECRET])
