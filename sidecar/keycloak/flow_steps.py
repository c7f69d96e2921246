"""Steps on flows and on the identity providers that use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak.admin import Admin
from sidecar.keycloak.change import Change
from sidecar.keycloak.desired import POST_LOGIN_FLOW
from sidecar.keycloak.flow_builder import build_flow, read_flow
from sidecar.keycloak.flows import Flow, graft, mismatches, surplus
from sidecar.keycloak.step import NamedThing, settled

_POST_LOGIN = "postBrokerLoginFlowAlias"


@dataclass(frozen=True, kw_only=True)
class OwnFlow:
    """A flow of ours, by its template; what an admin added to it stays."""

    realm: Admin
    template: Flow

    @property
    def what(self) -> str:
        return f"flow {self.template.alias}"

    def check(self) -> Change:
        actual = read_flow(self.realm, self.template.alias)
        if actual is None:
            return Change(kind="create", what=self.what, detail=(self.template.description,))
        return settled(self.what, mismatches(self.template, actual))

    def do(self) -> None:
        build_flow(self.realm, self.template)


@dataclass(frozen=True, kw_only=True)
class PostLoginFlow(OwnFlow):
    """What follows a login through a connection: the second factor, where it is asked for."""


@dataclass(frozen=True, kw_only=True)
class BrowserFlow:
    """The sign-in flow: a copy of what the realm has, with our forms. Once bound, only the forms are compared."""

    realm: Admin
    template: Flow

    @property
    def what(self) -> str:
        return f"flow {self.template.alias}"

    def check(self) -> Change:
        desired, detail = self._desired()
        actual = read_flow(self.realm, self.template.alias)
        if actual is None:
            return Change(kind="create", what=self.what, detail=detail)
        self._refuse_surplus(desired, actual)
        return settled(self.what, mismatches(desired, actual))

    def do(self) -> None:
        build_flow(self.realm, self._desired()[0])

    def _desired(self) -> tuple[Flow, tuple[str, ...]]:
        bound = self.realm.get()["browserFlow"]
        source = read_flow(self.realm, bound)
        if source is None:
            raise KeycloakUnavailable(
                f"the realm's browser flow '{bound}' is missing: bind another one in the admin console"
            )
        desired, left_out = graft(source, self.template)
        if left_out and bound == self.template.alias:
            raise _changed_by_hand(bound, left_out)
        detail = [f"stands in for '{bound}', whose other parts it copies"]
        detail += [f"'{name}' of '{bound}' is not copied: our forms stand in for it" for name in left_out]
        return desired, tuple(detail)

    @staticmethod
    def _refuse_surplus(desired: Flow, actual: Flow) -> None:
        names = surplus(desired, actual)
        if names:
            raise _changed_by_hand(actual.alias, names)


def _changed_by_hand(alias: str, names: tuple[str, ...] | list[str]) -> KeycloakUnavailable:
    return KeycloakUnavailable(
        f"the flow '{alias}' holds steps beside our forms that may let people past them ({', '.join(names)}):"
        " disable those in the admin console (Authentication > Flows), then run this again"
    )


@dataclass(frozen=True, kw_only=True)
class IdentityProvider(NamedThing):
    """The connection as identity provider; one of the same alias that is not ours is refused, not overwritten."""

    key: str = "alias"
    id_key: str = "alias"

    def check(self) -> Change:
        actual = self._actual()
        if actual is not None:
            self._refuse_foreign(actual)
            return super().check()
        return Change(kind="create", what=self.what, detail=(f"issuer: {self.desired['config']['issuer']}",))

    def _wanted(self, actual: Mapping[str, Any]) -> Mapping[str, Any]:
        """Without a post-login flow, ours is let go; one that an admin chose stays."""
        ours_is_bound = actual.get(_POST_LOGIN) == POST_LOGIN_FLOW
        return {_POST_LOGIN: "", **self.desired} if ours_is_bound else self.desired

    def _refuse_foreign(self, actual: Mapping[str, Any]) -> None:
        theirs = (actual["providerId"], actual["config"].get("clientId"))
        if theirs != (self.desired["providerId"], self.desired["config"]["clientId"]):
            alias = self.desired["alias"]
            raise KeycloakUnavailable(
                f"the realm has another identity provider '{alias}' ({theirs[0]}, client '{theirs[1]}'):"
                " give the connection another name in the settings; this one stays untouched"
            )
