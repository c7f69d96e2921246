"""Where a list goes on: opaque to the caller, and of use for the very list that it came from."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sidecar.errors import InvalidRequest
from sidecar.login.keys import KeyRing

MAX_ITEMS = 100
DEFAULT_ITEMS = 50
_MAC_CHARS = 32
_Item = TypeVar("_Item")


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
        self, found: Sequence[_Item], limit: int, key: Callable[[_Item], Sequence[Any]]
    ) -> tuple[Sequence[_Item], str | None]:
        """The items of a page, of `limit + 1` that were asked for, and the cursor if there is more."""
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
