"""Messages from Liquid templates: a folder per message, a folder per realm over it.

A mail is `subject.txt`, `body.txt` and `body.html`, a text message `body.txt` alone. Templates are the operator's, yet
they run with limits, without loaders and without a way round the escaping: one that was copied from anywhere does no
harm. The words come from the catalogue that the pages use, by the `t` filter.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from pathlib import Path
from typing import Any

from liquid import BoundTemplate, Environment, StrictUndefined
from liquid.exceptions import LiquidError

from sidecar.delivery import trial
from sidecar.delivery.ports import Rendered
from sidecar.errors import DeliveryFailed, SettingsError
from sidecar.login.asked import asked
from sidecar.model.asker import Asker
from sidecar.model.challenge import Method
from sidecar.settings import Realm
from sidecar.words import Catalogue, Words

_TEMPLATES = Path(__file__).with_name("templates")
_MAX_TEMPLATE_BYTES = 64 * 1024
SUBJECT = "subject.txt"
FILES = (SUBJECT, "body.txt", "body.html")
#: Each message and the files that it is made of.
MESSAGES = {
    folder.name: tuple(file for file in FILES if (folder / file).is_file())
    for folder in sorted(_TEMPLATES.iterdir())
}


class _Limited(Environment):
    context_depth_limit = 10
    loop_iteration_limit = 1000
    local_namespace_limit = 10_000
    output_stream_limit = 256 * 1024


def _environment(*, is_html: bool) -> Environment:
    environment = _Limited(undefined=StrictUndefined, autoescape=is_html)
    environment.filters.pop("safe", None)
    for tag in ("include", "render", "extends", "block"):
        environment.tags.pop(tag, None)
    environment.filters["t"] = _Translate()
    return environment


class _Translate:
    """`{{ "key" | t: argument }}`: the catalogue's words in the message's language."""

    with_context = True

    def __call__(self, key: object, *args: object, context: Any) -> str:
        words: Words = context.resolve("words")
        return words(str(key), *args)


class Renderer:
    """Compiles and tries each realm's templates once, at start, so that a broken one stops the start and not a login.

    `hosts` are our own, which any message may link to; a realm's `link_hosts` come on top. `host` is the name, without
    a port, of the one whose page takes the code: a phone offers a text message's code there and nowhere else.
    """

    def __init__(
        self, catalogue: Catalogue, realms: list[Realm], *, host: str, hosts: Collection[str] = ()
    ) -> None:
        self._catalogue = catalogue
        self._host = host
        self._names = {realm.name: realm.display_name for realm in realms}
        self._templates = {realm.name: self._compile(realm) for realm in realms}
        for realm in realms:
            self._try(realm, {*hosts, *realm.link_hosts})

    def _compile(self, realm: Realm) -> dict[tuple[str, str], BoundTemplate]:
        if realm.templates and not realm.templates.is_dir():
            raise SettingsError(
                f"realms.{realm.name}.templates: there is no folder {realm.templates}: make it, or mend the key"
            )
        environments = {True: _environment(is_html=True), False: _environment(is_html=False)}
        compiled = {}
        for template, files in MESSAGES.items():
            for file in files:
                path = _chosen(realm, template, file)
                source = path.read_text("utf-8")
                if len(source) > _MAX_TEMPLATE_BYTES:
                    raise SettingsError(f"realms.{realm.name}.templates: {path} is larger than 64 KiB")
                try:
                    compiled[template, file] = environments[file.endswith(".html")].from_string(source)
                except LiquidError as err:
                    raise SettingsError(
                        f"realms.{realm.name}.templates: {path} is no Liquid template: {err}"
                    ) from err
        return compiled

    def _try(self, realm: Realm, hosts: Collection[str]) -> None:
        """Render every message in every language with made-up values.

        Raises:
            SettingsError: one fails, or is none that may be sent; names the file and what to write instead.
        """
        for (template, file), compiled in self._templates[realm.name].items():
            for locale, method in itertools.product(realm.locales, _methods(realm, template)):
                values = self._values(
                    realm.name,
                    code=trial.CODE if method.has_code else "",
                    link_url=trial.LINK_URL if method.has_link else "",
                    not_me_url=trial.NOT_ME_URL,
                    locale=locale,
                    minutes=trial.MINUTES,
                    asker=trial.ASKER,
                    asked_at=trial.ASKED_AT,
                )
                try:
                    wrong = self._complaint(template, file, compiled.render(**values), method, hosts)
                except LiquidError as err:
                    wrong = f"fails: {type(err).__name__}: {err.args[0] if err.args else ''}"
                if wrong:
                    path = _chosen(realm, template, file)
                    raise SettingsError(f"realms.{realm.name}.templates: {path} {wrong}")

    def _complaint(
        self, template: str, file: str, rendered: str, method: Method, hosts: Collection[str]
    ) -> str | None:
        wrong = trial.complaint(file, rendered, method=method, hosts=hosts)
        if wrong or _is_mail(template):
            return wrong
        return trial.text_message_complaint(rendered, host=self._host)

    def render(
        self,
        *,
        realm: str,
        template: str,
        code: str,
        link_url: str,
        not_me_url: str,
        locale: str,
        minutes: int,
        asker: Asker,
        asked_at: int,
    ) -> Rendered:
        """Fill one message; `asked_at` is when it was asked for first, `code` or `link_url` empty if it brings none.

        A text message has no subject and no HTML.

        Raises:
            DeliveryFailed: a template of the realm fails, or leaves code or link out; trying again can't help.
        """
        values = self._values(
            realm,
            code=code,
            link_url=link_url,
            not_me_url=not_me_url,
            locale=locale,
            minutes=minutes,
            asker=asker,
            asked_at=asked_at,
        )
        files = MESSAGES.get(template)
        if files is None:
            raise DeliveryFailed(f"this version has no message {template}", is_final=True)
        try:
            filled = {file: self._templates[realm][template, file].render(**values) for file in files}
        except LiquidError as err:
            raise DeliveryFailed(
                f"a template of realm {realm} failed: {type(err).__name__}", is_final=True
            ) from err
        for what, needed in (("code", code), ("link", link_url)):
            if any(needed not in filled[file] for file in files if file != SUBJECT):
                raise DeliveryFailed(f"a template of realm {realm} leaves the {what} out", is_final=True)
        # A line's end after the last line of a text message would be paid for, and keep a phone from reading it.
        text = filled["body.txt"] if SUBJECT in filled else filled["body.txt"].strip()
        return Rendered(
            subject=" ".join(filled.get(SUBJECT, "").split()), text=text, html=filled.get("body.html", "")
        )

    def _values(
        self,
        realm: str,
        *,
        code: str,
        link_url: str,
        not_me_url: str,
        locale: str,
        minutes: int,
        asker: Asker,
        asked_at: int,
    ) -> dict[str, Any]:
        words = self._catalogue.words(locale)
        start = asked(words, asker, asked_at)
        return {
            "code": code,
            "link_url": link_url,
            "not_me_url": not_me_url,
            "host": self._host,
            "realm_name": self._names[realm],
            "client_name": "",
            "minutes": minutes,
            "asked": start.sentence,
            "asked_with": start.browser,
            "asked_near": start.place,
            "asked_at": start.at,
            "lang": words.locale,
            "direction": words.direction,
            "words": words,
        }


def _is_mail(template: str) -> bool:
    return SUBJECT in MESSAGES[template]


def _methods(realm: Realm, template: str) -> list[Method]:
    """What a message of this kind may bring in the realm."""
    return trial.methods_of(realm) if _is_mail(template) else [Method.CODE]


def _chosen(realm: Realm, template: str, file: str) -> Path:
    own = realm.templates / template / file if realm.templates else None
    return own if own and own.is_file() else _TEMPLATES / template / file
