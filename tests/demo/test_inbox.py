"""The inbox over real SMTP and HTTP, in a process of its own as the demo runs it."""

from __future__ import annotations

import os
import smtplib
import subprocess
import sys
import time
from dataclasses import dataclass
from email.message import EmailMessage

import pytest
import requests

from sidecar.demo.keycloak import answers


@dataclass(frozen=True)
class Running:
    url: str
    smtp_port: int
    process: subprocess.Popen

    def get(self, path: str, **parameters):
        return requests.get(f"{self.url}{path}", params=parameters, timeout=10)

    def send(
        self,
        *,
        to=("ada@example.org",),
        subject="482913 is your code",
        html="",
        text="Hello\n482913\n",
        rcpt=None,
    ):
        mail = EmailMessage()
        mail["From"] = '"Acme, Inc." <login@acme.example>'
        mail["To"] = ", ".join(to)
        mail["Subject"] = subject
        mail["Message-ID"] = "<one@acme.example>"
        mail.set_content(text)
        if html:
            mail.add_alternative(html, subtype="html")
        self.send_raw(mail.as_bytes(), rcpt or list(to))

    def send_raw(self, raw: bytes, rcpt: list[str], options: tuple[str, ...] = ()):
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=10) as smtp:
            smtp.ehlo()
            smtp.sendmail("bounces@acme.example", rcpt, raw, mail_options=options)


@pytest.fixture(scope="module")
def process(tmp_path_factory, free_port):
    smtp_port, http_port = free_port(), free_port()
    command = [
        sys.executable,
        "-m",
        "sidecar.demo.inbox",
        "--smtp-port",
        str(smtp_port),
        "--http-port",
        str(http_port),
    ]
    log = tmp_path_factory.mktemp("inbox") / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output, env=os.environ) as process,
    ):
        url = f"http://localhost:{http_port}"
        for _ in range(200):
            if answers(f"{url}/readyz"):
                break
            time.sleep(0.1)
        yield Running(url, smtp_port, process), log
        process.terminate()
        assert process.wait(10) == 0


@pytest.fixture
def inbox(process):
    running, _ = process
    requests.delete(f"{running.url}/api/v1/messages", timeout=10).raise_for_status()
    return running


def test_a_mail_sent_by_smtp_is_listed_newest_first_in_mailpits_shape(inbox):
    inbox.send(subject="first")
    inbox.send(subject="second")
    listing = inbox.get("/api/v1/messages").json()
    assert {key: value for key, value in listing.items() if key != "messages"} == {
        "total": 2,
        "unread": 2,
        "count": 2,
        "messages_count": 2,
        "messages_unread": 2,
        "start": 0,
        "tags": [],
    }
    newest = listing["messages"][0]
    assert newest.pop("ID")
    assert newest.pop("Size") > 100
    assert newest.pop("Created").endswith("Z")
    assert newest == {
        "MessageID": "one@acme.example",
        "Read": False,
        "From": {"Name": "Acme, Inc.", "Address": "login@acme.example"},
        "To": [{"Name": "", "Address": "ada@example.org"}],
        "Cc": [],
        "Bcc": [],
        "ReplyTo": [],
        "Subject": "second",
        "Username": "",
        "Tags": [],
        "Attachments": 0,
        "Snippet": "Hello 482913",
    }


def test_a_single_message_has_its_parts_and_the_envelope_letter_by_letter(inbox):
    inbox.send(html="<p>482913</p>", rcpt=["Ada@EXAMPLE.org", "blind@example.org"])
    message = inbox.get("/api/v1/message/latest").json()
    assert message["Text"] == "Hello\n482913\n"
    assert message["HTML"] == "<p>482913</p>\n"
    assert message["ReturnPath"] == "bounces@acme.example"
    assert message["Bcc"] == [{"Name": "", "Address": "blind@example.org"}]
    assert message["Envelope"] == {
        "From": "bounces@acme.example",
        "To": ["Ada@EXAMPLE.org", "blind@example.org"],
    }
    assert message["Inline"] == message["Attachments"] == []
    assert message["ListUnsubscribe"] == {"Header": "", "Links": [], "Errors": "", "HeaderPost": ""}


def test_looking_at_a_message_marks_it_read(inbox):
    inbox.send()
    inbox.get("/api/v1/message/latest")
    listing = inbox.get("/api/v1/messages").json()
    assert listing["unread"] == 0
    assert listing["messages"][0]["Read"] is True


def test_pages_of_the_list_are_cut_by_start_and_limit(inbox):
    for number in range(3):
        inbox.send(subject=f"mail {number}")
    listing = inbox.get("/api/v1/messages", start=1, limit=1).json()
    assert [message["Subject"] for message in listing["messages"]] == ["mail 1"]
    assert (listing["total"], listing["count"], listing["start"]) == (3, 1, 1)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("to:ada@example.org", {"for ada"}),
        ("to:ADA", {"for ada"}),
        ("to:ada subject:grace", set()),
        ('subject:"for grace"', {"for grace"}),
        ('"subject:for grace"', {"for grace"}),
        ("-to:ada", {"for grace"}),
        ("!to:ada", {"for grace"}),
        ("from:acme", {"for ada", "for grace"}),
        ("addressed:grace", {"for grace"}),
        ("message-id:one@acme", {"for ada", "for grace"}),
        ("482913", {"for ada", "for grace"}),
        ("is:read", set()),
        ("has:attachment", set()),
        ("-has:attachment is:unread", {"for ada", "for grace"}),
    ],
)
def test_search_speaks_mailpits_language(inbox, query, found):
    inbox.send(to=["ada@example.org"], subject="for ada")
    inbox.send(to=["grace@example.org"], subject="for grace")
    listing = inbox.get("/api/v1/search", query=query).json()
    assert {message["Subject"] for message in listing["messages"]} == found
    assert (listing["messages_count"], listing["total"]) == (len(found), 2)


def test_a_search_without_a_query_is_refused(inbox):
    assert inbox.get("/api/v1/search").status_code == 400


def test_latest_can_be_the_newest_that_fits_a_query(inbox):
    inbox.send(to=["ada@example.org"])
    inbox.send(to=["grace@example.org"])
    message = inbox.get("/api/v1/message/latest", query="to:ada").json()
    assert message["To"] == [{"Name": "", "Address": "ada@example.org"}]


def test_messages_can_be_deleted_one_by_one_and_all_at_once(inbox):
    for subject in ("a", "b", "c"):
        inbox.send(subject=subject)
    newest = inbox.get("/api/v1/messages").json()["messages"][0]["ID"]
    requests.delete(f"{inbox.url}/api/v1/messages", json={"IDs": [newest]}, timeout=10)
    assert [m["Subject"] for m in inbox.get("/api/v1/messages").json()["messages"]] == ["b", "a"]
    requests.delete(f"{inbox.url}/api/v1/messages", timeout=10)
    assert inbox.get("/api/v1/messages").json()["total"] == 0
    assert inbox.get("/api/v1/message/latest").status_code == 404


def test_the_parts_can_be_viewed_alone(inbox):
    inbox.send(html="<p>Hello</p>")
    assert inbox.get("/view/latest.html").text == "<p>Hello</p>\n"
    assert inbox.get("/view/latest.txt").text == "Hello\n482913\n"
    inbox.send()
    assert inbox.get("/view/latest.html").status_code == 404


def test_a_mails_html_can_run_nothing_load_nothing_and_send_nothing(inbox):
    inbox.send(html="<script>alert(1)</script>")
    policy = inbox.get("/view/latest.html").headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "form-action 'none'" in policy


def test_in_the_frame_a_mails_links_open_beside_the_inbox(inbox):
    inbox.send(html="<!doctype html><html><head><title>x</title></head><body></body></html>")
    assert '<head><base target="_blank"><title>' in inbox.get("/view/latest.html", framed=1).text


def test_the_page_lists_messages_and_shows_the_newest_with_its_code(inbox):
    inbox.send(to=["ada@example.org"])
    page = inbox.get("/").text
    assert "ada@example.org" in page
    assert '<output id="code">482913</output>' in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' not in page  # there is no HTML part


def test_what_a_mail_says_is_escaped_on_the_page(inbox):
    inbox.send(subject="<b>bold</b>", text="<script>alert(1)</script>")
    page = inbox.get("/").text
    assert "<b>bold</b>" not in page
    assert "<script>alert" not in page


def test_a_page_without_news_is_answered_without_a_body(inbox):
    inbox.send()
    etag = inbox.get("/").headers["ETag"]
    assert requests.get(f"{inbox.url}/", headers={"If-None-Match": etag}, timeout=10).status_code == 304
    inbox.send()
    assert requests.get(f"{inbox.url}/", headers={"If-None-Match": etag}, timeout=10).status_code == 200


def test_another_sites_form_cannot_delete(inbox):
    inbox.send()
    refused = requests.post(f"{inbox.url}/clear", headers={"Sec-Fetch-Site": "cross-site"}, timeout=10)
    assert refused.status_code == 403
    assert inbox.get("/api/v1/messages").json()["total"] == 1
    requests.post(f"{inbox.url}/clear", headers={"Sec-Fetch-Site": "same-origin"}, timeout=10)
    assert inbox.get("/api/v1/messages").json()["total"] == 0


def test_a_foreign_host_name_is_refused(inbox):
    answer = requests.get(f"{inbox.url}/api/v1/messages", headers={"Host": "evil.example"}, timeout=10)
    assert answer.status_code == 400


def test_a_mail_with_utf8_addresses_is_taken(inbox):
    raw = "From: a@acme.example\r\nTo: ädä@exämple.org\r\nSubject: Grüße\r\n\r\nhallo\r\n".encode()
    inbox.send_raw(raw, ["ädä@exämple.org"], ("SMTPUTF8", "BODY=8BITMIME"))
    message = inbox.get("/api/v1/message/latest").json()
    assert message["Subject"] == "Grüße"
    assert message["Envelope"]["To"] == ["ädä@exämple.org"]


@pytest.mark.parametrize(
    "raw",
    [
        b"no header at all",
        b"Subject: =?nonsense?b?!!!?=\r\nTo: <<<>>>\r\n\r\nx\r\n",
        b"Content-Type: text/plain; charset=martian\r\n\r\nx\r\n",
        b"Content-Type: multipart/mixed\r\n\r\n--x\r\n",
        b"Message-ID: <[a@b]>\r\nFrom: @\r\nDate: never\r\n\r\nx\r\n",
    ],
)
def test_a_broken_mail_is_taken_and_shown(inbox, raw):
    inbox.send_raw(raw, ["ada@example.org"])
    assert inbox.get("/api/v1/message/latest").json()["Envelope"]["To"] == ["ada@example.org"]
    assert inbox.get("/").status_code == 200
    assert inbox.get("/api/v1/messages").json()["total"] == 1


def test_source_and_headers_can_be_had(inbox):
    inbox.send()
    assert b"Message-ID: <one@acme.example>" in inbox.get("/api/v1/message/latest/raw").content
    assert inbox.get("/api/v1/message/latest/headers").json()["Message-ID"] == ["<one@acme.example>"]


def test_info_and_probes_answer(inbox):
    inbox.send()
    info = inbox.get("/api/v1/info").json()
    assert (info["Messages"], info["Unread"]) == (1, 1)
    assert inbox.get("/livez").status_code == inbox.get("/readyz").status_code == 200


def test_no_address_and_no_code_reaches_the_log(process, inbox):
    inbox.send(to=["ada@example.org"])
    log = process[1].read_text()
    assert "Mail comes in" in log
    assert "ada@example.org" not in log
    assert "482913" not in log


def test_a_text_message_is_listed_beside_the_mails_with_its_number(inbox):
    inbox.send(subject="a mail")
    sent = {"recipient": "+4915123456789", "body": "012345 is your code for Acme.", "sender": "Acme"}
    taken = requests.post(f"{inbox.url}/sms", json=sent, headers={"Idempotency-Key": "k1"}, timeout=10)

    listed = inbox.get("/api/v1/messages").json()["messages"]
    message = inbox.get(f"/api/v1/message/{listed[0]['ID']}").json()
    assert (202, listed[0]["ID"]) == (taken.status_code, taken.json()["id"])
    assert [{"Name": "", "Address": "+4915123456789"}] == listed[0]["To"]
    assert sent["body"] == message["Text"]
    assert 1 == inbox.get("/api/v1/search?query=to:%2B4915123456789").json()["messages_count"]


def test_a_text_message_that_comes_again_is_the_same(inbox):
    sent = {"recipient": "+4915123456789", "body": "012345"}
    ids = {
        requests.post(f"{inbox.url}/sms", json=sent, headers={"Idempotency-Key": "k2"}, timeout=10).json()[
            "id"
        ]
        for _ in range(2)
    }
    assert 1 == len(ids) == inbox.get("/api/v1/messages").json()["total"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"recipient": 1, "body": "x"}'])
def test_what_is_no_text_message_is_refused(inbox, body):
    assert 400 == requests.post(f"{inbox.url}/sms", data=body, timeout=10).status_code


def test_a_page_of_another_site_can_not_slip_a_text_message_in(inbox):
    headers = {"Sec-Fetch-Site": "cross-site"}
    sent = {"recipient": "+4915123456789", "body": "x"}
    assert 403 == requests.post(f"{inbox.url}/sms", json=sent, headers=headers, timeout=10).status_code
