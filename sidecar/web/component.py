"""The JavaScript for pages of applications: the module over the API, `<passwordless-login>`, and their texts."""

from __future__ import annotations

import hashlib

from flask import Blueprint, Response, json, make_response, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from sidecar import assets
from sidecar.words import Catalogue, Words

_FOLDER = assets.THEMES / "passwordless-classic" / "login" / "resources" / "js"
_KINDS = {".js": "text/javascript", ".ts": "text/plain"}
FILES = {path.name: _KINDS[path.suffix] for path in sorted(_FOLDER.iterdir()) if path.suffix in _KINDS}
#: The component calls them by the rest of their names: `codeTitle`, `errorCode.one`.
TEXTS = (
    *("passwordlessAddress", "passwordlessNumber", "passwordlessAddressOrNumber", "passwordlessContinue"),
    *("passwordlessCodeTitle", "passwordlessCodeLead", "passwordlessCodeLeadSms", "passwordlessCode"),
    *("passwordlessCodeGoesOn", "passwordlessCodeTimeLeft", "passwordlessAnotherAddress"),
    *("passwordlessAnotherNumber", "passwordlessStatusSending", "passwordlessStatusSent"),
    *("passwordlessStatusDelivered", "passwordlessStatusDelayed", "passwordlessStatusFailed"),
    *("passwordlessSpamHint", "passwordlessSignalHint", "passwordlessResend", "passwordlessResendCountdown"),
    *("passwordlessCodeOverTitle", "passwordlessCodeOverLead", "passwordlessNewCode"),
    *("passwordlessLinkDoneTitle", "passwordlessOtherSession", "passwordlessAccountSignOut"),
    *("passwordlessErrorAddress", "passwordlessErrorNumber", "passwordlessErrorNumberRefused"),
    *("passwordlessErrorSmsStopped", "passwordlessErrorCode", "passwordlessErrorCodeFormat"),
    *("passwordlessErrorCodeOver", "passwordlessErrorWaitMinutes", "passwordlessErrorAccountStopped"),
    "passwordlessErrorUnavailable",
)
_PREFIX = "passwordless"
_YEAR_S = 31_536_000
#: Under its plain name: a page takes up a new version of the sidecar within the hour.
_PLAIN_S = 3600
_VERSION_CHARS = 12


def texts(words: Words) -> dict[str, str]:
    """What the component says in one language; arguments stay `{0}`, plurals have a name for each form."""
    found = {}
    for key in TEXTS:
        name = key.removeprefix(_PREFIX)
        for form, text in words.forms(key).items():
            found[f"{name[0].lower()}{name[1:]}{form and f'.{form}'}"] = text
    return found


def blueprint(catalogue: Catalogue) -> Blueprint:
    """`/sdk/NAME`, and `/sdk/VERSION/NAME`, whose content never changes.

    A page of any origin may load them: they are everybody's, and hold nothing of a realm.
    """
    bp = Blueprint("component", __name__, url_prefix="/sdk")
    said = {tag: json.dumps(texts(catalogue.words(tag)), ensure_ascii=False) for tag in catalogue.locales}
    files = {name: (_FOLDER / name).read_bytes() for name in FILES}
    content = [*files.values(), *(it.encode() for it in said.values())]
    version = hashlib.sha256(b"\n".join(content)).hexdigest()[:_VERSION_CHARS]

    def answer(response: Response, path: str, of_version: str | None) -> ResponseReturnValue:
        if of_version is not None and of_version != version:
            # A page that was built with an older sidecar's address goes on working.
            return redirect(f"../{'../' if '/' in path else ''}{path}", 302)
        is_plain = of_version is None
        response.headers["Cache-Control"] = (
            f"public, max-age={_PLAIN_S}" if is_plain else f"public, max-age={_YEAR_S}, immutable"
        )
        response.headers["Content-Location"] = f"{request.script_root}/sdk/{version}/{path}"
        return response

    @bp.get("/<name>", defaults={"of_version": None})
    @bp.get("/<of_version>/<name>")
    def file(name: str, of_version: str | None) -> ResponseReturnValue:
        if name not in files:
            raise NotFound
        response = make_response(files[name])
        response.mimetype = FILES[name]
        return answer(response, name, of_version)

    @bp.get("/texts/<locale>.json", defaults={"of_version": None})
    @bp.get("/<of_version>/texts/<locale>.json")
    def of_locale(locale: str, of_version: str | None) -> ResponseReturnValue:
        if locale not in said:
            raise NotFound
        response = make_response(said[locale])
        response.mimetype = "application/json"
        return answer(response, f"texts/{locale}.json", of_version)

    @bp.after_request
    def for_everybody(response: Response) -> Response:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    return bp
