"""An SDK in a process of its own, called by lines of JSON: `start`, `login`, `refresh`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sdks.house import CLIENT_ID, CLIENT_SECRET, House


class SdkRefuses(Exception):
    """The SDK's own error: `type` is its class, the rest what it makes of the answer."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__(str(told))
        self.type, self.code = told["type"], told.get("code")
        self.says, self.status = told.get("says"), told.get("status")


@dataclass
class Driver:
    process: subprocess.Popen[str]
    log: Path

    def start(self, **whom: str) -> Any:
        return self._call("start", **whom)

    def login(self, code: str, scope: str, **who: str) -> Any:
        return self._call("login", code=code, scope=scope, **who)

    def refresh(self, token: str) -> Any:
        return self._call("refresh", token=token)

    def _call(self, call: str, **given: str) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"call": call, **given}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the SDK's program ended:\n{self.log.read_text()[-3000:]}"
        said = json.loads(line)
        if "refused" in said:
            raise SdkRefuses(said["refused"])
        return said["answer"]


@contextmanager
def driver(command: Sequence[str | Path], house: House, *, log: Path, **environment: str) -> Iterator[Driver]:
    """The program, told who it is and where; its authority as each runtime wants it is in `environment`."""
    told = {"DOMAIN": house.domain, "CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, **told, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
    try:
        yield Driver(process, log)
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
