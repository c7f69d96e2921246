"""What can't be a challenge is not asked of the database (threat A10): PostgreSQL takes no NUL in a text."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("challenge_id", ["", "x", "\x00" * 22, "ä" * 22, "a" * 10_000], ids=ascii)
def test_a_challenge_that_cannot_be_is_not_found(browser, challenge_id):
    """A10: 404 like any unknown one, on each database, and no 503 that says something broke."""
    browser.authorize()

    seen = browser.open("GET", "/realms/acme/email/code", query_string={"challenge": challenge_id})
    tried = browser.type_code(challenge_id, "123456")

    assert (404, 404) == (seen.status_code, tried.status_code)
