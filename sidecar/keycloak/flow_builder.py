"""Flows in a realm: reading them, and building ours step by step so that stopping anywhere leaves nothing open.

Every execution begins DISABLED and is switched on when it is complete; what must close is switched on before what may
open is switched off. Nothing is deleted.
"""

from __future__ import annotations

from typing import Any

from sidecar.keycloak.admin import Admin
from sidecar.keycloak.flows import Execution, Flow, differs, in_order, matched
from sidecar.keycloak.step import named

_STEP = 10
_PATH = ("authentication", "flows")


def read_flow(realm: Admin, alias: str) -> Flow | None:
    """The flow as Keycloak has it, with ids; `None` if the realm has none of that name."""
    flows = realm.get(*_PATH)
    found = named(flows, alias, key="alias")
    if found is None:
        return None
    rows = realm.get(*_PATH, alias, "executions")
    return Flow(alias=alias, description=found.get("description") or "", executions=_level(realm, rows, 0))


def build_flow(realm: Admin, desired: Flow) -> None:
    """Make the top-level flow as it is desired, or finish what an interrupted run left; its other steps stay."""
    actual = read_flow(realm, desired.alias)
    if actual is None:
        head = {
            "alias": desired.alias,
            "description": desired.description,
            "providerId": "basic-flow",
            "topLevel": True,
            "builtIn": False,
        }
        realm.post(*_PATH, body=head)
    _fill(realm, desired, actual or Flow(alias=desired.alias))


def _level(realm: Admin, rows: list[dict[str, Any]], level: int) -> tuple[Execution, ...]:
    """The executions of one level out of Keycloak's flat list; those of a sub-flow follow it, one deeper."""
    steps: list[Execution] = []
    for position, row in enumerate(rows):
        if row["level"] < level:
            break
        if row["level"] == level:
            steps.append(_execution(realm, row, rows[position + 1 :]))
    return tuple(steps)


def _execution(realm: Admin, row: dict[str, Any], following: list[dict[str, Any]]) -> Execution:
    config_id = row.get("authenticationConfig", "")
    config = realm.get("authentication", "config", config_id) if config_id else {}
    is_flow = row.get("authenticationFlow", False)
    inner = _level(realm, following, row["level"] + 1) if is_flow else ()
    return Execution(
        provider="" if is_flow else row["providerId"],
        flow=Flow(alias=row["displayName"], description=row.get("description") or "", executions=inner)
        if is_flow
        else None,
        requirement=row["requirement"],
        config=config.get("config") or {},
        config_alias=config.get("alias", ""),
        id=row["id"],
        config_id=config_id,
        priority=row["priority"],
    )


def _fill(realm: Admin, desired: Flow, actual: Flow) -> None:
    pairs = matched(desired, actual)
    present = [step for _, step in pairs if step]
    renumber = len(present) < len(pairs) or not in_order(present)
    steps: list[tuple[Execution, Execution, int]] = []
    for position, (wanted, step) in enumerate(pairs, start=1):
        there = step or _add(realm, desired.alias, wanted, position * _STEP)
        steps.append((wanted, there, position * _STEP if renumber else there.priority))
    for wanted, step, _ in steps:
        _complete(realm, wanted, step)
    for wanted, step, priority in sorted(steps, key=lambda entry: not entry[0].is_on):
        _switch(realm, desired.alias, wanted, step, priority)


def _add(realm: Admin, parent: str, wanted: Execution, priority: int) -> Execution:
    where = (*_PATH, parent, "executions")
    if wanted.flow:
        head = {"alias": wanted.flow.alias, "description": wanted.flow.description}
        kind = {"provider": "basic-flow", "type": "basic-flow", "priority": priority}
        made = realm.post(*where, "flow", body={**head, **kind})
    else:
        made = realm.post(*where, "execution", body={"provider": wanted.provider, "priority": priority})
    # For a sub-flow, Keycloak's answer names the flow, not the execution that holds it.
    row = next(row for row in realm.get(*where) if made in {row["id"], row.get("flowId")})
    return _execution(realm, row, [])


def _complete(realm: Admin, wanted: Execution, step: Execution) -> None:
    """Give the execution its inside: the sub-flow's steps, or the configuration."""
    if wanted.flow:
        _fill(realm, wanted.flow, step.flow or Flow(alias=wanted.flow.alias))
    elif wanted.config and not step.config_id:
        realm.post(
            "authentication",
            "executions",
            step.id,
            "config",
            body={"alias": wanted.config_alias, "config": dict(wanted.config)},
        )
    elif any(differs(wanted, step, key) for key in wanted.config):
        body = {"id": step.config_id, "alias": step.config_alias, "config": {**step.config, **wanted.config}}
        realm.put("authentication", "config", step.config_id, body=body)


def _switch(realm: Admin, parent: str, wanted: Execution, step: Execution, priority: int) -> None:
    if wanted.requirement == step.requirement and priority == step.priority:
        return
    body: dict[str, Any] = {"id": step.id, "requirement": wanted.requirement, "priority": priority}
    if step.flow:
        # Keycloak takes name and description of a sub-flow from the same call.
        body |= {
            "authenticationFlow": True,
            "displayName": step.flow.alias,
            "description": step.flow.description,
        }
    realm.put(*_PATH, parent, "executions", body=body)
