"""Which of two mappers of one claim runs last; the hashes are those of a Java virtual machine."""

from __future__ import annotations

import pytest

from sidecar.keycloak.mapper_order import _spread, in_turn, is_in_turn

_NOTE, _AMR = "oidc-usersessionmodel-note-mapper", "oidc-amr-mapper"


@pytest.mark.parametrize(
    ("text", "spread"),
    # String.hashCode() by the JDK: "hello" 99162322, "64442bc9…" found on Keycloak's own; h ^ h >>> 16 is HashMap's.
    [("", 0), ("a", 97), ("hello", 99162322 ^ (99162322 >> 16)), ("polygenelubricants", 0x80000000 ^ 0x8000)],
)
def test_a_hash_is_javas(text, spread):
    assert _spread(text) == spread


@pytest.mark.parametrize("buckets", [16, 32, 64, 256, 1024])
def test_keycloaks_own_runs_first_in_a_set_of_any_size(buckets):
    for _ in range(20):
        first, later = (in_turn({"protocolMapper": kind, "name": "x"}) for kind in (_AMR, _NOTE))
        assert _spread(first["id"]) % buckets < _spread(later["id"]) % buckets


def test_out_of_turn_is_seen():
    first, later = in_turn({"protocolMapper": _AMR}), in_turn({"protocolMapper": _NOTE})
    assert is_in_turn(first)
    assert is_in_turn(later)
    assert not is_in_turn({**later, "protocolMapper": _AMR})
    assert not is_in_turn({**first, "protocolMapper": _NOTE})
