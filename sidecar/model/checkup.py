"""What an examination is made of: checks, one after another, and what each of them finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from sidecar.errors import SidecarError

#: `note`: worth knowing, nothing to mend; `warning`: works, or may work, but should be mended; `problem`: some sign-in
#: fails, or is not safe.
Severity = Literal["note", "warning", "problem"]
_ORDER: tuple[Severity, ...] = ("note", "warning", "problem")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as it should be: what, why it matters, and the command or setting that mends it.

    None of them holds a secret.
    """

    severity: Severity
    what: str
    why: str = ""
    mend: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether there is something to mend."""
        return self.severity != "note"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing to look at, read-only. `name` is stable, for scripts; `title` for people.

    `look` finds nothing if all is well. What it raises as a `SidecarError` becomes a finding: it could not be checked.
    """

    name: str
    title: str
    look: Callable[[], Iterable[Finding]]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A check that was made."""

    name: str
    title: str
    findings: tuple[Finding, ...]

    @property
    def state(self) -> str:
        """`ok`, or the worst severity; notes are `ok`."""
        worst = max((_ORDER.index(it.severity) for it in self.findings), default=0)
        return _ORDER[worst] if worst else "ok"


def examine(checks: Iterable[Check]) -> Iterator[Checked]:
    """Make the checks in their order; one that can't be made is a problem, and the next one comes."""
    for check in checks:
        try:
            found = tuple(check.look())
        except SidecarError as err:
            found = (
                Finding(
                    severity="problem",
                    what=f"could not be checked: {err}",
                    why="what was not looked at may be wrong",
                    mend="mend the cause, then run `passwordless doctor` again",
                ),
            )
        yield Checked(name=check.name, title=check.title, findings=found)
