"""Grafting our forms onto the sign-in flow a realm has; no Keycloak."""

from __future__ import annotations

import pytest

from sidecar.keycloak.desired import desired_realm
from sidecar.keycloak.flow_builder import read_flow
from sidecar.keycloak.flows import Execution, Flow, flow_from, graft, mismatches, surplus

_NAME = "passwordless browser"


@pytest.fixture
def template(make_settings) -> Flow:
    return flow_from(desired_realm(make_settings(), "acme"), _NAME)


def _leaf(provider: str, requirement: str = "REQUIRED", **fields) -> Execution:
    return Execution(provider=provider, requirement=requirement, **fields)


def _sub(alias: str, *steps: Execution, requirement: str = "ALTERNATIVE") -> Execution:
    return Execution(flow=Flow(alias=alias, executions=steps), requirement=requirement)


def _outline(flow: Flow) -> list:
    return [
        (step.label, step.requirement, _outline(step.flow)) if step.flow else (step.label, step.requirement)
        for step in flow.executions
    ]


_OURS = [
    ("auth-username-form", "REQUIRED"),
    ("auth-password-form", "REQUIRED"),
    (
        f"{_NAME} passkey or nothing",
        "DISABLED",
        [("conditional-credential", "REQUIRED"), ("deny-access-authenticator", "REQUIRED")],
    ),
    (
        f"{_NAME} passkey",
        "CONDITIONAL",
        [("conditional-credential", "REQUIRED"), ("allow-access-authenticator", "REQUIRED")],
    ),
]


@pytest.mark.keycloak
def test_over_keycloaks_own_flow_the_graft_is_what_realm_config_says(realm, template):
    """So that an import of the files and an apply on a new realm end alike."""
    source = read_flow(realm, "browser")
    assert source is not None
    grafted, left_out = graft(source, template)
    assert left_out == ()
    assert _outline(grafted) == _outline(template)


def test_the_login_page_is_replaced_where_it_stands_and_what_follows_stays(template):
    source = Flow(
        alias="theirs",
        executions=(
            _leaf("auth-cookie", "ALTERNATIVE"),
            _sub("theirs forms", _leaf("auth-username-password-form"), _leaf("auth-otp-form")),
        ),
    )
    grafted, left_out = graft(source, template)
    assert left_out == ()
    assert _outline(grafted) == [
        ("auth-cookie", "ALTERNATIVE"),
        (f"{_NAME} forms", "ALTERNATIVE", [*_OURS, ("auth-otp-form", "REQUIRED")]),
    ]


@pytest.mark.parametrize(
    "forms",
    [
        _sub(
            "forms",
            _leaf("auth-username-password-form", "ALTERNATIVE"),
            _leaf("webauthn-authenticator-passwordless", "ALTERNATIVE"),
        ),
        _sub(
            "forms",
            _leaf("auth-username-form"),
            _sub("proof", _leaf("auth-password-form"), requirement="REQUIRED"),
        ),
        _leaf("auth-username-password-form", "ALTERNATIVE"),
        _leaf("auth-username-form", "ALTERNATIVE"),
    ],
    ids=["alternatives beside it", "two places", "not in a sub-flow", "a bypass"],
)
def test_a_shape_that_cant_be_followed_is_left_out_whole_and_named(template, forms):
    grafted, left_out = graft(
        Flow(alias="theirs", executions=(_leaf("auth-cookie", "ALTERNATIVE"), forms)), template
    )
    assert left_out == (forms.label,)
    assert _outline(grafted) == [("auth-cookie", "ALTERNATIVE"), _outline(template)[-1]]


def test_a_realm_without_a_login_page_gets_ours(template):
    source = Flow(alias="theirs", executions=(_leaf("identity-provider-redirector", "ALTERNATIVE"),))
    grafted, _ = graft(source, template)
    assert _outline(grafted)[-1] == _outline(template)[-1]


def test_a_graft_onto_itself_changes_nothing(template):
    assert _outline(graft(template, template)[0]) == _outline(template)


def test_copies_get_names_of_their_own(template):
    """A realm has each name of a flow and of a configuration once."""
    step = _leaf(
        "identity-provider-redirector",
        "ALTERNATIVE",
        config_alias="to corporate",
        config={"defaultProvider": "c"},
    )
    grafted, _ = graft(
        Flow(alias="theirs", executions=(step, _sub("orga", _leaf("organization", "ALTERNATIVE")))), template
    )
    assert grafted.executions[0].config_alias == f"{_NAME} to corporate"
    assert grafted.executions[1].label == f"{_NAME} orga"


def test_a_mismatch_is_told_without_the_values_of_a_configuration():
    desired = Flow(alias="f", executions=(_leaf("a", config={"key": "new-secret"}), _leaf("b"), _leaf("c")))
    actual = Flow(
        alias="f",
        executions=(_leaf("a", "DISABLED", config={"key": "old-secret"}, priority=2), _leaf("b", priority=1)),
    )
    told = mismatches(desired, actual)
    assert told == (
        "a: DISABLED → REQUIRED",
        "a: its setting 'key' differs",
        "c: missing → REQUIRED",
        "f: the order of its executions differs",
    )


def test_what_keycloak_keeps_to_itself_counts_as_right():
    """It shows asterisks for a setting that the authenticator does not list."""
    wanted = Flow(alias="x", executions=(_leaf("allow", config={"default.reference.value": "pop"}),))
    masked = Flow(alias="x", executions=(_leaf("allow", config={"default.reference.value": "**********"}),))
    missing = Flow(alias="x", executions=(_leaf("allow"),))
    assert mismatches(wanted, masked) == ()
    assert mismatches(wanted, missing) == ("allow: its setting 'default.reference.value' differs",)


def test_surplus_names_what_is_on_and_unknown_at_every_depth():
    desired = Flow(alias="f", executions=(_sub("s", _leaf("a")),))
    actual = Flow(
        alias="f", executions=(_sub("s", _leaf("a"), _leaf("b"), _leaf("off", "DISABLED")), _leaf("c"))
    )
    assert surplus(desired, actual) == ["c", "b"]
