"""What an operator did is in the ledger, in the transaction that did it (threats E9, G3, G5)."""

from __future__ import annotations

import pytest

from sidecar.app import Parts
from sidecar.errors import KeyRefused
from sidecar.model.events import Event
from sidecar.oidc.rotation import Rotation
from sidecar.oidc.signing import SigningKeys
from sidecar.oidc.wrapping import Wrapping
from sidecar.store.key_shelf import SqlKeyShelf
from sidecar.store.voiding import fence, void_made_under
from tests.conftest import OLDER_SECRET_KEY, SECRET_KEY
from tests.flow import start
from tests.ledger import events


def told(parts) -> list[tuple[str, str, str]]:
    return [(event.type, event.realm, event.detail) for event in events(parts)]


def rotation(parts) -> Rotation:
    shelf = SqlKeyShelf(parts.database)
    SigningKeys(shelf, parts.keys).ensure("acme")
    return Rotation(shelf, Wrapping(parts.keys))


def test_what_an_operator_does_to_keys_is_in_the_ledger(parts):
    """E9: which key of which realm, and nothing of the key itself."""
    keys = rotation(parts)
    assert [] == told(parts)
    (first,) = keys.keys("acme")

    following = keys.rotate("acme", after_s=120)
    replacement = keys.revoke("acme", first.kid)
    keys.revoke("acme", following.kid)

    assert [
        (Event.SIGNING_KEY_ADDED, "acme", following.kid),
        (Event.SIGNING_KEY_REVOKED, "acme", first.kid),
        (Event.SIGNING_KEY_ADDED, "acme", replacement.kid),
        (Event.SIGNING_KEY_REVOKED, "acme", following.kid),
    ] == told(parts)


def test_a_refusal_is_no_event(parts):
    keys = rotation(parts)
    keys.rotate("acme", after_s=120)

    with pytest.raises(KeyRefused):
        keys.rotate("acme", after_s=120)
    with pytest.raises(KeyRefused):
        keys.revoke("acme", "nobody's")

    assert 1 == len(told(parts))


def test_rewrapping_is_in_the_ledger_once(parts, settings_for):
    """E9."""
    (key,) = rotation(parts).keys("acme")
    settings = settings_for(
        parts.settings.database.url.reveal(),
        SERVER__SECRET_KEYS=f'["{OLDER_SECRET_KEY}", "{SECRET_KEY}"]',
    )
    rotated = Parts.build(settings)

    for _ in range(2):
        Rotation(SqlKeyShelf(rotated.database), Wrapping(rotated.keys)).rewrap("acme")
    rotated.database.dispose()

    assert [(Event.SIGNING_KEY_REWRAPPED, "acme", key.kid)] == told(parts)


def test_the_fence_and_a_revoked_secret_are_in_the_ledger(parts):
    """G3, G5: when, and how much it voided."""
    start(parts)
    started = told(parts)

    void_made_under(parts.database, parts.keys.newest_id)
    fence(parts.database)

    assert [
        (Event.SECRET_REVOKED, "", f"{parts.keys.newest_id} auth_codes=0 challenges=1 tickets=0"),
        (
            Event.DATABASE_FENCED,
            "",
            "account_sessions=0 auth_codes=0 challenges=0 messages=1 signing_keys=0 tickets=0",
        ),
    ] == told(parts)[len(started) :]
