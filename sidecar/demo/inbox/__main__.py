"""Run the inbox: mail server and page in one process."""

from __future__ import annotations

import json
import logging
import signal
import threading

import click
from werkzeug.serving import WSGIRequestHandler, make_server

from sidecar.demo.inbox.mailbox import Mailbox
from sidecar.demo.inbox.smtp import SmtpSink
from sidecar.demo.inbox.web import create_inbox


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the page asks every second, and its answers are no news."""


@click.command()
@click.option("--smtp-port", default=1025, show_default=True, help="Where mail comes in.")
@click.option("--http-port", default=8025, show_default=True, help="Where the page and the API are.")
@click.option(
    "--example", "example_of", default="", help="Settings of the single-page example, as JSON: serve it too."
)
def main(smtp_port: int, http_port: int, example_of: str) -> None:
    """Take every mail and text message, keep the last 500, and show them on a page and as JSON (Mailpit's API).

    Both listen on 127.0.0.1 only. Nothing is written to disk.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells whole addresses
    mailbox = Mailbox()
    sink = SmtpSink(mailbox, port=smtp_port)
    inbox = create_inbox(mailbox, example_of=json.loads(example_of) if example_of else None)
    server = make_server("127.0.0.1", http_port, inbox, threaded=True, request_handler=_QuietHandler)
    for number in (signal.SIGINT, signal.SIGTERM):
        # From a thread, since shutdown() waits for the loop that the handler interrupts.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    sink.start()
    click.echo(f"Mail comes in at 127.0.0.1:{smtp_port}, and is shown at http://localhost:{http_port}/")
    try:
        server.serve_forever()
    finally:
        sink.stop()
        server.server_close()


if __name__ == "__main__":
    main()
