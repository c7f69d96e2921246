"""Messages for whoever develops: printed to standard error, in place of sending. Settings refuse it in production."""

from __future__ import annotations

import sys

from sidecar.delivery.ports import Rendered
from sidecar.settings import ConsoleProvider


class Console:
    """Prints one message at a time; `delivery.ports.Provider`."""

    def __init__(self, settings: ConsoleProvider) -> None:
        self.id = settings.id
        self.timeout_s = settings.timeout_s

    def send(self, *, message_id: str, destination: str, content: Rendered, locale: str) -> str:  # noqa: ARG002
        subject = [f"Subject: {content.subject}"] if content.subject else []
        lines = [
            f"--- message {message_id}",
            f"To: {destination}",
            *subject,
            "",
            content.text.rstrip(),
            "---",
        ]
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()
        return ""

    def rehearse(self, *, message_id: str, destination: str, content: Rendered, locale: str) -> None:
        """There is nobody to reach."""

    def close(self) -> None:
        """Nothing is kept open."""
