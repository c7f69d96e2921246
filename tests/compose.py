"""`docker-compose.yml` and `Dockerfile` as a container engine reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"


class RequiredVariableError(Exception):
    """`${NAME:?sentence}` and no NAME."""


def read(environment: Mapping[str, str]) -> dict[str, Any]:
    """The Compose file with its variables filled in.

    Raises:
        RequiredVariableError: one that is required is missing.
    """
    filled: dict[str, Any] = _walk(raw(), environment)
    return filled


def raw() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return loaded


def command_of(service: Mapping[str, Any]) -> list[str]:
    """What the container runs: the service's words over the image's (Compose specification, `entrypoint`)."""
    stage = _stage(service["build"]["target"]) if "build" in service else {}
    if "entrypoint" in service:
        return [*service["entrypoint"], *service.get("command", [])]
    return [*stage.get("ENTRYPOINT", []), *service.get("command", stage.get("CMD", []))]


def instructions(target: str, instruction: str) -> list[str]:
    """The lines of one kind of a stage of the Dockerfile, like RUN."""
    return list(_stage(target)[instruction])


def image_of(target: str) -> str:
    """The image that a stage begins with."""
    found = re.search(rf"^FROM (\S+) AS {target}$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"the Dockerfile has no stage {target}"
    return found[1]


def interpolate(text: str, environment: Mapping[str, str]) -> str:
    """Fill in `$$`, `${NAME}`, `${NAME:-else}`, `${NAME:+then}` and `${NAME:?sentence}`, one inside another."""
    out, rest = "", text
    while "$" in rest:
        before, _, rest = rest.partition("$")
        out += before
        if rest.startswith("$"):
            out, rest = f"{out}$", rest[1:]
            continue
        inner, rest = _braced(rest)
        out += _value(inner, environment)
    return out + rest


def _value(inner: str, environment: Mapping[str, str]) -> str:
    found = re.fullmatch(r"([A-Za-z_]\w*)(?::([-+?])(.*))?", inner, re.DOTALL)
    assert found, f"this test can't read ${{{inner}}}"
    name, operator, other = found.groups()
    value = environment.get(name, "")
    if operator == "?" and not value:
        raise RequiredVariableError(f"{name}: {other}")
    if (operator == "-" and not value) or (operator == "+" and value):
        return interpolate(other, environment)
    return "" if operator == "+" else value


def _braced(text: str) -> tuple[str, str]:
    """The inside of the braces that `text` begins with, and what follows them."""
    assert text.startswith("{"), text
    depth = 0
    for index, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return text[1:index], text[index + 1 :]
    raise AssertionError(f"no end of {text}")


def _walk(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _walk(inner, environment) for key, inner in value.items()}
    if isinstance(value, list):
        return [_walk(inner, environment) for inner in value]
    return interpolate(value, environment) if isinstance(value, str) else value


def _stage(target: str) -> dict[str, Any]:
    """The instructions of one stage: lists of words for ENTRYPOINT and CMD, lists of lines for the rest."""
    stage: dict[str, Any] = {}
    text = re.sub(r"\\\n", " ", DOCKERFILE.read_text(encoding="utf-8"))
    here = ""
    for line in text.splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            here = rest.rpartition(" AS ")[2]
        elif here == target and instruction in {"ENTRYPOINT", "CMD"}:
            stage[instruction] = json.loads(rest)
        elif here == target and instruction.isupper():
            stage.setdefault(instruction, []).append(rest)
    assert stage, f"the Dockerfile has no stage {target}"
    return stage
