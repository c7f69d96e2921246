"""Messages from Liquid templates: a folder per message, a folder per realm over it.

A mail is `subject.txt`, `body.txt` and `body.html`, a text message `body.txt` alone. Templates are the operator's, yet
they run with limits, without loaders and without a way round the escaping: one that was copied from anywhere does no
harm. The words come from the catalogue that the pages use, by the `t` filter.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from liquid import BoundTemplate, Environment, StrictUndefined
from liquid.exceptions import LiquidError

from sidecar.delivery import trial
from sidecar.delivery.ports import Rendered
from sidecar.errors import DeliveryFailed, SettingsError
from sidecar.login.asked import asked
from sidecar.model.asker import Asker
from sidecar.model.challenge import Method
from sidecar.model.colours import OURS
from sidecar.model.own_account import ChangeKind
from sidecar.settings import Logo, Realm
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


#: Room for a logo, in CSS pixels.
_LOGO_HEIGHT, _LOGO_WIDTH = 40, 160
#: The messages of the account page: the code that adds an address, and word of a change to the others.
_OF_ACCOUNT_PAGE = ("add_", "changed_")
_NOTICE = "changed_"


@dataclass(frozen=True)
class Finding:
    """What is wrong with a template, and what to write instead; `line` where it is known, `path` of a file."""

    path: Path | None
    line: int | None
    what: str


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

    `hosts` are our own, which any message may link to; a realm's `link_hosts` and the links of its branding come on
    top. `host` is the name, without a port, of the one whose page takes the code where no application's does: a phone
    offers a text message's code there and nowhere else. `logo_url` says where a logo is; without it messages show none.

    Raises:
        SettingsError: at construction, for the first template that can't be used; names the file.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        realms: list[Realm],
        *,
        host: str,
        hosts: Collection[str] = (),
        logo_url: Callable[[Logo], str] | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._host = host
        self._hosts = frozenset(hosts)
        self._logo_url = logo_url
        self._realms: dict[str, Realm] = {}
        self._templates: dict[str, dict[tuple[str, str], BoundTemplate]] = {}
        for realm in realms:
            for wrong in self.findings(realm):
                where = f"{wrong.path} " if wrong.path else ""
                raise SettingsError(f"realms.{realm.name}.templates: {where}{wrong.what}")

    def findings(self, realm: Realm) -> Iterator[Finding]:
        """Take the realm's templates in, and say what is wrong with them, each thing once; none: they can be used.

        Each message is rendered in every language, for every application with a look of its own, with made-up values.
        """
        self._realms[realm.name] = realm
        compiled = self._templates[realm.name] = {}
        if realm.templates and not realm.templates.is_dir():
            yield Finding(None, None, f"there is no folder {realm.templates}: make it, or mend the key")
            return
        environments = {True: _environment(is_html=True), False: _environment(is_html=False)}
        for template, files in MESSAGES.items():
            for file in files:
                path = _chosen(realm, template, file)
                source = path.read_bytes()
                if len(source) > _MAX_TEMPLATE_BYTES:
                    yield Finding(path, None, "is larger than 64 KiB")
                    continue
                try:
                    text = source.decode("utf-8")
                    compiled[template, file] = environments[file.endswith(".html")].from_string(text)
                except UnicodeDecodeError:
                    yield Finding(path, None, "is no text in UTF-8: save it as UTF-8")
                except LiquidError as err:
                    yield Finding(path, _line(err), f"is no Liquid template: {err.message or err}")
                else:
                    yield from self._tried(realm, template, file, text)

    def _tried(self, realm: Realm, template: str, file: str, source: str) -> Iterator[Finding]:
        path, told = _chosen(realm, template, file), set()
        hosts = {*self._hosts, *realm.link_hosts, *_linked_hosts(realm)}
        for application, locale, method, change in itertools.product(
            _applications(realm), realm.locales, _methods(realm, template), _changes(template)
        ):
            line = None
            try:
                rendered = self._templates[realm.name][template, file].render(
                    **self._made_up(
                        realm.name,
                        locale=locale,
                        method=method,
                        application=application,
                        change=change,
                        host=trial.HOST,
                    )
                )
            except LiquidError as err:
                what: str | None = f"fails: {type(err).__name__}: {err.args[0] if err.args else ''}"
                line = _line(err)
            else:
                what = self._complaint(template, file, rendered, method, hosts)
            if what and what not in told:
                told.add(what)
                yield Finding(path, line or trial.line_of(what, source), what)

    def _complaint(
        self, template: str, file: str, rendered: str, method: Method, hosts: Collection[str]
    ) -> str | None:
        wrong = trial.complaint(file, rendered, method=method, hosts=hosts)
        if wrong or _is_mail(template) or not method.has_code:
            return wrong
        return trial.text_message_complaint(rendered)

    def _made_up(
        self, realm: str, *, locale: str, method: Method, application: str, change: str, host: str
    ) -> dict[str, Any]:
        return self._values(
            realm,
            code=trial.CODE if method.has_code else "",
            link_url=trial.LINK_URL if method.has_link else "",
            not_me_url=trial.NOT_ME_URL,
            locale=locale,
            minutes=trial.MINUTES,
            asker=trial.ASKER,
            asked_at=trial.ASKED_AT,
            application=application,
            host=host,
            change=change,
            changed_address=trial.CHANGED_ADDRESS if change else "",
        )

    def preview(
        self, *, realm: str, template: str, locale: str, method: Method, application: str = ""
    ) -> Rendered:
        """A message with made-up values, as `render` makes it; its code and links open nothing."""
        change = _changes(template)[0]
        values = self._made_up(
            realm, locale=locale, method=method, application=application, change=change, host=self._host
        )
        return _rendered(
            {file: self._templates[realm][template, file].render(**values) for file in MESSAGES[template]}
        )

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
        application: str = "",
        page_host: str = "",
        change: str = "",
        changed_address: str = "",
    ) -> Rendered:
        """Fill one message; `asked_at` is when it was asked for first, `code` or `link_url` empty if it brings none.

        `change` is a `ChangeKind` in a notice, which tells of `changed_address` and whose link takes the change back.
        A text message has no subject and no HTML. `application` is `AuthorizationRequest.application`: it looks like
        that one, or else like the realm. `page_host`: of the page where the code is typed, if it is none of ours.

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
            application=application,
            host=page_host or self._host,
            change=change,
            changed_address=changed_address,
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
        return _rendered(filled)

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
        application: str,
        host: str,
        change: str,
        changed_address: str,
    ) -> dict[str, Any]:
        words = self._catalogue.words(locale)
        start = asked(words, asker, asked_at)
        its_realm = self._realms[realm]
        look, realm_name = its_realm.look(application), its_realm.look().name
        palette = look.palette or OURS
        logo = look.logo if self._logo_url else None
        width, height = logo.size(height=_LOGO_HEIGHT, width=_LOGO_WIDTH) if logo else (0, 0)
        return {
            "code": code,
            "link_url": link_url,
            "not_me_url": not_me_url,
            "host": host,
            "realm_name": realm_name,
            "client_name": look.name if look.name != realm_name else "",
            "brand_name": look.name,
            "logo_url": self._logo_url(logo) if logo and self._logo_url else "",
            "logo_width": width,
            "logo_height": height,
            "accent": palette.light,
            "accent_dark": palette.dark,
            "help_url": look.help,
            "privacy_url": look.privacy,
            "terms_url": look.terms,
            "imprint_url": look.imprint,
            "minutes": minutes,
            "asked": start.sentence,
            "asked_with": start.browser,
            "asked_near": start.place,
            "asked_at": start.at,
            "change": change,
            "changed_address": changed_address,
            "lang": words.locale,
            "direction": words.direction,
            "words": words,
        }


def _rendered(filled: Mapping[str, str]) -> Rendered:
    # A line's end after the last line of a text message would be paid for, and keep a phone from reading it.
    text = filled["body.txt"] if SUBJECT in filled else filled["body.txt"].strip()
    return Rendered(
        subject=" ".join(filled.get(SUBJECT, "").split()), text=text, html=filled.get("body.html", "")
    )


def _line(err: LiquidError) -> int | None:
    context = err.context()
    return context[0] if context else None


def _applications(realm: Realm) -> list[str]:
    """The realm itself, and each application that looks otherwise."""
    return ["", *(client.id for client in realm.clients.values() if client.id)]


def _linked_hosts(realm: Realm) -> set[str]:
    """Where the links of the realm's branding lead, and those of its applications."""
    brandings = (realm.branding, *(client.branding for client in realm.clients.values()))
    return {urlsplit(url).netloc.lower() for branding in brandings for url in branding.links.values()}


def _is_mail(template: str) -> bool:
    return SUBJECT in MESSAGES[template]


def _methods(realm: Realm, template: str) -> list[Method]:
    """What a message of this kind may bring in the realm; nothing where the realm never sends it."""
    if template.startswith(_OF_ACCOUNT_PAGE) and not realm.account_page:
        return []
    if template.startswith(_NOTICE):
        return [Method.LINK]
    return trial.methods_of(realm) if template == "login_email" else [Method.CODE]


def _changes(template: str) -> list[str]:
    """What a message of this kind may tell of."""
    return [kind.value for kind in ChangeKind] if template.startswith(_NOTICE) else [""]


def _chosen(realm: Realm, template: str, file: str) -> Path:
    own = realm.templates / template / file if realm.templates else None
    return own if own and own.is_file() else _TEMPLATES / template / file
