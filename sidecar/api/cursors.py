"""Where a list goes on: opaque to the caller, and of use for the very list that it came from."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sidecar.errors import InvalidRequest
from sidecar.login.keys import KeyRing

MAX_ITEMS = 100
DEFAULT_ITEMS = 50
_MAC_CHARS = 32
_Item = TypeVar("_Item")
_Item_co = TypeVar("_Item_co", covariant=True)


class Fetch(Protocol[_Item_co]):
    """A list's items in its order: `limit` at the most of those that come after."""

    def __call__(self, *, after: Sequence[Any], limit: int) -> Sequence[_Item_co]: ...


@dataclass(frozen=True, kw_only=True)
class Cursors:
    """`of`: the list's name, its realm and what it was narrowed to; a cursor of another list is refused."""

    keys: KeyRing
    of: tuple[str, ...]

    def read(self, unverified: str) -> Sequence[Any]:
        """What the last item of the page before was ordered by; nothing for the first page.

        Raises:
            InvalidRequest: it is no cursor of this list.
        """
        if not unverified:
            return ()
        encoded, _, mac = unverified.partition(".")
        if not any(hmac.compare_digest(it.encode(), mac.encode()) for it in self._macs(encoded)):
            raise InvalidRequest("the cursor is none of this list")
        try:
            found: Sequence[Any] = json.loads(base64.urlsafe_b64decode(encoded))
        except (binascii.Error, ValueError):
            raise InvalidRequest("the cursor is none of this list") from None
        return found

    def page(
        self, unverified: str, limit: int, *, fetch: Fetch[_Item], key: Callable[[_Item], Sequence[Any]]
    ) -> tuple[Sequence[_Item], str | None]:
        """The items that a cursor goes on with, and the next cursor if there is more; `key`: what orders an item.

        Raises:
            InvalidRequest: it is no cursor of this list.
        """
        # One more than is shown tells whether there is more.
        found = fetch(after=self.read(unverified), limit=limit + 1)
        if len(found) <= limit:
            return found, None
        return found[:limit], self.write(key(found[limit - 1]))

    def write(self, after: Sequence[Any]) -> str:
        encoded = base64.urlsafe_b64encode(json.dumps(list(after)).encode()).decode()
        return f"{encoded}.{self._macs(encoded)[0]}"

    def _macs(self, encoded: str) -> tuple[str, ...]:
        parts = (*self.of, encoded)
        return tuple(
            it[:_MAC_CHARS] for it in self.keys.macs("list-cursor", *(part.encode() for part in parts))
        )
