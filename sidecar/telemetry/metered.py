"""Ports that count what passes through them: the flow and the worker don't know, the adapters neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sidecar.delivery.ports import Outbox, Provider
from sidecar.errors import ChallengeRefused, ConnectionStopped, DeliveryFailed, RateLimited
from sidecar.login.ports import AuthCodes, Challenges, Verification
from sidecar.model.challenge import Challenge, Found
from sidecar.model.message import Parcel
from sidecar.model.proof import Grant
from sidecar.telemetry.metrics import AUTH_CODES, CODES, MESSAGES, REFUSALS, RESENT, STARTED


class MeteredChallenges:
    """`login.ports.Challenges`, counted."""

    def __init__(self, inner: Challenges) -> None:
        self._inner = inner

    def open(self, new: Any, *args: Any, **rest: Any) -> Challenge:
        opened = _refusals_counted(self._inner.open, new, new, *args, **rest)
        STARTED.labels(new.realm, new.connection).inc()
        return opened

    def find(self, challenge_id: str, browser_macs: Sequence[str]) -> Found:
        return self._inner.find(challenge_id, browser_macs)

    def newest(self, realm: str, connection: str, address: str, browser_macs: Sequence[str]) -> Challenge:
        return self._inner.newest(realm, connection, address, browser_macs)

    def of_message(self, challenge_id: str, *, within_s: int) -> Challenge:
        return self._inner.of_message(challenge_id, within_s=within_s)

    def retire(self, challenge_id: str, browser_macs: Sequence[str]) -> None:
        self._inner.retire(challenge_id, browser_macs)

    def send_again(self, challenge: Challenge, *args: Any, **rest: Any) -> Challenge:
        sent = _refusals_counted(self._inner.send_again, challenge, challenge, *args, **rest)
        RESENT.labels(challenge.realm, challenge.connection).inc()
        return sent


class MeteredVerification:
    """`login.ports.Verification`, counted."""

    def __init__(self, inner: Verification) -> None:
        self._inner = inner

    def count_try(self, challenge: Challenge, *args: Any, **rest: Any) -> Challenge:
        try:
            counted = _refusals_counted(self._inner.count_try, challenge, challenge, *args, **rest)
        except ChallengeRefused:
            CODES.labels(challenge.realm, challenge.connection, "closed").inc()
            raise
        CODES.labels(challenge.realm, challenge.connection, "compared").inc()
        return counted

    def note_wrong(self, challenge: Challenge, browser_macs: Sequence[str], *, network: str) -> None:
        self._inner.note_wrong(challenge, browser_macs, network=network)
        CODES.labels(challenge.realm, challenge.connection, "wrong").inc()

    def spend(self, challenge: Challenge, *args: Any, **rest: Any) -> str:
        subject_id = self._inner.spend(challenge, *args, **rest)
        CODES.labels(challenge.realm, challenge.connection, "accepted").inc()
        return subject_id

    def subject_of(self, challenge: Challenge) -> str | None:
        return self._inner.subject_of(challenge)

    def note(self, *args: Any, **rest: Any) -> None:
        self._inner.note(*args, **rest)


class MeteredAuthCodes:
    """`login.ports.AuthCodes`, counted."""

    def __init__(self, inner: AuthCodes) -> None:
        self._inner = inner

    def redeem(self, auth_code_macs: Sequence[str], *, realm: str, connection: str) -> Grant | None:
        grant = self._inner.redeem(auth_code_macs, realm=realm, connection=connection)
        AUTH_CODES.labels(realm, connection, "redeemed" if grant else "refused").inc()
        return grant


class MeteredOutbox:
    """`delivery.ports.Outbox`, counted. A message that nobody took is counted for the connection's first provider."""

    def __init__(self, inner: Outbox, providers: Mapping[tuple[str, str], Sequence[Provider]]) -> None:
        self._inner = inner
        self._providers = providers

    def take(self, worker_id: str, *, claim_s: int) -> Parcel | None:
        return self._inner.take(worker_id, claim_s=claim_s)

    def let_out(self, parcel: Parcel) -> bool:
        return self._inner.let_out(parcel)

    def note_refused(self, parcel: Parcel, worker_id: str, failure: DeliveryFailed, *, provider: str) -> None:
        self._inner.note_refused(parcel, worker_id, failure, provider=provider)
        self._count(parcel, "refused", provider)

    def mark_sent(self, parcel: Parcel, worker_id: str, *, provider: str, reference: str = "") -> None:
        self._inner.mark_sent(parcel, worker_id, provider=provider, reference=reference)
        self._count(parcel, "sent", provider)

    def mark_failed(self, parcel: Parcel, worker_id: str, failure: DeliveryFailed) -> None:
        self._inner.mark_failed(parcel, worker_id, failure)
        self._count(parcel, "failed")

    def put_back(self, parcel: Parcel, worker_id: str, failure: DeliveryFailed, *, after_s: float) -> None:
        self._inner.put_back(parcel, worker_id, failure, after_s=after_s)
        self._count(parcel, "delayed")

    def _count(self, parcel: Parcel, outcome: str, provider: str = "") -> None:
        where = (parcel.challenge.realm, parcel.challenge.connection)
        first = next((it.id for it in self._providers.get(where, ())), "none")
        MESSAGES.labels(*where, provider or first, outcome).inc()


def _refusals_counted(act: Callable[..., Challenge], whose: Any, *args: Any, **rest: Any) -> Challenge:
    try:
        return act(*args, **rest)
    except (RateLimited, ConnectionStopped) as refusal:
        REFUSALS.labels(whose.realm, whose.connection, refusal.budget).inc()
        raise
