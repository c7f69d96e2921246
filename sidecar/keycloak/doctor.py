"""Examining a realm through the admin API: what `apply` would mend, and what only a person can.

Reads only. What it looks for beside the plan are the ways in which a realm that runs can be unsafe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from sidecar.errors import KeycloakUnavailable, SettingsError
from sidecar.keycloak.account_checks import examine_account, examine_addresses
from sidecar.keycloak.admin import Admin
from sidecar.keycloak.advisories import advisories_of
from sidecar.keycloak.before import Before
from sidecar.keycloak.change import Change
from sidecar.keycloak.client_steps import ClientChoices, ClientIds
from sidecar.keycloak.desired import STOCK_THEME, THEME, chosen_theme
from sidecar.keycloak.flow_builder import read_flow
from sidecar.keycloak.flow_steps import BrowserFlow, IdentityProvider, OwnFlow, PostLoginFlow
from sidecar.keycloak.flows import Flow, surplus
from sidecar.keycloak.name_alone import opens_by_name
from sidecar.keycloak.passkeys import Passkeys, RestoredPasskeys
from sidecar.keycloak.plan import require_theme, steps_of
from sidecar.keycloak.realm_steps import (
    ClientScope,
    DefaultScope,
    Es256Key,
    Languages,
    LoginPage,
    Texts,
    UserProfile,
)
from sidecar.keycloak.removal import own_providers
from sidecar.keycloak.step import NamedThing, Step
from sidecar.keycloak.versions import examine_version
from sidecar.model.checkup import Check, Finding, Severity
from sidecar.settings import Settings

_PROVIDERS = ("identity-provider", "instances")
_NAMED = 10

#: Of each kind of step: the check's name, how bad a difference is, and why it matters. What is not here is a problem.
_STEPS: Mapping[type[Any], tuple[str, Severity, str]] = {
    ClientChoices: (
        "application-choices",
        "warning",
        "their login pages offer another connection first, or look otherwise, than the settings say",
    ),
    ClientIds: (
        "applications",
        "warning",
        "our pages and messages show such an application the looks of the realm, not its own",
    ),
    Before: (
        "undo-note",
        "warning",
        "without it `passwordless remove` can't put back the languages and the user profile that the realm had",
    ),
    Languages: (
        "languages",
        "problem",
        "the login page lacks languages that the sidecar's pages and messages have, or shows no choice of them",
    ),
    Es256Key: (
        "signing-key",
        "problem",
        "Keycloak signs its token requests with it, and the sidecar takes no other: every sign-in fails",
    ),
    UserProfile: (
        "user-profile",
        "problem",
        "users lack an attribute that their number is kept in",
    ),
    Passkeys: (
        "passkeys",
        "problem",
        "people can't sign in with a passkey, can't set one up, or set up one that does not check who holds it",
    ),
    RestoredPasskeys: (
        "passkeys",
        "warning",
        "the settings say that this realm's passkeys are its own, and they are as we made them",
    ),
    OwnFlow: (
        "first-broker-login-flow",
        "problem",
        "it decides who may be linked with an account that exists: a changed one may link without proof",
    ),
    PostLoginFlow: (
        "post-login-flow",
        "problem",
        "it decides who has shown a second factor: a changed one may say so of somebody who has not",
    ),
    BrowserFlow: (
        "browser-flow",
        "problem",
        "a step beside or instead of our forms may let people past them, or keep them out",
    ),
    NamedThing: (
        "mapper",
        "problem",
        "tokens don't say how the user signed in, or users lack the number that they proved",
    ),
    ClientScope: ("client-scope", "warning", "tokens don't say how the user signed in (`amr`)"),
    DefaultScope: ("default-client-scope", "warning", "new clients don't get the claim `amr`"),
    Texts: (
        "theme-texts",
        "problem",
        "the login theme reads from them which connections to show, and how: a field or button is missing or stale",
    ),
    LoginPage: (
        "login-page",
        "problem",
        "users don't meet our sign-in page",
    ),
}
#: Of single differences: a word of them, and why they matter.
_LINES: Mapping[str, str] = {
    "browserFlow:": "users meet a sign-in flow that is not ours, which may ask for a password, or let a name pass",
    "loginTheme:": "users see a page without our field for an address or a number",
    ": required,": "it stops new users at a form: they bring an address or a number and nothing else",
    ": written by users,": "users can claim a number there that is not theirs, and applications believe it",
}
#: Of an identity provider's keys: why a difference matters, where more can be said than that sign-in fails.
_PROVIDER_KEYS: Mapping[str, str] = {
    "trustEmail": (
        "Keycloak takes an address that was just proven for unverified, and may ask its owner for another proof"
    ),
    "enabled": "the connection's button is gone, and nobody signs in through it",
    "linkOnly": "nobody signs in through it: it only links accounts of people who are signed in",
    "firstBrokerLoginFlowAlias": (
        "that flow decides who may be linked with an account that exists: another one may link without proof"
    ),
    "postBrokerLoginFlowAlias": (
        "that flow asks for the second factor: without it, applications that ask for one get a login with one factor"
    ),
    "config.issuer": "Keycloak takes ID tokens of this issuer only: every sign-in fails",
    "config.authorizationUrl": "it is where Keycloak sends browsers: they end somewhere else than at the sidecar",
    "config.tokenUrl": "it is where Keycloak redeems codes: every sign-in fails, or another server answers",
    "config.jwksUrl": "whoever has the keys behind it can sign in as anybody",
    "config.validateSignature": "Keycloak takes ID tokens and logout tokens that anybody made up",
    "config.useJwksUrl": "Keycloak does not learn of new signing keys: sign-ins fail after the next rotation",
    "config.clientAuthMethod": "the sidecar takes signed assertions only: every sign-in fails",
    "config.clientAssertionSigningAlg": "the sidecar takes ES256 only: every sign-in fails",
    "config.pkceEnabled": "the sidecar refuses requests without PKCE: every sign-in fails",
    "config.pkceMethod": "the sidecar refuses requests without PKCE by S256: every sign-in fails",
    "config.disableNonce": "the sidecar refuses requests without a nonce: every sign-in fails",
    "config.allowedClockSkew": "clocks are never quite the same: some sign-ins fail, or old tokens are taken",
}
#: Authenticators that link an account, or end a flow, without what our flow asks for.
_LINKING = {"idp-auto-link", "idp-email-verification", "allow-access-authenticator"}
#: A difference in these is somebody's taste or a lesser comfort.
_COSMETIC = {"displayName", "hideOnLogin", "config.uiLocales", "config.loginHint", "config.forwardParameters"}


class RealmDoctor:
    """The checks of one realm.

    Args:
        sign_in: opens the admin API; what it raises is a finding of the first check.
        settings: with `[realms.<realm_name>]`.
        realm_name: the realm.
        theme: the login theme that `apply` was given.
    """

    def __init__(
        self, sign_in: Callable[[], Admin], settings: Settings, realm_name: str, *, theme: str = THEME
    ) -> None:
        self._sign_in = sign_in
        self._settings = settings
        self._name = realm_name
        self._theme = theme
        self._is_there = False

    def checks(self) -> Iterator[Check]:
        """In the order of what depends on what: without the admin API or the realm, the others don't come."""
        yield Check(name="admin-api", title="Keycloak's admin API", look=self._reach)
        if not self._is_there:
            return
        yield Check(
            name="keycloak-version",
            title="Keycloak's version",
            look=lambda: examine_version(self._version_there, self._settings.realms[self._name]),
        )
        yield Check(name="advisories", title="advisories of Keycloak's broker", look=self._advisories)
        if self._theme != STOCK_THEME:
            yield Check(
                name="theme-installed",
                title=f"login theme {self._chosen_theme} installed",
                look=self._theme_there,
            )
        for step in steps_of(self.admin, self._settings, self._name, theme=self._theme):
            yield self._of_step(step)
        yield Check(
            name="name-alone", title="no sign-in flow takes a name for proof", look=self._opened_by_name
        )
        yield Check(
            name="service-account",
            title="the sidecar's service account",
            look=lambda: examine_account(self._realm, self._settings, self._name),
        )
        yield Check(
            name="unverified-addresses",
            title="addresses that accounts are linked by",
            look=lambda: examine_addresses(self._realm, self._settings, self._name),
        )
        yield Check(name="left-providers", title="identity providers that are ours", look=self._left_over)
        yield Check(name="brute-force", title="Keycloak's brute force detection", look=self._brute_force)

    @cached_property
    def admin(self) -> Admin:
        """The admin API.

        Raises:
            KeycloakUnavailable: it can't be opened.
        """
        return self._sign_in()

    @property
    def is_reached(self) -> bool:
        """Whether the realm was found through the admin API."""
        return self._is_there

    @cached_property
    def _realm(self) -> Admin:
        return self.admin.at("realms", self._name)

    @cached_property
    def _flows(self) -> list[dict[str, Any]]:
        flows: list[dict[str, Any]] = self._realm.get("authentication", "flows")
        return flows

    @cached_property
    def _providers(self) -> list[dict[str, Any]]:
        providers: list[dict[str, Any]] = self._realm.get(*_PROVIDERS)
        return providers

    @cached_property
    def _server(self) -> Mapping[str, Any]:
        """What Keycloak says of itself; an admin with few roles sees less of it."""
        return self.admin.find("serverinfo") or {}

    @property
    def _version_there(self) -> str:
        return str(self._server.get("systemInfo", {}).get("version", ""))

    def _mend(self) -> str:
        stock = f" --theme {STOCK_THEME}" if self._theme == STOCK_THEME else ""
        return f"passwordless apply {self._name}{stock}"

    def _reach(self) -> Iterator[Finding]:
        try:
            found = self._realm.find()
        except KeycloakUnavailable as err:
            yield Finding(
                severity="problem",
                what=str(err),
                why="nothing of the realm's inside was looked at: flows, identity providers, theme, user profile",
                mend=f"mend that, then run `passwordless doctor {self._name}` again",
            )
            return
        if found is None:
            yield Finding(
                severity="problem",
                what=f"Keycloak has no realm '{self._name}' that this admin can see",
                why="nobody can sign in, and nothing of its inside was looked at",
                mend=f"mend the name in the settings, or: {self._mend()} --create",
            )
            return
        self._is_there = True
        if not found.get("enabled"):
            yield Finding(
                severity="problem",
                what=f"the realm '{self._name}' is disabled",
                why="Keycloak answers none of its applications",
                mend="switch it on: admin console > Realm settings > Enabled",
            )

    def _advisories(self) -> Iterator[Finding]:
        version = self._version_there
        if not version:
            yield Finding(
                severity="note",
                what="not compared with the known advisories, since this admin can't see Keycloak's version",
            )
            return
        for advisory, concerned in advisories_of(version, self._providers, self._broker_flows()):
            upgrade = f"upgrade Keycloak: it is fixed in {', '.join(advisory.fixed)}"
            yield Finding(
                severity="warning",
                what=f"{advisory.cve} is open in Keycloak {version}, and concerns the identity providers"
                f" {', '.join(concerned)}",
                why=f"{advisory.what} (github.com/keycloak/keycloak/issues/{advisory.issue})",
                mend=f"{upgrade}; or {advisory.workaround}" if advisory.workaround else upgrade,
            )

    def _broker_flows(self) -> dict[str, set[str]]:
        aliases = {str(it.get("firstBrokerLoginFlowAlias") or "") for it in self._providers} - {""}
        flows = {alias: read_flow(self._realm, alias) for alias in aliases}
        return {alias: _authenticators(flow) for alias, flow in flows.items() if flow}

    @property
    def _chosen_theme(self) -> str:
        realm = self._settings.realms.get(self._name)
        return chosen_theme(realm, self._theme) if realm else self._theme

    def _theme_there(self) -> Iterator[Finding]:
        if not self._server.get("themes", {}).get("login"):
            yield Finding(
                severity="note",
                what="this admin can't see Keycloak's themes",
            )
            return
        try:
            require_theme(self.admin, self._chosen_theme)
        except KeycloakUnavailable as err:
            yield Finding(
                severity="problem",
                what=f"Keycloak has no login theme '{self._chosen_theme}'",
                why="Keycloak shows its own page instead, with a button for each connection and no field",
                mend=str(err).partition(": ")[2],
            )

    def _of_step(self, step: Step) -> Check:
        name, severity, why = _STEPS.get(
            type(step), (step.what.replace(" ", "-"), "problem", "passwordless login needs it")
        )
        if isinstance(step, IdentityProvider):
            alias = step.desired["alias"]
            return Check(
                name=f"identity-provider:{alias}", title=step.what, look=lambda: self._of_provider(step)
            )
        if isinstance(step, NamedThing):
            name = f"mapper:{step.desired['identityProviderAlias']}:{step.desired['name']}"
        elif isinstance(step, ClientScope):
            name = f"client-scope:{step.desired['name']}"
        elif isinstance(step, DefaultScope):
            name = f"default-client-scope:{step.scope}"
        return Check(name=name, title=step.what, look=lambda: self._of_change(step, severity, why))

    def _of_change(self, step: Step, severity: Severity, why: str) -> Iterator[Finding]:
        try:
            change = step.check()
        except (KeycloakUnavailable, SettingsError) as err:
            # Something that `apply` refuses to touch: it says what a person has to do.
            yield Finding(severity=severity, what=str(err), why=why, mend=f"do that, then: {self._mend()}")
            return
        if change.is_pending:
            for line in _said(step, change):
                yield Finding(
                    severity=severity,
                    what=line,
                    why=next((it for word, it in _LINES.items() if word in line), why),
                    mend=self._mend(),
                )
        if isinstance(step, OwnFlow):
            yield from self._foreign_steps(step, why)

    def _foreign_steps(self, step: OwnFlow, why: str) -> Iterator[Finding]:
        """What an admin added to a flow of ours stays, so only a person can take it out."""
        actual = read_flow(self._realm, step.template.alias)
        for name in surplus(step.template, actual) if actual else ():
            yield Finding(
                severity="problem" if name in _LINKING else "warning",
                what=f"{step.what}: it holds {name}, which is not ours",
                why=why,
                mend=f"disable {name} there: admin console > Authentication > Flows > {step.template.alias}",
            )

    def _of_provider(self, step: IdentityProvider) -> Iterator[Finding]:
        try:
            change = step.check()
        except KeycloakUnavailable as err:
            yield Finding(
                severity="problem",
                what=str(err),
                why="the connection's name is taken, so nobody can sign in through it",
                mend=f"do that, then: {self._mend()}",
            )
            return
        if change.kind == "create":
            yield Finding(
                severity="problem",
                what=f"{change.what} is missing",
                why="nobody can sign in through the connection",
                mend=self._mend(),
            )
            return
        for line in change.detail:
            key = line.partition(":")[0]
            yield Finding(
                severity="warning" if key in _COSMETIC else "problem",
                what=f"{change.what}: {_should(line)}",
                why=_PROVIDER_KEYS.get(
                    key, "a connection that is set up otherwise is not the one that was tested"
                ),
                mend=self._mend(),
            )

    def _opened_by_name(self) -> Iterator[Finding]:
        aliases = {flow["id"]: flow["alias"] for flow in self._flows}
        bound: dict[str, list[str]] = {}
        bound.setdefault(self._realm.get()["browserFlow"], []).append("the realm")
        for client in self._realm.get("clients"):
            flow_id = (client.get("authenticationFlowBindingOverrides") or {}).get("browser")
            if flow_id in aliases:
                bound.setdefault(aliases[flow_id], []).append(f"client {client['clientId']}")
        for alias, profile in self._chosen_by_policies():
            bound.setdefault(alias, []).append(f"client profile {profile}")
        for alias, users in bound.items():
            flow = read_flow(self._realm, alias)
            if flow and opens_by_name(flow):
                more = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
                yield Finding(
                    severity="problem",
                    what=f"the flow '{alias}' lets in whoever types a user name; it is bound to"
                    f" {', '.join(users[:_NAMED])}{more}",
                    why="Keycloak's Username Form proves nothing: anybody who posts a name is signed in as that user,"
                    " whether or not the page shows the form",
                    mend=self._way_out(alias, users),
                )

    def _way_out(self, alias: str, users: list[str]) -> str:
        ways = []
        if "the realm" in users:
            ways.append(self._mend())
        if users != ["the realm"]:
            ways.append(
                "take the flow off each (Clients > client > Advanced > Authentication flow overrides;"
                " Realm settings > Client policies)"
            )
        return f"{', and '.join(ways)}; or add a password form or a passkey, REQUIRED, to the flow '{alias}'"

    def _chosen_by_policies(self) -> Iterator[tuple[str, str]]:
        """The flows that client profiles choose, with the profile's name."""
        profiles = (self._realm.find("client-policies", "profiles") or {}).get("profiles") or []
        for profile in profiles:
            for executor in profile.get("executors") or []:
                if executor.get("executor") == "auth-flow-enforcer":
                    alias = (executor.get("configuration") or {}).get("auth-flow-alias")
                    if alias:
                        yield alias, profile["name"]

    def _left_over(self) -> Iterator[Finding]:
        connections = self._settings.realms[self._name].connections
        for alias in own_providers(self._realm, self._settings.issuer(self._name, "")):
            if alias not in connections:
                yield Finding(
                    severity="warning",
                    what=f"the identity provider {alias} leads to the sidecar, and is no connection of the settings",
                    why="whoever chooses it ends at an error page, and accounts may be linked with nothing else",
                    mend=f"add [realms.{self._name}.connections.{alias}] to the settings, or delete the provider"
                    " (admin console > Identity providers)",
                )

    def _brute_force(self) -> Iterator[Finding]:
        if not self._realm.get().get("bruteForceProtected"):
            yield Finding(
                severity="note",
                what="it is off",
                why="the sidecar counts tries of its codes by itself; passwords and second factors of Keycloak's"
                " own can be guessed without end",
                mend="admin console > Realm settings > Security defenses > Brute force detection",
            )


def _said(step: Step, change: Change) -> list[str]:
    """A sentence for each thing to mend, or one for all of them where they are one thing."""
    what = f"{change.what} is missing" if change.kind == "create" else change.what
    lines = [_should(line) for line in change.detail]
    if isinstance(step, LoginPage | UserProfile):
        return [f"{what}: {line}" for line in lines]
    return [f"{what}: {'; '.join(lines)}" if lines else what]


def _should(line: str) -> str:
    """A plan's `key: this → that` says what will be; here it is what should be."""
    return line.replace(" → ", ", should be ", 1)


def _authenticators(flow: Flow) -> set[str]:
    """The names of the authenticators that are on, sub-flows included."""
    found: set[str] = set()
    for step in flow.executions:
        if step.is_on:
            found |= _authenticators(step.flow) if step.flow else {step.provider}
    return found
