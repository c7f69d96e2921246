"""What a realm had where we change it, noted on the realm itself, so that it can be put back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sidecar.keycloak.admin import Admin
from sidecar.keycloak.change import Change


@dataclass(frozen=True, kw_only=True)
class NotedBefore:
    """The note, read. Without one, nothing is known: `locales` is `None`, and there are no attributes."""

    login_theme: str = ""
    internationalized: bool = False
    locales: tuple[str, ...] | None = None
    default_locale: str = ""
    #: By name: what the attribute had of `required` and `edit`; `None` if the profile did not have it.
    attributes: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)

    @classmethod
    def of(cls, realm: Mapping[str, Any]) -> NotedBefore:
        """The note on a realm's representation; an attribute that somebody else wrote counts as none."""
        try:
            noted = json.loads(realm.get("attributes", {}).get(Before.ATTRIBUTE, ""))
            return cls(**{**noted, "locales": tuple(noted["locales"])})
        except (ValueError, TypeError, KeyError):
            return cls()


@dataclass(frozen=True, kw_only=True)
class Before:
    """The note is made before anything else, and once: a later run would take our changes for the realm's own."""

    #: The realm attribute that holds it, as JSON.
    ATTRIBUTE: ClassVar[str] = "passwordless.before"

    realm: Admin
    profile: tuple[Mapping[str, Any], ...]
    what: str = "note of what was before"

    def check(self) -> Change:
        has_note = self.ATTRIBUTE in self.realm.get().get("attributes", {})
        return Change(kind="keep" if has_note else "create", what=self.what)

    def do(self) -> None:
        actual = self.realm.get()
        noted = {
            "login_theme": actual.get("loginTheme") or "",
            "internationalized": actual.get("internationalizationEnabled", False),
            "locales": sorted(actual.get("supportedLocales") or []),
            "default_locale": actual.get("defaultLocale") or "",
            "attributes": self._attributes(),
        }
        # Keycloak drops the attributes that an update leaves out, so all go along.
        attributes = {**actual.get("attributes", {}), self.ATTRIBUTE: json.dumps(noted, sort_keys=True)}
        self.realm.put(body={"attributes": attributes})

    def _attributes(self) -> dict[str, dict[str, Any] | None]:
        present = {it["name"]: it for it in self.realm.get("users", "profile")["attributes"]}
        return {wanted["name"]: _what_we_change(present.get(wanted["name"])) for wanted in self.profile}


def _what_we_change(attribute: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if attribute is None:
        return None
    noted: dict[str, Any] = {}
    if "required" in attribute:
        noted["required"] = attribute["required"]
    if "edit" in attribute.get("permissions", {}):
        noted["edit"] = list(attribute["permissions"]["edit"])
    return noted
