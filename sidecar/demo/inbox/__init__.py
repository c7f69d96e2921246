"""The demo's inbox: a mail server that delivers nothing, and a page that shows what was sent.

    message.py  what was sent, and how a mail is taken apart
    mailbox.py  the last messages, in memory
    search.py   the search language of the API
    smtp.py     the mail server
    mailpit.py  JSON in the shape of Mailpit's API, so that a real Mailpit can stand in
    web.py      the page and the API

`python -m sidecar.demo.inbox --smtp-port 1025 --http-port 8025` runs it.
"""

from sidecar.demo.inbox.mailbox import Mailbox
from sidecar.demo.inbox.message import Address, Message, message_from_mail

__all__ = ["Address", "Mailbox", "Message", "message_from_mail"]
