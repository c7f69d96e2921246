"""Authentication flows as values: read from a representation, grafted onto the flow a realm has, compared."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

_USERNAME = "auth-username-form"
#: The pages that take a name or a password; ours stand in for all of them.
_LOGIN_FORMS = {"auth-username-password-form", _USERNAME, "auth-password-form"}
#: Sub-flow of `realm-config/60-browser-flow.json` with our forms, and the parts of it that are ours.
_FORMS, _OURS = "forms", ("passkey or nothing", "passkey")


#: What Keycloak says instead of a setting that the authenticator does not list among its own: it might be a secret.
_MASKED = "**********"


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One step of a flow: an authenticator (`provider`) or a sub-flow; without ids until Keycloak has it."""

    provider: str = ""
    flow: Flow | None = None
    requirement: str
    config: Mapping[str, str] = field(default_factory=dict)
    config_alias: str = ""
    id: str = ""
    config_id: str = ""
    priority: int = 0

    @property
    def label(self) -> str:
        return self.flow.alias if self.flow else self.provider

    @property
    def is_on(self) -> bool:
        return self.requirement != "DISABLED"


@dataclass(frozen=True, kw_only=True)
class Flow:
    alias: str
    description: str = ""
    executions: tuple[Execution, ...] = ()


def flow_from(representation: Mapping[str, Any], alias: str) -> Flow:
    """The flow `alias` of a realm representation (`authenticationFlows`, `authenticatorConfig`), with its sub-flows."""
    flows = {flow["alias"]: flow for flow in representation["authenticationFlows"]}
    configs = {config["alias"]: config["config"] for config in representation["authenticatorConfig"]}

    def build(name: str) -> Flow:
        steps = sorted(flows[name]["authenticationExecutions"], key=lambda step: step["priority"])
        return Flow(
            alias=name, description=flows[name]["description"], executions=tuple(map(execution, steps))
        )

    def execution(step: Mapping[str, Any]) -> Execution:
        config_alias = step.get("authenticatorConfig", "")
        return Execution(
            provider=step.get("authenticator", ""),
            flow=build(step["flowAlias"]) if step["authenticatorFlow"] else None,
            requirement=step["requirement"],
            config=configs[config_alias] if config_alias else {},
            config_alias=config_alias,
        )

    return build(alias)


def graft(source: Flow, template: Flow) -> tuple[Flow, tuple[str, ...]]:
    """The sign-in flow for a realm whose own is `source`: its parts, with `template`'s forms for its login page.

    Where the login page of `source` stands alone in a sub-flow of required steps (Keycloak's own flow and its copies),
    only that page is replaced, so a second factor after it stays as the realm has it. Any other shape can't be followed
    safely: its parts with a login page are left out and the template's forms stand in for them.

    Returns:
        The flow, and the names of the parts that were left out.
    """
    forms = next(step for step in template.executions if step.label == f"{template.alias} {_FORMS}")
    ours = _our_part(template, forms)
    parts: list[Execution] = []
    left_out: list[str] = []
    grafted = False
    for step in source.executions:
        if not _has_login_page(step):
            parts.append(_renamed(step, source.alias, template.alias))
        elif not grafted and (host := _followable(step)) is not None:
            parts.append(_renamed(_swap(step, host, ours), source.alias, template.alias))
            grafted = True
        else:
            left_out.append(step.label)
    if not grafted:
        parts.append(forms)
    return replace(template, executions=tuple(parts)), tuple(left_out)


def mismatches(desired: Flow, actual: Flow | None) -> tuple[str, ...]:
    """A sentence for each execution of `desired` that `actual` lacks, or has otherwise or in another order."""
    if actual is None:
        return (f"flow '{desired.alias}' is missing",)
    found: list[str] = []
    pairs = matched(desired, actual)
    for wanted, present in pairs:
        if present is None:
            found.append(f"{wanted.label}: missing → {wanted.requirement}")
            continue
        if wanted.requirement != present.requirement:
            found.append(f"{wanted.label}: {present.requirement} → {wanted.requirement}")
        found += [
            f"{wanted.label}: its setting '{key}' differs"
            for key in wanted.config
            if differs(wanted, present, key)
        ]
        if wanted.flow:
            found += mismatches(wanted.flow, present.flow)
    if not in_order([present for _, present in pairs if present]):
        found.append(f"{desired.alias}: the order of its executions differs")
    return tuple(found)


def differs(wanted: Execution, present: Execution, key: str) -> bool:
    """Whether a step's setting is another; one that Keycloak keeps to itself counts as right."""
    return present.config.get(key) not in {wanted.config[key], _MASKED}


def matched(desired: Flow, actual: Flow) -> list[tuple[Execution, Execution | None]]:
    """Each execution of `desired` with the one of `actual` that stands for it."""
    left = list(actual.executions)
    pairs: list[tuple[Execution, Execution | None]] = []
    for wanted in desired.executions:
        present = next((step for step in left if step.label == wanted.label), None)
        if present:
            left.remove(present)
        pairs.append((wanted, present))
    return pairs


def in_order(steps: Sequence[Execution]) -> bool:
    priorities = [step.priority for step in steps]
    return all(first < second for first, second in itertools.pairwise(priorities))


def surplus(desired: Flow, actual: Flow) -> list[str]:
    """The names of executions that are on in `actual` and not in `desired`, sub-flows included."""
    pairs = matched(desired, actual)
    known = [present for _, present in pairs if present]
    names = [step.label for step in actual.executions if step not in known and step.is_on]
    for wanted, present in pairs:
        if wanted.flow and present and present.flow:
            names += surplus(wanted.flow, present.flow)
    return names


def _our_part(template: Flow, forms: Execution) -> tuple[Execution, ...]:
    steps = forms.flow.executions if forms.flow else ()
    ours = {f"{template.alias} {name}" for name in _OURS}
    return tuple(step for step in steps if step.provider in _LOGIN_FORMS or step.label in ours)


def _has_login_page(step: Execution) -> bool:
    return step.is_on and (
        step.provider in _LOGIN_FORMS or any(map(_has_login_page, step.flow.executions if step.flow else ()))
    )


def _followable(step: Execution) -> Flow | None:
    """The only sub-flow below `step` with a login page, if all its steps that are on run one after another."""
    hosts = list(_hosts(step.flow)) if step.flow else []
    if len(hosts) != 1 or any(inner.requirement == "ALTERNATIVE" for inner in hosts[0].executions):
        return None
    return hosts[0]


def _hosts(flow: Flow) -> Iterator[Flow]:
    if any(step.is_on and step.provider in _LOGIN_FORMS for step in flow.executions):
        yield flow
    for step in flow.executions:
        if step.flow and step.is_on:
            yield from _hosts(step.flow)


def _swap(step: Execution, host: Flow, ours: tuple[Execution, ...]) -> Execution:
    """`step` with the login page of `host`, somewhere below it, replaced by `ours`."""
    if step.flow is None:
        return step
    if step.flow is host:
        return replace(step, flow=replace(host, executions=tuple(_without_login_page(host, ours))))
    inner = tuple(_swap(below, host, ours) for below in step.flow.executions)
    return replace(step, flow=replace(step.flow, executions=inner))


def _without_login_page(host: Flow, ours: tuple[Execution, ...]) -> Iterator[Execution]:
    replaced, placed = {step.label for step in ours} | _LOGIN_FORMS, False
    for step in host.executions:
        if step.label not in replaced:
            yield step
        elif not placed:
            placed = True
            yield from ours


def _renamed(step: Execution, source: str, target: str) -> Execution:
    """The same step for another flow: with names of its own inside, since a realm has each name once."""
    flow = step.flow and replace(
        step.flow,
        alias=_own_name(step.flow.alias, source, target),
        executions=tuple(_renamed(below, source, target) for below in step.flow.executions),
    )
    alias = step.config_alias and _own_name(step.config_alias, source, target)
    return replace(step, flow=flow, config_alias=alias, id="", config_id="", priority=0)


def _own_name(name: str, source: str, target: str) -> str:
    return name if name.startswith(f"{target} ") else f"{target} {name.removeprefix(f'{source} ')}"
