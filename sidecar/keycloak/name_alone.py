"""Whether a sign-in flow lets in whoever types a name, with no proof that the name is theirs.

Keycloak's "Username Form" identifies a user and proves nothing; a flow that ends there signs in anybody who posts a
name. A flow is read as Keycloak runs it: required steps one after another, alternatives where nothing is required, a
conditional sub-flow where its conditions hold for somebody of whom only a name is known.
"""

from __future__ import annotations

from sidecar.keycloak.flows import Execution, Flow

_USERNAME = "auth-username-form"
_CONDITION = "conditional-"
_USED_CREDENTIAL = "conditional-credential"
#: How that condition names a sign-in in which no credential was used.
_NO_CREDENTIAL = "none"
#: Neither asks for anything nor names anybody.
_WAVED_THROUGH = "allow-access-authenticator"

#: How something may be passed without proof: each way with whether a user is named then. Empty: it can't be.
_Passes = frozenset[bool]


def opens_by_name(flow: Flow) -> bool:
    """Whether a typed name alone may get through the flow; authenticators that are not Keycloak's count as proof."""
    return True in _passes(flow)


def _passes(flow: Flow) -> _Passes:
    steps = [it for it in flow.executions if it.is_on and not it.provider.startswith(_CONDITION)]
    # Each way through what must be passed: whether a user is named, and whether any of it ran.
    ways = {(False, False)}
    for step in steps:
        if step.requirement in {"REQUIRED", "CONDITIONAL"}:
            here = {(is_named, True) for is_named in _passes_step(step)}
            if step.requirement == "CONDITIONAL" and _may_be_skipped(step):
                here.add((False, False))
            ways = {(named or now, ran or runs) for named, ran in ways for now, runs in here}
    passed = {named for named, ran in ways if ran}
    if (False, False) in ways:
        # Alternatives count where nothing else ran; an empty flow is passed.
        alternatives = [it for it in steps if it.requirement == "ALTERNATIVE"]
        passed |= {named for it in alternatives for named in _passes_step(it)} if alternatives else {False}
    return frozenset(passed)


def _passes_step(step: Execution) -> _Passes:
    if step.flow:
        return _passes(step.flow)
    if step.provider == _USERNAME:
        return frozenset({True})
    return frozenset({False} if step.provider == _WAVED_THROUGH else ())


def _may_be_skipped(step: Execution) -> bool:
    """Whether the conditions may fail for somebody who used no credential; without any, Keycloak skips it."""
    conditions = [
        it
        for it in (step.flow.executions if step.flow else ())
        if it.is_on and it.provider.startswith(_CONDITION)
    ]
    return not conditions or not all(map(_always_holds, conditions))


def _always_holds(condition: Execution) -> bool:
    """Whether it holds for whoever only typed a name: only that of the credentials used so far is sure to."""
    if condition.provider != _USED_CREDENTIAL:
        return False
    says_none = _NO_CREDENTIAL in condition.config.get("credentials", "").split("##")
    return says_none == (condition.config.get("included") == "true")
