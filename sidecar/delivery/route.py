"""Which provider takes a message: the connection's, in order; the next one where one fails or has failed too often."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from sidecar.delivery.breaker import Breaker
from sidecar.delivery.ports import Provider
from sidecar.errors import DeliveryFailed, RecipientRefused

_log = structlog.get_logger()


class Taken(NamedTuple):
    """The provider that took a message, and what it calls it."""

    provider: str
    reference: str


class Route:
    """The way out of one worker process, with a breaker for each provider. `clock`: seconds that only go forward."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._breakers: dict[str, Breaker] = defaultdict(Breaker)

    def carry(
        self,
        providers: Sequence[Provider],
        hand_over: Callable[[Provider], str],
        *,
        until: float,
        note: Callable[[str, DeliveryFailed], None],
        is_rehearsed: bool = False,
    ) -> Taken:
        """Hand one message to the first of the providers that takes it; `note` hears of each that did not.

        A hand-over begins only if it can end before `until`, by this route's clock. A recipient that is refused for
        good is so everywhere: no other provider is asked.

        Raises:
            DeliveryFailed: nobody took it. It is final if it is with each of them, and about the recipient as soon as
                one of them spoke of it: a rehearsal would have ended there.
        """
        refusals: list[tuple[str, DeliveryFailed]] = []
        for provider in self._in_order(providers):
            if refusals and self.clock() + provider.timeout_s > until:
                late = DeliveryFailed("no time was left for it in this attempt")
                raise _all_of([*refusals, (provider.id, late)])
            try:
                reference = hand_over(provider)
            except DeliveryFailed as failure:
                refusals.append((provider.id, failure))
                note(provider.id, failure)
                if isinstance(failure, RecipientRefused):
                    if failure.is_final:
                        break
                else:
                    self._failed(provider.id)
            else:
                # Saying hello proves little: a provider may lose each message that it is really given.
                if not is_rehearsed:
                    self._succeeded(provider.id)
                return Taken(provider.id, reference)
        raise _all_of(refusals)

    def _in_order(self, providers: Sequence[Provider]) -> Sequence[Provider]:
        """Those whose breaker lets messages through; where none does, the one that has been left alone longest."""
        now = self.clock()
        usable = [it for it in providers if not self._breakers[it.id].is_open(now)]
        return usable or sorted(providers, key=lambda it: self._breakers[it.id].opened_at or 0.0)[:1]

    def _failed(self, name: str) -> None:
        if self._breakers[name].failed(self.clock()):
            _log.warning("breaker_opened", provider=name, failures=self._breakers[name].failures)

    def _succeeded(self, name: str) -> None:
        if self._breakers[name].succeeded():
            _log.info("breaker_closed", provider=name)


def _all_of(refusals: Sequence[tuple[str, DeliveryFailed]]) -> DeliveryFailed:
    last = refusals[-1][1]
    return DeliveryFailed(
        "; ".join(f"{name}: {failure.reason}" for name, failure in refusals),
        is_final=all(failure.is_final for _, failure in refusals)
        or (isinstance(last, RecipientRefused) and last.is_final),
        is_about_recipient=any(failure.is_about_recipient for _, failure in refusals),
    )
