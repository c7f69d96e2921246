"""The SDKs that docs/sdks.md says are run are those that the tests pin, in just that version."""

from __future__ import annotations

import json
import re
import tomllib

from tests import browser_sdk
from tests.docs.markdown import DOCS, ROOT

SDKS = ROOT / "tests" / "sdks"


def pinned() -> dict[str, str]:
    """By the name that the table has for it."""
    node = json.loads((SDKS / "node" / "package.json").read_text(encoding="utf-8"))["dependencies"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    python = dict(it.split("==") for it in project["optional-dependencies"]["dev"] if it.startswith("auth0"))
    go = re.findall(
        r"^require (\S+)/go-auth0 v(\S+)", (SDKS / "go" / "go.mod").read_text("utf-8"), re.MULTILINE
    )
    java = re.findall(
        r"^com\.auth0:auth0:(\S+)", (SDKS / "java" / "jars.txt").read_text("utf-8"), re.MULTILINE
    )
    return {
        **python,
        "auth0-js": browser_sdk.VERSION,
        "node auth0": node.pop("auth0"),
        **node,
        "go-auth0": go[0][1],
        "auth0-java": java[0],
    }


def test_what_is_run_is_what_is_pinned():
    table = re.findall(
        r"^\| ([^|]+) (\S+) \| run \|", (DOCS / "sdks.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert pinned() == dict(table)
