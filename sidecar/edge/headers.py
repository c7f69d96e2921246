"""What every answer carries."""

from __future__ import annotations

from flask import Response, g, request

# No form-action: browsers hold every redirect after a form to it, and a login ends at an application whose origin
# only Keycloak knows. Without inline script there is nothing to point a form elsewhere.
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS = {
    "Content-Security-Policy": _CSP,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_HSTS = "max-age=31536000"


def set_security_headers(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    response.vary.add("Cookie")
    # Nobody else sets the rest. Assigned one by one, each would be looked for among all that are there.
    response.headers.extend([*_ALWAYS.items(), ("X-Request-Id", g.request_id)])
    if request.is_secure:
        response.headers.add("Strict-Transport-Security", _HSTS)
    return response
