"""What every page is rendered with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, send_file
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from sidecar import assets
from sidecar.settings import LOGO, Settings
from sidecar.web.brands import STYLESHEET, Brands
from sidecar.words import SOURCE_LOCALE, Catalogue, Words

_STATIC = Path(__file__).with_name("static")
_THEME = assets.THEMES / "passwordless" / "login" / "resources"
_YEAR_S = 31_536_000
_VERSION_CHARS = 12
_OF_BRANDS = {LOGO: "image/png", STYLESHEET: "text/css"}


@dataclass(frozen=True)
class Pages:
    """Renders pages in the visitor's language; one stylesheet for Keycloak's theme and for these."""

    settings: Settings
    catalogue: Catalogue
    brands: Brands
    files: dict[str, Path]
    versions: dict[str, str]

    @classmethod
    def build(cls, settings: Settings, catalogue: Catalogue) -> Pages:
        files = {
            path.name: path
            for path in (*(_THEME / "css").glob("*.css"), *_STATIC.iterdir())
            if path.is_file()
        }
        versions = {
            name: hashlib.sha256(path.read_bytes()).hexdigest()[:_VERSION_CHARS]
            for name, path in files.items()
        }
        return cls(settings, catalogue, Brands(settings), files, versions)

    def words(self, realm: str, ui_locales: str = "", otherwise: str = "") -> Words:
        """The words for this request: `ui_locales` (OpenID Connect Core §3.1.2.1), then the browser's languages.

        If the realm has none of them: `otherwise`, a locale, or the realm's default.
        """
        allowed = self.settings.realms[realm].locales if realm in self.settings.realms else (SOURCE_LOCALE,)
        allowed = (otherwise, *allowed) if otherwise else allowed
        return self.catalogue.negotiate(ui_locales.split(), request.headers.get("Accept-Language"), allowed)

    def render(
        self,
        template: str,
        *,
        realm: str,
        words: Words,
        application: str = "",
        http_status: int = 200,
        **context: Any,
    ) -> Response:
        """A page as `application` looks (`AuthorizationRequest.application`), or else the realm."""
        look = self.brands.look(realm, application)
        page = render_template(template, t=words, brand=look, asset=self._asset, **context)
        response = make_response(page, http_status)
        response.headers["Content-Language"] = words.locale
        return response

    def _file(self, version: str, name: str) -> Response:
        if name not in _OF_BRANDS:
            if self.versions.get(name) != version:
                raise NotFound
            return send_file(self.files[name])
        content = self.brands.file(version, name)
        if content is None:
            raise NotFound
        response = make_response(content)
        response.mimetype = _OF_BRANDS[name]
        if name == LOGO:
            # Keycloak's pages and mails show it too; it is what everybody may see, and named after its content.
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    def _asset(self, name: str) -> str:
        return f"{self.settings.server.public_url}/static/{self.versions[name]}/{name}"

    def blueprint(self) -> Blueprint:
        bp = Blueprint("static_files", __name__)

        @bp.get("/static/<version>/<name>")
        def static_file(version: str, name: str) -> ResponseReturnValue:
            """A file whose content never changes under its URL, so browsers keep it."""
            response = self._file(version, name)
            response.headers["Cache-Control"] = f"public, max-age={_YEAR_S}, immutable"
            return response

        return bp
