"""What the face for existing SDKs answers where it refuses: names and sentences are that contract, to the byte."""

from __future__ import annotations

from flask import Response, json

from sidecar.errors import SidecarError

_CONTENT = "application/json"


class SdkRefused(SidecarError):
    """`error` and `error_description` as an SDK compares them, and the status that it expects."""

    code = "sdk_refused"

    def __init__(self, status: int, error: str, description: str, **more: str) -> None:
        super().__init__(f"{error}: {description}")
        self.status = status
        self.error = error
        self.description = description
        self.more = more


def answer(refused: SdkRefused) -> Response:
    body = {"error": refused.error, "error_description": refused.description, **refused.more}
    return Response(json.dumps(body), refused.status, mimetype=_CONTENT)


def wrong_code(kind: str) -> SdkRefused:
    """`kind`: "email" or "phone number"."""
    return SdkRefused(403, "invalid_grant", f"Wrong {kind} or verification code.")


def no_more_tries() -> SdkRefused:
    return SdkRefused(
        403, "invalid_grant", "You've reached the maximum number of attempts. Please try to login again."
    )


def expired() -> SdkRefused:
    return SdkRefused(403, "invalid_grant", "The verification code has expired. Please try to login again.")


def blocked() -> SdkRefused:
    return SdkRefused(
        429,
        "too_many_attempts",
        "Your account has been blocked after multiple consecutive login attempts. We've sent you an email with"
        " instructions on how to unblock it.",
    )


def too_many_requests() -> SdkRefused:
    return SdkRefused(
        429,
        "too_many_requests",
        "Too many requests. Check the X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset headers.",
    )


def missing(name: str) -> SdkRefused:
    return SdkRefused(400, "invalid_request", f"Missing required parameter: {name}")
