"""The logs' second lock: what a library might write is blanked (threats B4, F12, I7)."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from sidecar.logs import blank_secrets

TOKEN = "A" * 20 + "b-_9" * 6


def blanked(text) -> str:
    return str(blank_secrets(None, "info", {"text": text})["text"])


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("ada.lovelace+x@example.org", "lovelace"),
        ("RCPT TO:<ada.lovelace@example.org>", "lovelace"),
        ("o'hara@example.org", "hara"),
        ("b'ada.lovelace@example.org'", "lovelace"),
        ("+447400123456", "7400"),
        ("+44 7400 123456", "7400"),
        ("tel:+44-7400-123456", "7400"),
        ("+1 (347) 555-1234", "347"),
        ("{'recipient': '+447400123456'}", "7400"),
        ("To=%2B447400123456&Body=x", "7400"),
        ("no route for number +447400123456.", "7400"),
        ("your code is 123456", "123456"),
        ("your code is 123456.", "123456"),
        ("123456 is your code", "123456"),
        ("code=123456&x=1", "123456"),
        ("code:123456", "123456"),
        ('{"code": "123456"}', "123456"),
        ("{'code': '123456'}", "123456"),
        ("(123456,)", "123456"),
        ("Subject: 12345678 is your code", "12345678"),
        ("<td>123456</td>", "123456"),
        ("123456\n", "123456"),
        ("GET /realms/acme/email/code?challenge=abc", "challenge"),
        ("https://id.example.org/endpoint?code=x&state=y", "state"),
        (f"__Host-passwordless={TOKEN}", TOKEN),
        (f"Cookie: a=b; __Host-passwordless={TOKEN}; c=d", TOKEN),
        (f"code={TOKEN}", TOKEN),
        (f"'{TOKEN}'", TOKEN),
        ("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
        ("Bearer eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln", "eyJpc3MiOiJ4In0"),
        ({"deep": [{"address": "ada.lovelace@example.org"}]}, "lovelace"),
        (("123456",), "123456"),
    ],
    ids=str,
)
def test_what_looks_like_a_secret_is_blanked(text, secret):
    """B4."""
    assert secret not in blanked(text)


@pytest.mark.parametrize(
    "text",
    [
        "message_sent",
        "the database did not answer: OperationalError",
        "Listening at: http://127.0.0.1:5080 (4711)",
        "2026-11-23T05:41:51.123456Z",
        "/usr/lib/python3.11/site-packages/sqlalchemy/engine/base.py",
        "retry in 30 s",
        "realm acme has 2 connections",
        "2026-11-23T05:41:51+02:00",
        "23/Nov/2026:05:41:51 +0000",
        "1+2 of 30 messages",
    ],
)
def test_what_an_operator_needs_stays(text):
    assert text == blanked(text)


def test_a_line_is_one_json_object_whatever_is_in_it():
    """F12: log injection; a newline or an escape in a value starts no line of its own."""
    script = (
        "import logging, structlog\n"
        "from sidecar import logs\n"
        "logs.configure('debug')\n"
        "structlog.get_logger().info('x', hint='a\\n{\"level\": \"forged\"}\\r\\n\\x1b[2Jb\\u2028')\n"
        "logging.getLogger('lib').warning('for %s', 'ada.lovelace@example.org')\n"
        "try:\n    raise ValueError('ada.lovelace@example.org 123456')\n"
        "except ValueError:\n    logging.getLogger('lib').exception('oops')\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    lines = done.stderr.splitlines()
    assert ["x", "for •••@example.org", "oops"] == [json.loads(line)["event"] for line in lines]
    assert "\x1b" not in done.stderr
    assert "lovelace" not in done.stderr
    assert "123456" not in done.stderr
    assert logging.getLogger("lib").name == json.loads(lines[1])["logger"]


INJECTED = [
    'x\n{"event": "forged", "level": "info"}',
    "x\r\nforged",
    "x\x1b[2J\x1b]0;forged\x07",
    "x\x9b2Jforged\x85next",
    "x\u2028forged\u2029",
    "x\u202eforged\u2066",
    "x\x00forged\x7f",
    'x", "level": "critical", "x": "',
    "\ud800forged",
    "x\tforged\x0b\x0c",
]


def test_nothing_in_any_field_starts_a_line_or_moves_a_terminal():
    """F12: in the event, in a value, in a key's value at any depth, in a library's arguments and in an error's text."""
    script = (
        "import logging, structlog\n"
        "from sidecar import logs\n"
        "logs.configure('debug')\n"
        f"for text in {INJECTED!r}:\n"
        "    structlog.get_logger().info(text, realm=text, reason=[{'a': text}], request_id=text)\n"
        "    logging.getLogger('lib').warning('for %s', text)\n"
        "    try:\n        raise ValueError(text)\n"
        "    except ValueError:\n        logging.getLogger('lib').exception('oops')\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    lines = done.stderr.split(b"\n")[:-1]
    assert 3 * len(INJECTED) == len(lines)
    assert all(byte in range(0x20, 0x7F) for line in lines for byte in line)
    for number, text in enumerate(INJECTED):
        first = json.loads(lines[3 * number])
        assert (text, text, "info") == (first["request_id"], first["realm"], first["level"])
