"""What people saw, what the ledger says and what the mail server has, held against each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from sidecar.app import Parts
from sidecar.model.events import Event
from sidecar.store.tables import auth_codes, challenges, messages
from tests.faults.post import Letter
from tests.faults.visitors import Person
from tests.ledger import events, rows

_MOST_COPIES = 2


class Reconciliation:
    """`counts`: how often what happened. `wrong`: what must not have, by name; all of them empty if all is well."""

    def __init__(self, parts: Parts, people: Sequence[Person], letters: Sequence[Letter]) -> None:
        self._seen: dict[str, set[str]] = defaultdict(set)
        for person in people:
            for what, ids in person.seen.items():
                self._seen[what] |= ids
        self._happened: dict[str, Counter[str]] = defaultdict(Counter)
        for event in events(parts):
            self._happened[event.type][event.challenge_id] += 1
        self._messages = rows(parts, messages)
        self._copies: dict[str, list[str]] = defaultdict(list)
        for letter in letters:
            self._copies[letter.message_id].append(letter.code)
        self._codes = Counter(row.challenge_id for row in rows(parts, auth_codes))
        self._challenges = {row.id for row in rows(parts, challenges)}
        self.counts = self._counted(people)
        self.wrong = {
            "people who did not get in": {person.address for person in people if not person.is_in},
            **self._logins(),
            **self._mails(),
        }

    def _counted(self, people: Sequence[Person]) -> dict[str, int]:
        seen, happened = self._seen, self._happened
        return {
            "people": len(people),
            "starts they tried": sum(person.starts for person in people),
            "starts they saw": len(seen["started"]),
            "starts in the ledger": happened[Event.CHALLENGE_STARTED].total(),
            "codes accepted that they saw": len(seen["code accepted"]),
            "codes accepted in the ledger": happened[Event.CODE_ACCEPTED].total(),
            "codes without an answer": len(seen["code unanswered"]),
            "tokens they saw": len(seen["token"]),
            "codes redeemed in the ledger": happened[Event.AUTH_CODE_REDEEMED].total(),
            "token requests without an answer": len(seen["token unanswered"]),
            "messages queued": len(self._messages),
            "messages sent": sum(row.status == "sent" for row in self._messages),
            "messages failed": sum(row.status == "failed" for row in self._messages),
            "messages in the mail server": len(self._copies),
            "of them twice": sum(len(codes) == _MOST_COPIES for codes in self._copies.values()),
        }

    def _logins(self) -> dict[str, set[str]]:
        seen = self._seen
        accepted, redeemed = self._happened[Event.CODE_ACCEPTED], self._happened[Event.AUTH_CODE_REDEEMED]
        return {
            "starts seen, and lost": seen["started"] - self._challenges,
            "successes seen, without just one in the ledger": {
                it for it in seen["code accepted"] if accepted[it] != 1
            },
            "tokens seen, without just one redemption": {it for it in seen["token"] if redeemed[it] != 1},
            "challenges with two successes": {it for it, count in accepted.items() if count > 1},
            "codes redeemed twice": {it for it, count in redeemed.items() if count > 1},
            "successes that nobody saw or missed": set(accepted)
            - seen["code accepted"]
            - seen["code unanswered"],
            "redemptions that nobody saw or missed": set(redeemed)
            - seen["token"]
            - seen["token unanswered"]
            - seen["code unanswered"],
            "redemptions without a success": set(redeemed) - set(accepted),
            "successes without just one authorization code": {
                it for it in {*accepted, *self._codes} if (accepted[it], self._codes[it]) != (1, 1)
            },
        }

    def _mails(self) -> dict[str, set[str]]:
        known = {row.id for row in self._messages}
        return {
            "messages without an end": {row.id for row in self._messages if not row.finished_at},
            "messages called sent that never came": {
                row.id for row in self._messages if row.status == "sent" and row.id not in self._copies
            },
            "messages that came of no row": set(self._copies) - known,
            "messages that came more than twice": {
                it for it, codes in self._copies.items() if len(codes) > _MOST_COPIES
            },
            "messages with two codes": {it for it, codes in self._copies.items() if len(set(codes)) > 1},
        }

    def __str__(self) -> str:
        lines = [f"{count:6} {what}" for what, count in self.counts.items()]
        return "\n".join(
            [*lines, "of which wrong:", *(f"{len(ids):6} {what}" for what, ids in self.wrong.items())]
        )
