"""A right code while Keycloak can't be asked whose account it opens: nothing is granted, and it stays good."""

from __future__ import annotations

import pytest

from sidecar.app import Parts, create_app
from sidecar.model.events import Event
from sidecar.store.tables import auth_codes
from tests.ledger import events_of, rows
from tests.stack import free_port
from tests.web.browser import Browser


@pytest.fixture
def parts(database_url, settings_for):
    settings = settings_for(
        database_url,
        KEYCLOAK__INTERNAL_URL=f"http://127.0.0.1:{free_port()}",
        REALMS__ACME__SERVICE_ACCOUNT="true",
        REALMS__ACME__CONNECTIONS__EMAIL__LINKING="verified",
    )
    built = Parts.build(settings)
    yield built
    built.database.dispose()


def test_the_code_page_says_to_try_again_and_the_code_is_not_used_up(parts):
    browser = Browser(create_app(parts))
    challenge_id = browser.start("ada@example.org")

    for _ in range(2):
        answer = browser.type_code(challenge_id, browser.right_code(parts, challenge_id))
        page = answer.get_data(as_text=True)
        assert (answer.status_code, answer.location) == (503, None)
        assert "sign you in right now" in page
        assert 'name="code"' in page
        assert "127.0.0.1" not in page

    assert browser.challenge(parts, challenge_id).used_at is None
    assert rows(parts, auth_codes) == []
    assert events_of(parts, Event.CODE_ACCEPTED) == []
