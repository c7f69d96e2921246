"""What a page says when text messages are refused: how long to wait, or to use another way."""

from __future__ import annotations

import pytest

from sidecar.store.pumping import SqlStops
from tests.texts import BRITISH, CONNECTION, REALM, number, with_texts
from tests.web.browser import Browser, form_of

STOPPED = "We can&#39;t send text messages right now. Use another way to sign in, or try again later."
CODE = f"/realms/{REALM}/{CONNECTION}/code"


@pytest.fixture
def environment():
    return with_texts(messages_per_prefix_per_hour=1)


def test_a_start_while_text_messages_are_stopped(parts, app):
    SqlStops(parts.database).stop(REALM, CONNECTION)

    answer = Browser(app).authorize(connection=CONNECTION, login_hint=number(BRITISH, 0))

    assert 503 == answer.status_code
    assert STOPPED in answer.get_data(as_text=True)
    # With the form, to try again.
    assert f"https://login.example.org/realms/{REALM}/{CONNECTION}/start" in form_of(answer).actions


def test_a_resend_while_text_messages_are_stopped_leaves_the_code_to_be_typed(parts, app, clock):
    browser = Browser(app)
    challenge_id = browser.start(number(BRITISH, 0), connection=CONNECTION)
    clock.shift(seconds=31)
    SqlStops(parts.database).stop(REALM, CONNECTION)

    answer = browser.post(f"{CODE}/resend", {"challenge": challenge_id})

    assert 503 == answer.status_code
    assert STOPPED in answer.get_data(as_text=True)
    typed = browser.type_code(challenge_id, browser.right_code(parts, challenge_id), connection=CONNECTION)
    assert 303 == typed.status_code


def test_a_budget_of_text_messages_says_how_long_to_wait_and_not_which(parts, app):
    Browser(app).start(number(BRITISH, 0), connection=CONNECTION)

    answer = Browser(app, "192.0.2.2").authorize(connection=CONNECTION, login_hint=number(BRITISH, 1))

    assert 429 == answer.status_code
    assert 3590 <= int(answer.headers["Retry-After"]) <= 3600
    page = answer.get_data(as_text=True)
    assert "60 minutes" in page
    assert "pumping" not in page
