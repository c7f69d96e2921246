"""The versions of Keycloak that are supported, what the older ones among them lack, and what a realm is told of that.

What stands here was seen on the versions that are named: docs/keycloak-versions.md has the table of those runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sidecar.model.checkup import Finding
from sidecar.settings import Realm

#: What the tests were run with, the oldest first; with the last one every change is tested.
TESTED = ("26.4.7", "26.5.6", "26.7.4")
#: The oldest and the newest line that are supported, with all between.
OLDEST_LINE, NEWEST_LINE = "26.4", "26.7"

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def parsed(version: str) -> tuple[int, int, int]:
    """26.7.4 as numbers; (0, 0, 0) for what is no version."""
    found = _VERSION.match(version)
    return (int(found[1]), int(found[2]), int(found[3])) if found else (0, 0, 0)


def is_before(version: str, line: str) -> bool:
    """Whether the version is of an older line than 26.7, say."""
    return parsed(version)[:2] < parsed(f"{line}.0")[:2]


@dataclass(frozen=True, kw_only=True)
class Lack:
    """Something that Keycloak has since the line `since`, and how we do without it before.

    `concerns` says for which realms that is worth a word.
    """

    since: str
    what: str
    why: str
    mend: str
    concerns: Callable[[Realm], bool]


#: Languages that Keycloak's own pages speak since a line: tag, line, name. Of Romanian it had a few words before.
TEXTS_SINCE = (("ro", "26.5", "Romanian"), ("id", "26.6", "Indonesian"), ("vi", "26.7", "Vietnamese"))


def _texts(tag: str, since: str, language: str) -> Lack:
    return Lack(
        since=since,
        what=f"has few texts of its own, or none, in {language} ({tag})",
        why="on its pages only our field and our words are in it; titles, errors and the passkey's button are in"
        " English or in the realm's default language",
        mend=f"upgrade Keycloak; or take {tag} out of the realm's locales; or write them in the admin console, Realm"
        " settings > Localization > Realm overrides",
        concerns=lambda realm: tag in realm.locales,
    )


LACKS = (
    Lack(
        since="26.7",
        what="has no setting for how passkeys are offered (webAuthnPolicyPasswordlessMediation)",
        why="browsers always offer them in the field for an address, as they do with our choice of that setting; the"
        " realm can't have them offered by the button alone",
        mend="nothing, if that is right for you; else upgrade Keycloak",
        concerns=lambda realm: realm.passkeys != "off",
    ),
    *(_texts(*it) for it in TEXTS_SINCE),
)


def lacking(version: str, realm: Realm) -> list[Lack]:
    """What this version lacks of what the realm's settings ask for."""
    return [it for it in LACKS if is_before(version, it.since) and it.concerns(realm)]


def examine_version(version: str, realm: Realm) -> Iterator[Finding]:
    """Whether this version is supported, and what it lacks.

    Args:
        version: Keycloak's; empty if the admin can't see it.
        realm: its settings.
    """
    if not version:
        yield Finding(
            severity="note",
            what="this admin can't see Keycloak's version, which takes the role manage-realm, and in versions before"
            " 26.5.4 an admin of the realm master",
            why=f"{OLDEST_LINE} to {NEWEST_LINE} are supported; older ones have known holes, and lack what we need",
            mend="look in the admin console, under Server info, as an admin of the realm master",
        )
    elif is_before(version, OLDEST_LINE):
        yield Finding(
            severity="warning",
            what=f"Keycloak {version} is older than {OLDEST_LINE}, the oldest that is supported",
            why=f"nothing here was tried with it: {', '.join(TESTED)} were",
            mend=f"upgrade Keycloak to {TESTED[-1]} or later",
        )
    elif is_before(f"{NEWEST_LINE}.0", _line(version)):
        yield Finding(
            severity="note",
            what=f"Keycloak {version} is newer than the newest that this release was tried with ({TESTED[-1]})",
            why="it may have changed something that passwordless login stands on",
            mend=f'try it before your users do: make test-matrix ARGS="{version}"; or look for a newer release of this',
        )
    else:
        for lack in lacking(version, realm):
            yield Finding(
                severity="note",
                what=f"Keycloak {version} {lack.what}; {lack.since} has",
                why=lack.why,
                mend=lack.mend,
            )


def _line(version: str) -> str:
    major, minor, _ = parsed(version)
    return f"{major}.{minor}"
