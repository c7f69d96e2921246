"""The worker: take a message, derive its code, render, send, and write what happened."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from sidecar.delivery.ports import Doorbell, Outbox, Provider, Rendered
from sidecar.delivery.render import Renderer
from sidecar.delivery.route import Route, Taken
from sidecar.errors import DeliveryFailed, KeycloakUnavailable, RecipientRefused, StoreUnavailable
from sidecar.login import account, links, not_me
from sidecar.login.addressing import read
from sidecar.login.codes import derive_code
from sidecar.login.keys import KeyRing
from sidecar.model.address import is_number
from sidecar.model.challenge import Challenge, Purpose
from sidecar.model.message import CLAIM_S, Parcel

_log = structlog.get_logger()

_BACKOFF_S = (1, 2, 4, 8, 15)
#: Of notices, which are of use for a day.
_PATIENT_BACKOFF_S = (*_BACKOFF_S, 30, 60, 120, 300, 600)
#: A message that would arrive with less life left is of no use.
_USELESS_BELOW_S = 5
_POLL_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Sends what is queued, until it is told to stop. Any number of them share an outbox."""

    outbox: Outbox
    doorbell: Doorbell
    keys: KeyRing
    renderer: Renderer
    providers: Mapping[tuple[str, str], Sequence[Provider]]
    public_url: str
    id: str = ""
    route: Route = field(default_factory=Route)
    #: Whether an operator has stopped a realm's connection; asked for text messages only.
    is_stopped: Callable[[str, str], bool] = lambda _realm, _connection: False
    #: Whether a challenge is for a test address, whose messages nobody gets.
    is_test: Callable[[Challenge], bool] = lambda _challenge: False
    #: Whether Keycloak has an account for a challenge that nobody here knows; asked where sign-up is off.
    has_account: Callable[[Challenge], bool] = lambda _challenge: False
    #: Done a little at a time while there is nothing to send.
    chore: Callable[[], None] = lambda: None

    @staticmethod
    def new_id() -> str:
        return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"

    def run(self, stop: threading.Event) -> None:
        """Work until `stop`; a database that is away is waited for."""
        while not stop.is_set():
            try:
                if not self.step():
                    self.chore()
                    self.doorbell.wait(_POLL_S)
            except StoreUnavailable as err:
                _log.warning("worker_waits_for_database", reason=str(err))
                stop.wait(_POLL_S)
            except Exception:  # noqa: BLE001  # a worker that dies sends nothing any more; the claim brings the message back
                _log.exception("worker_step_failed")
                stop.wait(_POLL_S)

    def step(self) -> bool:
        """Handle one message; whether there was one."""
        until = self.route.clock() + CLAIM_S
        parcel = self.outbox.take(self.id, claim_s=CLAIM_S)
        if parcel is None:
            return False
        parcel = replace(parcel, is_test=self.is_test(parcel.challenge))
        parcel, doubt = self._let_out(parcel)
        try:
            taken = self._send(parcel, until)
            if doubt:
                # Told to nobody, like all that only some addresses meet: its page says "sent".
                raise RecipientRefused(doubt, is_final=False)
        except DeliveryFailed as failure:
            self._after(parcel, failure)
        else:
            self.outbox.mark_sent(parcel, self.id, provider=taken.provider, reference=taken.reference)
            _log.info("message_sent", message=parcel.id, provider=taken.provider, attempt=parcel.attempt)
        return True

    def _let_out(self, parcel: Parcel) -> tuple[Parcel, str]:
        """The message as one to be sent, where Keycloak knows the address; why that can't be told now, else nothing."""
        challenge = parcel.challenge
        if not challenge.is_unknown or parcel.is_test:
            return parcel, ""
        try:
            is_let_out = self.has_account(challenge) and self.outbox.let_out(parcel)
        except KeycloakUnavailable as err:
            _log.warning("account_not_looked_up", message=parcel.id, reason=str(err))
            return parcel, "Keycloak can't be asked for the account"
        if is_let_out:
            challenge = replace(challenge, is_suppressed=False, is_unknown=False)
        return replace(parcel, challenge=challenge), ""

    def _send(self, parcel: Parcel, until: float) -> Taken:
        """Hand it to the first provider that takes it, before the claim is over."""
        challenge = parcel.challenge
        providers = self.providers.get((challenge.realm, challenge.connection))
        if not providers:
            raise DeliveryFailed("its connection is no longer in the settings", is_final=True)
        if parcel.deadline_at - parcel.taken_at < _USELESS_BELOW_S * 1000:
            raise DeliveryFailed("the code's life is over", is_final=True)
        content = self._render(parcel)
        if is_number(challenge.destination) and self.is_stopped(challenge.realm, challenge.connection):
            raise DeliveryFailed("an operator has stopped the connection", is_final=True)

        def hand_over(provider: Provider) -> str:
            # Rehearsed, not skipped: its page then says of an outage what everybody's says.
            act = provider.rehearse if parcel.is_rehearsed else provider.send
            reference = act(
                message_id=parcel.id,
                destination=challenge.destination,
                content=content,
                locale=challenge.locale,
            )
            return reference or ""

        return self.route.carry(
            providers,
            hand_over,
            until=until,
            note=lambda name, failure: self._refused(parcel, name, failure),
            is_rehearsed=parcel.is_rehearsed,
        )

    def _refused(self, parcel: Parcel, provider: str, failure: DeliveryFailed) -> None:
        self.outbox.note_refused(parcel, self.id, failure, provider=provider)
        _log.warning("provider_refused", message=parcel.id, provider=provider, reason=failure.reason)

    def _render(self, parcel: Parcel) -> Rendered:
        challenge = parcel.challenge
        try:
            code = derive_code(self.keys, challenge) if challenge.method.has_code else ""
            link_url = self._link_url(challenge)
            not_me_token = not_me.token_for(self.keys, challenge)
        except KeyError:
            raise DeliveryFailed("the server key it was made under is revoked", is_final=True) from None
        return self.renderer.render(
            realm=challenge.realm,
            template=parcel.template,
            code=code,
            link_url=link_url,
            not_me_url=f"{self.public_url}/not-me/{not_me_token}",
            locale=challenge.locale,
            minutes=max(1, round((parcel.deadline_at - parcel.taken_at) / 60_000)),
            asker=challenge.asker,
            asked_at=challenge.created_at,
            application=challenge.request.application,
            page_host=challenge.request.page_host,
            change=parcel.change.kind.value if parcel.change else "",
            changed_address=read(parcel.change.destination).masked if parcel.change else "",
        )

    def _link_url(self, challenge: Challenge) -> str:
        """Where the message's link leads; empty if it has none.

        Raises:
            KeyError: the server key it was made under is revoked.
        """
        if challenge.purpose is Purpose.NOTICE:
            token = account.token_for(self.keys, challenge)
            return f"{self.public_url}/realms/{challenge.realm}/account/undo/{token}"
        if challenge.method.has_link:
            return f"{self.public_url}/l/{links.token_for(self.keys, challenge)}"
        return ""

    def _after(self, parcel: Parcel, failure: DeliveryFailed) -> None:
        steps_s = _PATIENT_BACKOFF_S if parcel.change else _BACKOFF_S
        after_s = steps_s[min(parcel.attempt, len(steps_s)) - 1]
        left_s = (parcel.deadline_at - parcel.taken_at) / 1000
        is_last = failure.is_final or left_s < after_s + _USELESS_BELOW_S
        _log.warning(
            "message_failed" if is_last else "message_delayed", message=parcel.id, reason=failure.reason
        )
        if is_last:
            self.outbox.mark_failed(parcel, self.id, failure)
        else:
            self.outbox.put_back(parcel, self.id, failure, after_s=after_s)
