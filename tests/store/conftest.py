"""The application on each database in turn."""

from __future__ import annotations

from tests.oidc.fixtures import browser, environment, house, parts, realms

__all__ = ["browser", "environment", "house", "parts", "realms"]
