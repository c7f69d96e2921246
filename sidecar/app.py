"""The composition root: settings → store, delivery, keys → Flask. The only place that names concrete classes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIServer

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from sidecar import health, keycloak, logs, store
from sidecar import settings as settings_module
from sidecar.api.admin_ports import AdminRoom
from sidecar.api.install import install as install_api
from sidecar.api.install import unrouted
from sidecar.api.sdk import face
from sidecar.api.sdk.desk import Desk
from sidecar.delivery.apprise import Apprise
from sidecar.delivery.callbacks import TwilioCallbacks, WebhookCallbacks
from sidecar.delivery.console import Console
from sidecar.delivery.ports import Doorbell, Provider
from sidecar.delivery.render import Renderer
from sidecar.delivery.smtp import Smtp
from sidecar.delivery.twilio import Twilio
from sidecar.delivery.webhook import Webhook
from sidecar.delivery.worker import Worker
from sidecar.edge import access_log, browser, headers, hosts
from sidecar.edge.mounting import mounted
from sidecar.edge.places import places_of
from sidecar.edge.seal import PendingSeal, Seal
from sidecar.edge.turns import Turns
from sidecar.errors import SettingsError
from sidecar.keycloak.admin_tokens import AdminTokens
from sidecar.keycloak.client_credentials import CheckedAtKeycloak
from sidecar.keycloak.passing import PassedOn
from sidecar.keycloak.realm_keys import FetchedRealmKeys
from sidecar.keycloak.walk import HeadlessLogin
from sidecar.login.account import AccountRoom
from sidecar.login.keys import KeyRing
from sidecar.login.passkeys import Passkeys, TakingBack
from sidecar.login.pinned import is_test
from sidecar.login.ports import Accounts as OwnAccounts
from sidecar.login.ports import Callbacks, PasskeyAccounts, SignIn, Users
from sidecar.login.room import LoginRoom
from sidecar.model.challenge import Challenge
from sidecar.oidc import authorize, discovery, requests, token
from sidecar.oidc.assertion import ClientAuthentication
from sidecar.oidc.rotation import Rotation
from sidecar.oidc.signing import SigningKeys
from sidecar.oidc.wrapping import Wrapping
from sidecar.settings import (
    AppriseProvider,
    ConsoleProvider,
    Realm,
    Settings,
    TwilioProvider,
    WebhookProvider,
)
from sidecar.store.account_book import SqlAccountBook
from sidecar.store.account_sessions import SqlAccountSessions
from sidecar.store.admin_lists import SqlAdminLists
from sidecar.store.api_clients import SqlClients
from sidecar.store.assertions import SqlUsedAssertions
from sidecar.store.auth_codes import SqlAuthCodes
from sidecar.store.challenges import SqlChallenges
from sidecar.store.clock import Clock
from sidecar.store.complaints import SqlComplaints
from sidecar.store.doorbell import LocalDoorbell, PostgresDoorbell
from sidecar.store.engine import Database
from sidecar.store.key_shelf import SqlKeyShelf
from sidecar.store.merges import SqlMerges
from sidecar.store.outbox import SqlOutbox
from sidecar.store.passkeys import SqlPasskeyOffers
from sidecar.store.pumping import SqlStops
from sidecar.store.receipts import SqlReceipts
from sidecar.store.reservations import SqlReservations
from sidecar.store.retention import SqlRetention, Sweeping
from sidecar.store.tickets import SqlTickets
from sidecar.store.verification import SqlVerification
from sidecar.store.waiting import waiting
from sidecar.telemetry import exporter, metrics, traces
from sidecar.telemetry.metered import MeteredAuthCodes, MeteredChallenges, MeteredOutbox, MeteredVerification
from sidecar.users.merging import Merging
from sidecar.users.ports import Profiles
from sidecar.web import account_undo, callbacks, component, failures, not_me
from sidecar.web.account import AccountPage
from sidecar.web.account_add import AccountAdd
from sidecar.web.account_door import Door
from sidecar.web.account_merge import AccountMerge
from sidecar.web.code import Code
from sidecar.web.confirm import Confirm
from sidecar.web.link import Link
from sidecar.web.pages import Pages
from sidecar.web.passkey import Passkey
from sidecar.web.start import Start
from sidecar.words import Catalogue

_MAX_BODY_BYTES = 64 * 1024
_MAX_FORM_FIELDS = 40
_PARTS = "passwordless"
#: Of a server that does not say how many threads it has.
_THREADS = 8
#: How many API clients of a process wait for their login to be walked, before the next is sent away.
_WAITING = 32


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the faces and the worker are built from. Tests hand in a clock that they move, and users."""

    settings: Settings
    database: Database
    keys: KeyRing
    catalogue: Catalogue
    #: In the place of Keycloak's users.
    users: PasskeyAccounts | None = None

    @classmethod
    def build(cls, settings: Settings, *, clock: Clock | None = None) -> Parts:
        """Open the database, refusing one that is away or of another version.

        Raises:
            SettingsError: with the key and the way to mend it.
        """
        database = Database(settings.database.url.reveal(), clock=clock)
        try:
            store.check(database)
        except SettingsError:
            database.dispose()
            raise
        return cls(
            settings=settings,
            database=database,
            keys=KeyRing(settings.server.secret_keys),
            catalogue=Catalogue(),
        )

    def room(self) -> LoginRoom:
        return LoginRoom(
            settings=self.settings,
            keys=self.keys,
            challenges=MeteredChallenges(SqlChallenges(self.database)),
            verification=MeteredVerification(SqlVerification(self.database)),
            auth_codes=MeteredAuthCodes(SqlAuthCodes(self.database)),
            complaints=SqlComplaints(self.database),
            tickets=SqlTickets(self.database),
            reservations=SqlReservations(self.database),
            clients=SqlClients(self.database),
            users=self.holders(),
        )

    def holders(self) -> Users | None:
        """Whom a proven address leads to; `None` where no realm lets us look, which spares python-keycloak."""
        accounts = self.accounts()
        return keycloak.KeycloakUsers(accounts) if accounts else None

    def accounts(self) -> keycloak.Accounts | None:
        """The users of the realms that let us change them; `None` where none does, which spares python-keycloak."""
        if any(realm.service_account for realm in self.settings.realms.values()):
            return keycloak.Accounts(self.settings)
        return None

    def merging(self, profiles: Callable[[str], Profiles]) -> Merging:
        """Merges in the realms of the settings; `profiles`: a realm's users in Keycloak, by its name."""
        return Merging(realms=self.settings.realms, profiles=profiles, merges=SqlMerges(self.database))

    def passkeys(self) -> Passkeys:
        accounts = self.accounts()
        users = keycloak.PasskeyUsers(accounts) if accounts else None
        return Passkeys(
            settings=self.settings,
            keys=self.keys,
            offers=SqlPasskeyOffers(self.database),
            accounts=self.users or users,
        )

    def worker(self) -> Worker:
        providers = providers_of(self.settings)
        return Worker(
            outbox=MeteredOutbox(SqlOutbox(self.database), providers),
            doorbell=self._doorbell(),
            keys=self.keys,
            renderer=self.renderer(),
            providers=providers,
            public_url=self.settings.server.public_url,
            id=Worker.new_id(),
            is_stopped=SqlStops(self.database).is_stopped,
            is_test=partial(is_test, self.settings),
            has_account=self._has_account(),
            chore=self._chores(),
        )

    def _chores(self) -> Callable[[], None]:
        sweeping = Sweeping(SqlRetention(self.database, self.settings.retention))
        taking_back = TakingBack(self.passkeys())

        def one_of_each() -> None:
            sweeping()
            taking_back()

        return one_of_each

    def _has_account(self) -> Callable[[Challenge], bool]:
        accounts = self.accounts()
        return keycloak.KnownUsers(self.settings, accounts).have if accounts else lambda _challenge: False

    def renderer(self) -> Renderer:
        """The realms' templates, compiled and tried.

        Raises:
            SettingsError: one can't be used; names the file.
        """
        return renderer_of(self.settings, list(self.settings.realms.values()), self.catalogue)

    def _doorbell(self) -> Doorbell:
        if self.database.is_postgresql:
            return PostgresDoorbell(self.database)
        bell = LocalDoorbell()
        self.database.on_queued = bell.ring
        return bell


def renderer_of(settings: Settings, realms: list[Realm], catalogue: Catalogue) -> Renderer:
    """Renders the messages of these realms.

    Raises:
        SettingsError: a template can't be used; names the file.
    """
    urls = (settings.server.public_url, settings.keycloak.url)
    return Renderer(
        catalogue,
        realms,
        host=urlsplit(settings.server.public_url).hostname or "",
        hosts={urlsplit(it).netloc for it in urls},
        logo_url=settings.logo_url,
    )


def providers_of(settings: Settings) -> Mapping[tuple[str, str], Sequence[Provider]]:
    """The ways out of each connection, by realm and connection, in order; one object for each provider."""
    built = {name: _provider(settings, provider) for name, provider in settings.providers.items()}
    return {
        (realm.name, connection.id): tuple(built[name] for name in connection.providers)
        for realm in settings.realms.values()
        for connection in realm.connections.values()
    }


def _provider(settings: Settings, provider: settings_module.Provider) -> Provider:
    if isinstance(provider, WebhookProvider):
        return Webhook(provider, issuer=settings.server.public_url)
    if isinstance(provider, TwilioProvider):
        return Twilio(provider, public_url=settings.server.public_url)
    if isinstance(provider, AppriseProvider):
        return Apprise(provider)
    if isinstance(provider, ConsoleProvider):
        return Console(provider)
    return Smtp(provider)


def turns_of(threads: int) -> Turns:
    """How a process with `threads` that work shares them out; its pool must have `Turns.threads`."""
    return Turns(working=threads, waiting=_WAITING)


def create_app(
    parts: Parts,
    *,
    turns: Turns | None = None,
    users: OwnAccounts | None = None,
    sign_in: SignIn | None = None,
    profiles: Callable[[str], Profiles] | None = None,
) -> Flask:
    """The Flask application over these parts.

    `turns`: how the server's threads are shared out; without one nobody waits for a login to be walked. `users`,
    `sign_in` and `profiles` stand for Keycloak's side of the account page.
    """
    settings = parts.settings
    turns = turns or Turns(working=_THREADS, waiting=0)
    app = Flask(__name__, static_folder=None, template_folder="web/templates")
    # Flask would take the first from FLASK_DEBUG; each of them shows what is inside.
    app.config.update(DEBUG=False, TESTING=False, PROPAGATE_EXCEPTIONS=False)
    app.config.update(MAX_CONTENT_LENGTH=_MAX_BODY_BYTES, MAX_FORM_PARTS=_MAX_FORM_FIELDS)
    # Only the client's address is taken from a proxy, and only over as many hops as were said to be trusted; host and
    # scheme of links come from `public_url` alone.
    hops = settings.server.trusted_hops
    inner = mounted(app.wsgi_app, settings.server.public_url)
    proxied = ProxyFix(inner, x_for=hops, x_proto=hops, x_host=0)
    app.wsgi_app = turns.around(proxied)  # type: ignore[method-assign]
    room = parts.room()
    signing = SigningKeys(SqlKeyShelf(parts.database), parts.keys)
    clients = ClientAuthentication(
        settings, FetchedRealmKeys(settings.keycloak), SqlUsedAssertions(parts.database), parts.keys
    )
    pages = Pages.build(settings, parts.catalogue)
    places = places_of(settings.server.geoip_database)
    start = Start(room, pages, Seal(parts.keys), places)
    access_log.install(app)
    metrics.install(app)
    hosts.install(app, settings.server, settings.sdk_hosts, serving={face.CALLED, face.VISITED})
    app.after_request(headers.set_security_headers)
    app.after_request(browser.set_new_cookie)
    failures.install(app, pages, elsewhere=unrouted)
    app.register_blueprint(discovery.blueprint(room, signing))
    app.register_blueprint(authorize.blueprint(room, start))
    app.register_blueprint(token.blueprint(room, clients, signing))
    app.register_blueprint(start.blueprint())
    passkey = Passkey(room, pages, parts.passkeys())
    app.register_blueprint(Code(room, pages, passkey).blueprint())
    app.register_blueprint(Link(room, pages, passkey).blueprint())
    app.register_blueprint(passkey.blueprint())
    app.register_blueprint(not_me.blueprint(room, pages))
    _register_account_page(app, parts, room, pages, users=users, sign_in=sign_in, profiles=profiles)
    app.register_blueprint(pages.blueprint())
    app.register_blueprint(component.blueprint(parts.catalogue))
    app.register_blueprint(callbacks.blueprint(_callbacks(settings), SqlReceipts(parts.database)))
    app.register_blueprint(health.blueprint(parts.database.ping))
    credentials = CheckedAtKeycloak(settings.keycloak, parts.keys)
    admin_room = _admin_room(parts, room, profiles)
    install_api(app, room, credentials, parts.catalogue, places, admin_room=admin_room)
    if settings.sdk.default_realm or settings.sdk_hosts:
        desk = Desk(
            room=room,
            credentials=credentials,
            walks=HeadlessLogin(settings, walking=turns.walking, waiting=turns.waiting, aside=turns.aside),
            passing=PassedOn(settings.keycloak),
            parse=partial(requests.parse, settings),
            catalogue=parts.catalogue,
            places=places,
            confirming=Confirm(pages),
        )
        app.register_blueprint(face.called(desk))
        app.register_blueprint(face.visited(desk))
    for realm in settings.realms:
        signing.ensure(realm)
    return app


def _admin_room(parts: Parts, room: LoginRoom, profiles: Callable[[str], Profiles] | None) -> AdminRoom:
    """What the API's admin side works on: the same as the commands."""
    accounts = parts.accounts()

    def its_profiles(realm: str) -> Profiles:
        if accounts is None:
            raise SettingsError(f"realms.{realm}.service_account is false: nothing here may ask for users")
        return keycloak.RealmUsers(accounts.realm(realm))

    return AdminRoom(
        login=room,
        tokens=AdminTokens(parts.settings, FetchedRealmKeys(parts.settings.keycloak)),
        lists=SqlAdminLists(parts.database),
        help=SqlComplaints(parts.database),
        keys=Rotation(SqlKeyShelf(parts.database), Wrapping(parts.keys)),
        stops=SqlStops(parts.database),
        merging=parts.merging(profiles or its_profiles),
    )


def _register_account_page(
    app: Flask,
    parts: Parts,
    room: LoginRoom,
    pages: Pages,
    *,
    users: OwnAccounts | None,
    sign_in: SignIn | None,
    profiles: Callable[[str], Profiles] | None,
) -> None:
    """The pages of the realms with `account_page = true`; without one, no library that they need is loaded."""
    settings = parts.settings
    accounts = parts.accounts()
    if accounts is None or not any(realm.account_page for realm in settings.realms.values()):
        return
    places = places_of(settings.server.geoip_database)
    account = AccountRoom(
        login=room,
        book=SqlAccountBook(parts.database),
        accounts=users or keycloak.AccountUsers(settings, accounts),
    )
    door = Door(
        account,
        SqlAccountSessions(parts.database),
        sign_in or keycloak.AccountSignIn(settings, FetchedRealmKeys(settings.keycloak)),
        PendingSeal(parts.keys),
    )
    app.register_blueprint(door.blueprint())
    app.register_blueprint(AccountPage(account, door, pages, places).blueprint())
    app.register_blueprint(AccountAdd(account, door, pages, places).blueprint())
    its_profiles = profiles or (lambda realm: keycloak.RealmUsers(accounts.realm(realm)))
    merge = AccountMerge(
        room=account,
        door=door,
        pages=pages,
        places=places,
        merging=parts.merging(its_profiles),
        profiles=its_profiles,
    )
    app.register_blueprint(merge.blueprint())
    app.register_blueprint(account_undo.blueprint(account, door, pages))


def _callbacks(settings: Settings) -> Mapping[str, Callbacks]:
    """How each provider that says later what became of its messages does so."""
    found: dict[str, Callbacks] = {}
    for name, provider in settings.providers.items():
        if isinstance(provider, WebhookProvider) and provider.callback_secret:
            found[name] = WebhookCallbacks(provider.callback_secret)
        elif isinstance(provider, TwilioProvider) and provider.auth_token:
            found[name] = TwilioCallbacks(provider.auth_token, public_url=settings.server.public_url)
    return found


def start_exporter(settings: Settings) -> WSGIServer:
    """Serve `/metrics` as `[metrics]` says. A connection for each scrape: a process that forks must hold none."""

    def ask() -> exporter.Queue:
        database = Database(settings.database.url.reveal())
        try:
            return exporter.Queue(*waiting(database))
        finally:
            database.dispose()

    return exporter.start(settings.metrics.bind, ask)


def load_app(turns: Turns | None = None) -> Flask:
    """The application over `PASSWORDLESS_SETTINGS` and the environment; holds no connection and no thread yet.

    gunicorn calls it before it forks, so that its processes share what they don't write to.

    Raises:
        SettingsError: they can't be used; the process ends before it answers anything.
    """
    path = os.environ.get("PASSWORDLESS_SETTINGS")
    settings = settings_module.load(Path(path) if path else None)
    logs.configure(settings.server.log_level)
    parts = Parts.build(settings)
    app = create_app(parts, turns=turns)
    parts.database.dispose()
    app.extensions[_PARTS] = parts
    for template in app.jinja_env.list_templates():
        app.jinja_env.get_template(template)
    return app


def begin(app: Flask) -> None:
    """Start what runs beside an application of `load_app`, in the process that serves: traces, the worker thread."""
    parts: Parts = app.extensions[_PARTS]
    if parts.settings.traces.otlp_endpoint:
        traces.install(app, traces.provider_for(parts.settings.traces.otlp_endpoint))
    if parts.settings.server.embedded_worker:
        # A daemon: when the process ends, messages that are not out yet stay in the outbox.
        threading.Thread(
            target=parts.worker().run, args=(threading.Event(),), name="worker", daemon=True
        ).start()
