"""Flows in which a typed name gets somebody in, and flows in which it does not, as Keycloak runs them."""

from __future__ import annotations

import json

import pytest

from sidecar.assets import REALM_CONFIG
from sidecar.keycloak.flows import Execution, Flow, flow_from
from sidecar.keycloak.name_alone import opens_by_name

NAME, PASSWORD, OTP = "auth-username-form", "auth-password-form", "auth-otp-form"
ENROLLED, USED = "conditional-user-configured", "conditional-credential"
PASSKEY = {"credentials": "webauthn-passwordless"}


def step(what, requirement="REQUIRED", **config):
    if isinstance(what, list):
        return Execution(flow=flow(*what), requirement=requirement)
    return Execution(provider=what, requirement=requirement, config=config)


def flow(*steps):
    return Flow(alias="a flow", executions=steps)


def either(what, **config):
    return step(what, "ALTERNATIVE", **config)


def perhaps(*steps):
    return step(list(steps), "CONDITIONAL")


OPEN = {
    "a name": flow(step(NAME)),
    "a name beside a cookie": flow(either("auth-cookie"), either([step(NAME)])),
    "the password switched off": flow(step(NAME), step(PASSWORD, "DISABLED")),
    "a second factor of those who have one": flow(step(NAME), perhaps(step(ENROLLED), step(OTP))),
    "a name or a password": flow(either(NAME), either(PASSWORD)),
    "a second factor with the condition off": flow(
        step(NAME), perhaps(step(ENROLLED, "DISABLED"), step(OTP))
    ),
    "refused only after a passkey": flow(
        step(NAME), perhaps(step(USED, **PASSKEY, included="true"), step("deny-access-authenticator"))
    ),
    "waved through": flow(step(NAME), step([either(PASSWORD), either("allow-access-authenticator")])),
    "alternatives that a condition leaves": flow(
        step([perhaps(step(ENROLLED), step(OTP)), either(NAME), either("auth-cookie")])
    ),
}
CLOSED = {
    "nothing": flow(),
    "Keycloak's form of both": flow(either("auth-cookie"), either([step("auth-username-password-form")])),
    "name and password": flow(step(NAME), step(PASSWORD)),
    "the password as an alternative that counts": flow(step(NAME), step([either(PASSWORD), either(OTP)])),
    "the name as an alternative beside what must be": flow(either(NAME), step(PASSWORD)),
    "one of two after a condition": flow(
        step(NAME), step([perhaps(step(ENROLLED), step(OTP)), either(PASSWORD)])
    ),
    "refused unless a passkey was used": flow(
        step(NAME), perhaps(step(USED, **PASSKEY, included="false"), step("deny-access-authenticator"))
    ),
    "refused if nothing was used": flow(
        step(NAME),
        perhaps(step(USED, credentials="none", included="true"), step("deny-access-authenticator")),
    ),
    "the name switched off": flow(step(NAME, "DISABLED"), either(PASSWORD)),
    "somebody's own authenticator": flow(step(NAME), step("acme-face")),
}


@pytest.mark.parametrize("which", OPEN)
def test_a_name_gets_in(which):
    assert opens_by_name(OPEN[which])


@pytest.mark.parametrize("which", CLOSED)
def test_a_name_does_not_get_in(which):
    assert not opens_by_name(CLOSED[which])


@pytest.mark.parametrize("passwords", [True, False])
def test_our_own_flow_is_closed_and_opens_without_what_closes_it(passwords):
    text = (REALM_CONFIG / "60-browser-flow.json").read_text(encoding="utf-8")
    for name, on in (("password", "REQUIRED"), ("passkey", "CONDITIONAL")):
        is_on = passwords == (name == "password")
        text = text.replace(f"${{passwordless.{name}_execution}}", on if is_on else "DISABLED")
    assert not opens_by_name(flow_from(json.loads(text), "passwordless browser"))
    opened = text.replace(
        '"authenticator": "auth-password-form"', '"authenticator": "allow-access-authenticator"'
    )
    opened = opened.replace('"included": "false"', '"included": "true"')
    assert opens_by_name(flow_from(json.loads(opened), "passwordless browser"))
