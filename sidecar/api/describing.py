"""What the OpenAPI document says of every operation, beside its fields: names, refusals, headers, where to go next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask_smorest import Blueprint

from sidecar.api import schemas

#: How a refusal with this status is told in the document; what a call answers says more.
_REFUSALS = {
    400: "The request can't be understood.",
    401: "Whoever calls did not prove who it is, or is not switched on.",
    403: "It is not allowed.",
    404: "There is no such thing of this caller.",
    409: "It contradicts what was asked or done before.",
    413: "The body is longer than any that makes sense.",
    422: "A field is missing, unknown or wrong, or what it holds was not accepted.",
    429: "A budget is used up.",
    503: "Not available at present.",
}
_WHOLE = {"type": "integer", "minimum": 0}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds until it is worth another try.", "schema": _WHOLE}}
_LIMITS = {
    **_RETRY_AFTER,
    "X-RateLimit-Limit": {"description": "How much the budget that is used up holds.", "schema": _WHOLE},
    "X-RateLimit-Remaining": {"description": "What is left of it: nothing.", "schema": _WHOLE},
    "X-RateLimit-Reset": {
        "description": "When there is room again, in seconds since 1970-01-01T00:00:00Z.",
        "schema": _WHOLE,
    },
}
_HEADERS = {
    401: {"WWW-Authenticate": {"description": "RFC 9110 §11.6.1.", "schema": {"type": "string"}}},
    429: _LIMITS,
    503: _RETRY_AFTER,
}
#: A path parameter of this name has this form.
_PATH = {
    "realm": ("The realm, by its name in Keycloak.", {"type": "string", "pattern": "^[^/]{1,255}$"}),
    "challenge_id": ("As its start answered.", {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"}),
}
_Decorated = TypeVar("_Decorated")


def path(*names: str) -> list[dict[str, Any]]:
    """The parameters of a route, for `bp.route(…, parameters=…)`."""
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH[name][0],
            "schema": _PATH[name][1],
        }
        for name in names
    ]


def operation(bp: Blueprint, name: str, *refusals: int, **more: Any) -> Callable[[_Decorated], _Decorated]:
    """Name an operation, and say which statuses it refuses with; `more` goes into the document as it is."""

    def describe(view: _Decorated) -> _Decorated:
        described: Any = view
        for status in sorted({400, 422, 503, *refusals}):
            described = bp.alt_response(
                status,
                schema=schemas.Problem,
                content_type="application/problem+json",
                description=_REFUSALS[status],
                headers=_HEADERS.get(status),
            )(described)
        documented: _Decorated = bp.doc(operationId=name, **more)(described)
        return documented

    return describe


def links(**operations: str) -> dict[str, Any]:
    """What can be done next with the `id` of an answer: link name → operation (OpenAPI 3.1 §4.8.20)."""
    return {
        name: {"operationId": operation_id, "parameters": _GOING_ON}
        for name, operation_id in operations.items()
    }


_GOING_ON = {"realm": "$request.path.realm", "challenge_id": "$response.body#/id"}
