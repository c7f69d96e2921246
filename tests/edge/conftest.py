"""The application on SQLite: these tests look at HTTP; what the store decides is tested on both databases elsewhere."""

from __future__ import annotations

import pytest

from tests.oidc.fixtures import browser, environment, house, parts, realms

__all__ = ["browser", "environment", "house", "parts", "realms"]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url
