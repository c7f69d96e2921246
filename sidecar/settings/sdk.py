"""`[sdk]`, and the realms' `sdk_hosts`: whose face existing SDKs speak to, at which host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from marshmallow import ValidationError


class _OfRealm(Protocol):
    @property
    def sdk_hosts(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, kw_only=True)
class Sdk:
    """`default_realm`: whose face is at our own host; empty: nobody's."""

    default_realm: str


def by_host(sdk: Sdk, realms: Mapping[str, _OfRealm]) -> dict[str, str]:
    """Realms by the host names that their faces have beside ours.

    Raises:
        ValidationError: two realms name one, or there is no such realm.
    """
    if sdk.default_realm and sdk.default_realm not in realms:
        raise ValidationError(
            f"names '{sdk.default_realm}', but there is no [realms.{sdk.default_realm}]", "sdk.default_realm"
        )
    hosts: dict[str, str] = {}
    for name, realm in realms.items():
        for host in realm.sdk_hosts:
            if hosts.setdefault(host, name) != name:
                raise ValidationError(
                    f"names '{host}', which is realm '{hosts[host]}' already", f"realms.{name}.sdk_hosts"
                )
    return hosts
