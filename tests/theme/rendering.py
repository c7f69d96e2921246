"""The pages as the sidecar renders them, without the sidecar: strict about what a template is given."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sidecar.assets import THEMES
from sidecar.web.brands import Look
from sidecar.words import Catalogue

WEB = Path(__file__).parents[2] / "sidecar" / "web"
CATALOGUE = Catalogue()
JINJA = Environment(loader=FileSystemLoader(WEB / "templates"), autoescape=True, undefined=StrictUndefined)
PLAIN = Look(name="Demo & Co", logo_url="", logo_size=(0, 0), css_url="", links=())

ADDRESS = {
    "action": "/start",
    "hidden": {"request": 'sealed"<&'},
    "channel": "email",
    "method": "code",
    "value": "",
    "error": None,
    "cancel_action": "/cancel",
}
CODE = {
    "action": "/code",
    "hidden": {"challenge": "chl"},
    "url": "/code?challenge=chl",
    "channel": "email",
    "method": "code",
    "digits": 6,
    "masked_address": "a•••@example.org",
    "expires_in_s": 272,
    "resend_in_s": 24,
    "can_resend": True,
    "resend_action": "/resend",
    "another_action": "/another",
    "cancel_action": "/cancel",
    "other_channel": None,
    "needs_other_channel": False,
    "status": "sending",
    "status_url": "/status",
    "error": None,
    "expired": False,
}
LINK = {
    "is_own": True,
    "is_open": True,
    "can_be_renewed": False,
    "masked_address": "a•••@example.org",
    "asked": "Asked for with Firefox on Windows on 3 May.",
    "code": "",
    "action": "/l",
    "new_action": "/l/new",
    "hidden": {"challenge": "chl"},
    "error": None,
}
OVER = LINK | {"is_open": False}
ERROR = {"heading": "Oh", "message": "Go on.", "continue_url": None, "continue_label": ""}

#: Every state of every page: name → (template, what it is given).
STATES = {
    "address": ("address.html", ADDRESS),
    "address-wrong": ("address.html", ADDRESS | {"value": "ada@", "error": "Not an address."}),
    "address-alone": ("address.html", ADDRESS | {"cancel_action": None}),
    "code": ("code.html", CODE),
    "code-sent": ("code.html", CODE | {"status": "sent", "resend_in_s": 0}),
    "code-delivered": ("code.html", CODE | {"status": "delivered", "other_channel": "The other one"}),
    "code-undelivered": (
        "code.html",
        CODE | {"status": "failed", "other_channel": "The other one", "needs_other_channel": True},
    ),
    "code-delayed": ("code.html", CODE | {"status": "delayed", "expires_in_s": 59}),
    "code-failed": ("code.html", CODE | {"status": "failed", "can_resend": False}),
    "code-wrong": ("code.html", CODE | {"error": "Not that one."}),
    "code-over": ("code.html", CODE | {"expired": True, "expires_in_s": 0, "resend_in_s": 0}),
    "code-over-wrong": ("code.html", CODE | {"expired": True, "error": "No longer.", "can_resend": False}),
    "address-link": ("address.html", ADDRESS | {"method": "link"}),
    "address-sms": ("address.html", ADDRESS | {"channel": "sms"}),
    "address-sms-wrong": ("address.html", ADDRESS | {"channel": "sms", "error": "No number."}),
    "code-sms": ("code.html", CODE | {"channel": "sms", "masked_address": "+44 ••• 23"}),
    "address-both": ("address.html", ADDRESS | {"method": "both"}),
    "code-link": ("code.html", CODE | {"method": "link"}),
    "code-link-wrong": ("code.html", CODE | {"method": "link", "error": "Not that one."}),
    "code-link-over": ("code.html", CODE | {"method": "link", "expired": True, "expires_in_s": 0}),
    "code-both": ("code.html", CODE | {"method": "both"}),
    "link-confirm": ("link.html", LINK),
    "link-confirm-wait": ("link.html", LINK | {"error": "Too many."}),
    "link-foreign": ("link.html", LINK | {"is_own": False, "code": "012345"}),
    "link-over": ("link.html", OVER | {"can_be_renewed": True}),
    "link-over-elsewhere": ("link.html", OVER | {"is_own": False}),
    "done": ("done.html", {}),
    "error": ("error.html", ERROR),
    "error-way-on": ("error.html", ERROR | {"continue_url": "/on", "continue_label": "On"}),
}


def page(state, locale="en", direction="", **given):
    """The HTML of a state, with `given` over what the state says."""
    words = CATALOGUE.words(locale)
    if direction:
        words = dataclasses.replace(words, direction=direction)
    template, known = STATES[state]
    return JINJA.get_template(template).render(
        t=words, brand=PLAIN, asset=lambda name: f"/static/{name}", **(known | given)
    )


def asset(name):
    """The file that `asset(name)` stands for."""
    css = THEMES / "passwordless" / "login" / "resources" / "css" / name
    return css if css.is_file() else WEB / "static" / name
