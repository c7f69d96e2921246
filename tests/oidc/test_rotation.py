"""Keys change by the database's clock; a leaked one is gone at once; secrets can be taken off the list."""

from __future__ import annotations

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from sidecar.errors import KeyRefused, SettingsError
from sidecar.login.keys import KeyRing
from sidecar.model.signing import LEAST_OVERLAP_S, OVERLAP_S, RETIRED_S, KeyState
from sidecar.oidc import signing
from sidecar.oidc.rotation import Rotation
from sidecar.oidc.signing import SigningKeys
from sidecar.oidc.wrapping import Wrapping
from sidecar.settings import Secret
from sidecar.store.key_shelf import SqlKeyShelf
from sidecar.store.tables import signing_keys
from tests.conftest import OLDER_SECRET_KEY, SECRET_KEY
from tests.ledger import rows


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request) -> str:
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture
def shelf(parts):
    return SqlKeyShelf(parts.database)


@pytest.fixture
def rotation(parts, shelf):
    return Rotation(shelf, Wrapping(parts.keys))


@pytest.fixture
def process(parts, shelf, monkeypatch):
    """A process that reads the keys each time, so that the shifted clock alone says what it sees."""
    monkeypatch.setattr(signing, "CACHE_S", 0)
    made = SigningKeys(shelf, parts.keys)
    made.ensure("acme")
    return made


def kid_of(token: str) -> str:
    import base64
    import json

    return json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))["kid"]


def states_of(shelf) -> dict[str, KeyState]:
    return {key.kid: key.state for key in shelf.keys("acme")}


def test_a_rotation_publishes_before_it_signs_and_keeps_the_old_one_for_a_while(
    process, rotation, shelf, clock
):
    """E9: next → current → retired → gone, by the clock alone."""
    old = kid_of(process.sign("acme", {}))
    fresh = rotation.rotate("acme", after_s=OVERLAP_S).kid

    def seen():
        return kid_of(process.sign("acme", {})), {key["kid"] for key in process.jwks("acme")["keys"]}

    assert (old, {old, fresh}) == seen()
    clock.shift(seconds=OVERLAP_S - 1)
    assert (old, {old, fresh}) == seen()
    clock.shift(seconds=2)
    assert (fresh, {old, fresh}) == seen()
    clock.shift(seconds=RETIRED_S - 5)
    assert (fresh, {old, fresh}) == seen()
    clock.shift(seconds=5)
    assert (fresh, {fresh}) == seen()


def test_a_token_signed_just_before_the_change_verifies_after_it(process, rotation, clock):
    rotation.rotate("acme", after_s=OVERLAP_S)
    clock.shift(seconds=OVERLAP_S - 1)
    token = process.sign("acme", {"sub": "email.x"})
    clock.shift(seconds=60)

    published = KeySet.import_key_set(process.jwks("acme"))

    assert "email.x" == jwt.decode(token, published, algorithms=["ES256"]).claims["sub"]


def test_a_second_rotation_waits_for_the_first(process, rotation, shelf):
    first = rotation.rotate("acme", after_s=OVERLAP_S).kid

    with pytest.raises(KeyRefused, match=first):
        rotation.rotate("acme", after_s=OVERLAP_S)
    assert 2 == len(shelf.keys("acme"))


def test_a_key_cannot_sign_before_every_cache_may_know_it(process, rotation, shelf):
    with pytest.raises(KeyRefused, match=f"{LEAST_OVERLAP_S} s"):
        rotation.rotate("acme", after_s=LEAST_OVERLAP_S - 1)
    assert 1 == len(shelf.keys("acme"))


def test_keys_that_are_over_are_deleted_by_the_next_rotation(process, parts, rotation, clock):
    """A private key that is of no use any more is not kept."""
    for _ in range(3):
        rotation.rotate("acme", after_s=OVERLAP_S)
        clock.shift(seconds=OVERLAP_S + RETIRED_S)

    assert 2 == sum(row.realm == "acme" for row in rows(parts, signing_keys))


def test_a_revoked_key_is_deleted_and_a_fresh_one_signs(process, parts, rotation, shelf):
    """Its private half is gone from the database too."""
    leaked = kid_of(process.sign("acme", {}))

    fresh = rotation.revoke("acme", leaked)

    assert {fresh.kid: "current"} == states_of(shelf)
    assert leaked not in {row.kid for row in rows(parts, signing_keys)}
    assert fresh.kid == kid_of(process.sign("acme", {}))


def test_revoking_the_current_key_brings_no_retired_one_back(process, rotation, shelf, clock):
    old = kid_of(process.sign("acme", {}))
    leaked = rotation.rotate("acme", after_s=OVERLAP_S).kid
    clock.shift(seconds=OVERLAP_S + 1)

    fresh = rotation.revoke("acme", leaked)

    assert {fresh.kid: "current", old: "retired"} == states_of(shelf)


def test_revoking_the_current_key_brings_no_forgotten_one_back(process, rotation, shelf, clock):
    """A key that was over would be `retired` anew, behind the fresh one."""
    kid_of(process.sign("acme", {}))
    leaked = rotation.rotate("acme", after_s=OVERLAP_S).kid
    clock.shift(seconds=OVERLAP_S + RETIRED_S + 1)

    fresh = rotation.revoke("acme", leaked)

    assert {fresh.kid: "current"} == states_of(shelf)


def test_revoking_the_next_key_calls_the_rotation_off(process, rotation, shelf, clock):
    current = kid_of(process.sign("acme", {}))
    leaked = rotation.rotate("acme", after_s=OVERLAP_S).kid

    assert rotation.revoke("acme", leaked) is None
    clock.shift(seconds=OVERLAP_S + RETIRED_S + 1)

    assert {current: "current"} == states_of(shelf)


def test_a_key_that_is_not_there_cannot_be_revoked(process, rotation, shelf):
    with pytest.raises(KeyRefused, match="nonsense"):
        rotation.revoke("acme", "nonsense")
    assert ["current"] == list(states_of(shelf).values())


def test_what_a_process_has_read_is_used_for_five_seconds(parts, shelf, rotation, monkeypatch):
    """The documented time within which a revocation binds."""
    now = [1000.0]
    monkeypatch.setattr(signing.time, "monotonic", lambda: now[0])
    process = SigningKeys(shelf, parts.keys)
    leaked = kid_of(process.sign("acme", {}))
    rotation.revoke("acme", leaked)

    now[0] += 4.9
    assert leaked == kid_of(process.sign("acme", {}))
    now[0] += 0.1
    assert leaked != kid_of(process.sign("acme", {}))
    assert leaked not in {key["kid"] for key in process.jwks("acme")["keys"]}


def test_after_rewrapping_the_older_secret_can_be_taken_off_the_list(parts, shelf, rotation):
    """The newest makes, all accept; the key itself stays."""
    both = KeyRing([Secret(OLDER_SECRET_KEY), Secret(SECRET_KEY)])
    newest = KeyRing([Secret(OLDER_SECRET_KEY)])
    kid = kid_of(SigningKeys(shelf, parts.keys).sign("acme", {}))
    assert kid == kid_of(SigningKeys(shelf, both).sign("acme", {}))
    with pytest.raises(SettingsError, match="keys rewrap"):
        SigningKeys(shelf, newest).sign("acme", {})

    assert [kid] == Rotation(shelf, Wrapping(both)).rewrap("acme")
    assert [] == Rotation(shelf, Wrapping(both)).rewrap("acme")

    assert kid == kid_of(SigningKeys(shelf, newest).sign("acme", {}))
    assert newest.newest_id == shelf.keys("acme")[0].key_id


def test_a_key_rewrapped_meanwhile_is_left_as_it_is(parts, shelf, process):
    """Two admins at once: the second one's statement finds another wrapping there."""
    stored = shelf.keys("acme")[0]
    wrapping = Wrapping(KeyRing([Secret(OLDER_SECRET_KEY), Secret(SECRET_KEY)]))

    assert shelf.rewrap("acme", stored, wrapping.rewrapped("acme", stored))
    assert not shelf.rewrap("acme", stored, wrapping.rewrapped("acme", stored))
