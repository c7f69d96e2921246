"""The inbox's page and its API. It listens on the loopback interface only and asks nobody who they are."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from importlib.metadata import version

from flask import Flask, Response, abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from sidecar.demo.inbox import example, mailpit
from sidecar.demo.inbox.mailbox import Mailbox
from sidecar.demo.inbox.message import Message, message_from_text
from sidecar.demo.inbox.search import matches

_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:;"
    " frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# A mail is foreign HTML: no script, no form, nothing loaded from anywhere. Its links open beside the inbox.
_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_HEAD = re.compile(r"<head\b[^>]*>|\A(?!.*<head\b)", re.IGNORECASE | re.DOTALL)
_LATEST = "latest"
_DEFAULT_LIMIT = 50


class _Shelf:
    """The mailbox as requests see it."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox

    def message(self, message_id: str) -> Message:
        """The message of that id; `latest` is the newest, or the newest that fits `?query=`."""
        found = next(iter(self.found()), None) if message_id == _LATEST else self.mailbox.get(message_id)
        if found is None:
            abort(404, "no such message")
        return found

    def found(self) -> list[Message]:
        query, read = request.args.get("query", ""), self.mailbox.read_ids()
        return [
            message for message in self.mailbox.all() if matches(message, query, is_read=message.id in read)
        ]

    def listing(self) -> Response:
        start = max(request.args.get("start", 0, type=int), 0)
        limit = max(request.args.get("limit", _DEFAULT_LIMIT, type=int), 0)
        found = self.found()
        return jsonify(
            mailpit.listing(
                found[start : start + limit],
                found=found,
                stored=self.mailbox.all(),
                start=start,
                read=self.mailbox.read_ids(),
            )
        )


def create_inbox(mailbox: Mailbox, *, example_of: Mapping[str, str] | None = None) -> Flask:
    """The Flask application over that mailbox; with `example_of`, the single-page example's settings, that too."""
    app = Flask(__name__)
    # A page elsewhere can't reach it by a name of its own that points to this machine (DNS rebinding).
    app.config["TRUSTED_HOSTS"] = ["localhost", "127.0.0.1", "[::1]"]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_env.filters["clock"] = _clock
    shelf = _Shelf(mailbox)
    _add_pages(app, shelf)
    _add_gateway(app, shelf.mailbox)
    _add_api(app, shelf)
    _add_views(app, shelf)
    app.after_request(_secure)
    if example_of:
        app.register_blueprint(example.blueprint(example_of))
    return app


def _add_pages(app: Flask, shelf: _Shelf) -> None:
    def page(message: Message | None, *, is_following: bool) -> ResponseReturnValue:
        if message:
            shelf.mailbox.mark_read(message.id)
        etag = f"{shelf.mailbox.version}-{message.id if message else ''}"
        response = Response(
            render_template(
                "inbox.html",
                messages=shelf.mailbox.all(),
                read=shelf.mailbox.read_ids(),
                shown=message,
                is_following=is_following,
            )
        )
        response.set_etag(etag)
        return response.make_conditional(request)

    @app.get("/")
    def newest() -> ResponseReturnValue:
        """The list, and the newest message beside it."""
        return page(next(iter(shelf.mailbox.all()), None), is_following=True)

    @app.get("/message/<message_id>")
    def one(message_id: str) -> ResponseReturnValue:
        message = shelf.mailbox.get(message_id)
        return page(message, is_following=False) if message else redirect(url_for("newest"))

    @app.post("/clear")
    def clear() -> ResponseReturnValue:
        """What the button does; another site's form can't press it."""
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            abort(403, "the request came from another site")
        shelf.mailbox.delete()
        return redirect(url_for("newest"), 303)


def _add_gateway(app: Flask, mailbox: Mailbox) -> None:
    @app.post("/sms")
    def take() -> ResponseReturnValue:
        """A text message, as our webhook sends it; one that comes again under its key is the same one."""
        if request.headers.get("Sec-Fetch-Site"):
            abort(403, "only programs send text messages here")
        raw = request.get_data()
        body = request.get_json(silent=True, force=True)
        key = request.headers.get("Idempotency-Key", "")
        known = next((it for it in mailbox.all() if key and it.message_id == key), None)
        message = known or message_from_text(body if isinstance(body, dict) else {}, raw, message_id=key)
        if message is None:
            abort(400, 'a text message is {"recipient": "+44…", "body": "…"}')
        if known is None:
            mailbox.add(message)
        return jsonify(id=message.id), 202


def _add_api(app: Flask, shelf: _Shelf) -> None:
    mailbox, started = shelf.mailbox, time.monotonic()

    @app.get("/api/v1/messages")
    def messages() -> ResponseReturnValue:
        return shelf.listing()

    @app.get("/api/v1/search")
    def search() -> ResponseReturnValue:
        if not request.args.get("query", "").strip():
            abort(400, "the parameter query is missing")
        return shelf.listing()

    @app.delete("/api/v1/messages")
    def delete() -> ResponseReturnValue:
        body = request.get_json(silent=True, force=True)
        ids = body.get("IDs") if isinstance(body, dict) else None
        mailbox.delete([str(message_id) for message_id in ids] if isinstance(ids, list) and ids else None)
        return _plain("ok")

    @app.get("/api/v1/message/<message_id>")
    def message(message_id: str) -> ResponseReturnValue:
        found = shelf.message(message_id)
        mailbox.mark_read(found.id)
        return jsonify(mailpit.single(found))

    @app.get("/api/v1/message/<message_id>/headers")
    def headers(message_id: str) -> ResponseReturnValue:
        return jsonify(mailpit.headers(shelf.message(message_id)))

    @app.get("/api/v1/message/<message_id>/raw")
    def raw(message_id: str) -> ResponseReturnValue:
        return _plain(shelf.message(message_id).raw)

    @app.get("/api/v1/info")
    def info() -> ResponseReturnValue:
        stored = mailbox.all()
        unread = len(stored) - len(mailbox.read_ids())
        uptime_s = int(time.monotonic() - started)
        shown_version = f"keycloak-passwordless {version('keycloak-passwordless')}"
        return jsonify(
            mailpit.info(version=shown_version, messages=len(stored), unread=unread, uptime_s=uptime_s)
        )


def _add_views(app: Flask, shelf: _Shelf) -> None:
    @app.get("/view/<message_id>.html")
    def html(message_id: str) -> ResponseReturnValue:
        """The HTML part as it came; `?framed` lets its links open beside the inbox."""
        found = shelf.message(message_id)
        if not found.html:
            abort(404, "this message has no HTML part")
        shown = _HEAD.sub(r'\g<0><base target="_blank">', found.html, count=1)
        response = Response(shown if "framed" in request.args else found.html, mimetype="text/html")
        response.headers["Content-Security-Policy"] = _MAIL_POLICY
        return response

    @app.get("/view/<message_id>.txt")
    def text(message_id: str) -> ResponseReturnValue:
        return _plain(shelf.message(message_id).text)

    @app.get("/livez")
    @app.get("/readyz")
    def ready() -> ResponseReturnValue:
        return _plain("ok")


def _plain(body: str | bytes) -> Response:
    return Response(body, mimetype="text/plain")


def _secure(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers["X-Content-Type-Options"] = "nosniff"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-cache" if response.get_etag()[0] else "no-store"
    return response


def _clock(at: int) -> str:
    """The time of day on this machine."""
    return time.strftime("%H:%M:%S", time.localtime(at / 1000))
