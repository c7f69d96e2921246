"""JSON logs, ours and every library's through one door, where whatever looks like a secret is blanked.

The door is the second lock: nothing of ours logs a code, a link, a token or an address. Libraries may, at debug.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog

_EMAIL = re.compile(r"[A-Za-z0-9._%+'&=~-]+@[A-Za-z0-9.-]+")
_BLANKED = (
    # A phone number with its country code, also as a form has it; a time's offset begins with a zero or is shorter.
    (re.compile(r"(?<![A-Za-z0-9])(?:\+|%2[Bb])[1-9](?:[ ().-]{0,2}\d){6,14}(?!\d)"), "[number]"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*"), "[token]"),
    (re.compile(r"\?[^\s\"'<>]{3,}"), "?[query]"),
    # A dot or colon beside the digits makes them part of a time or a version only where a digit follows or precedes it.
    (re.compile(r"(?<![A-Za-z0-9_-])(?<!\d[.:])\d{6,8}(?![A-Za-z0-9_-]|[.:]\d)"), "[digits]"),
    (re.compile(r"(?<![A-Za-z0-9_/.-])[A-Za-z0-9_-]{40,}(?![A-Za-z0-9_-])"), "[opaque]"),
)
# Keys of ours that hold numbers or names and are what they say.
_PLAIN_KEYS = frozenset({"timestamp", "level", "logger", "ms", "status", "request_id", "event"})


def configure(level: str) -> None:
    """Send structlog and the standard library's logging to standard error, one JSON object a line."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                blank_secrets,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())


def blank_secrets(_logger: Any, _method: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """A structlog processor: every text of an event but our plain keys, at any depth."""
    return {
        key: value if key in _PLAIN_KEYS and key != "event" else _blanked(value)
        for key, value in event.items()
    }


def _blanked(value: Any) -> Any:
    if isinstance(value, str):
        value = _EMAIL.sub(lambda match: "•••@" + match.group().rpartition("@")[2], value)
        for pattern, shown in _BLANKED:
            value = pattern.sub(shown, value)
        return value
    if isinstance(value, Mapping):
        return {key: _blanked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_blanked(inner) for inner in value]
    return value
