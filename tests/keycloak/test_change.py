"""Comparing two representations."""

from __future__ import annotations

from sidecar.keycloak.change import Change, differences, merged


def test_only_keys_of_the_desired_side_are_compared():
    assert differences({"a": 1}, {"a": 1, "secret": "**********"}) == ()


def test_a_difference_names_the_path_and_both_values():
    assert differences({"config": {"issuer": "x"}, "enabled": True}, {"config": {"issuer": "y"}}) == (
        "config.issuer: y → x",
        "enabled: not set → true",
    )


def test_merging_keeps_foreign_keys_at_every_depth():
    assert merged({"config": {"a": "1", "own": "2"}, "b": 3}, {"config": {"a": "9"}}) == {
        "config": {"a": "9", "own": "2"},
        "b": 3,
    }


def test_only_what_is_kept_is_not_pending():
    assert [Change(kind=kind, what="x").is_pending for kind in ("create", "change", "keep")] == [
        True,
        True,
        False,
    ]
