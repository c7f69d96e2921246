"""Test addresses: a fixed code, until a day, for who tests an application and gets none of our messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from marshmallow import ValidationError, fields

from sidecar.errors import InvalidAddress
from sidecar.model.email import parse_email
from sidecar.model.phone import parse_phone
from sidecar.settings.fields import SecretField, Section, plain
from sidecar.settings.values import PinnedAddress

#: How far ahead a test address may end in production: about a release and its review.
MAX_DAYS_AHEAD = 90
_MIN_DISTINCT_DIGITS = 4
_EXAMPLES = {"email": "review@acme.example", "sms": "+447400123456"}


def _code(value: str) -> None:
    if not re.fullmatch(r"[0-9]{6,8}", value):
        raise ValidationError("must be 6 to 8 digits, in quotes")
    if _is_guessed_first(value):
        raise ValidationError(
            "is one of the codes that are guessed first: take digits from dice, or from a password manager"
        )


def _is_guessed_first(code: str) -> bool:
    """Few digits, a run, a piece that repeats, or the same from both ends."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(code)}
    return (
        len(set(code)) < _MIN_DISTINCT_DIGITS
        or len(steps) == 1
        or re.fullmatch(r"(\d{2,4})\1+", code) is not None
        or code == code[::-1]
    )


class DayField(fields.Field[date]):
    """A date of TOML, or one as text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:  # noqa: ARG002
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            raise ValidationError("must be a day like 2026-12-24") from None


class PinnedSchema(Section):
    target = PinnedAddress
    code = SecretField(required=True, validate=plain(_code))
    until = DayField(load_default=None, allow_none=True)


def canonical(strategy: str, digits: int, pinned: Mapping[str, PinnedAddress]) -> dict[str, PinnedAddress]:
    """A connection's test addresses in the form in which addresses are compared.

    Raises:
        ValidationError: one is no address of the connection, stands there twice, or its code is too short for it.
    """
    parse = parse_email if strategy == "email" else parse_phone
    found: dict[str, PinnedAddress] = {}
    for raw, each in pinned.items():
        key = f"test_addresses.{raw}"
        try:
            address = parse(raw).canonical
        except InvalidAddress:
            raise ValidationError(
                f"is no address of the connection, like {_EXAMPLES[strategy]}", key
            ) from None
        if address in found:
            raise ValidationError("stands there twice, in two spellings", key)
        if len(each.code.reveal()) < digits:
            raise ValidationError(
                f"needs a code of at least {digits} digits, as the connection's codes have", f"{key}.code"
            )
        found[address] = each
    return found


def require_end(key: str, pinned: PinnedAddress) -> None:
    """What holds in production: it ends, and soon.

    Raises:
        ValidationError: it does not.
    """
    last = datetime.now(UTC).date() + timedelta(days=MAX_DAYS_AHEAD)
    if pinned.until is None:
        raise ValidationError(
            f"is missing: with a public_url that is not on localhost a test address ends, like {last}", key
        )
    if pinned.until > last:
        raise ValidationError(f"may be {last} at the latest, {MAX_DAYS_AHEAD} days ahead", key)
