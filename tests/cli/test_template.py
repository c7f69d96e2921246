"""`passwordless template`, run as an operator runs it: what it shows, and what it refuses by file and line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from sidecar.cli import main
from tests.conftest import SECRET_KEY, SETTINGS
from tests.gateway import SECRET

UUID = "0b8f4b52-6c1e-4c8e-9d38-2f1d1b0b6a57"
MORE = f"""
[realms.other]
service_account = true
account_page = true
[realms.acme.clients.shop]
id = "{UUID}"
[realms.acme.clients.shop.branding]
name = "Acme Shop"
help = "https://shop.acme.example/help"
[realms.acme.clients.later.branding]
name = "Later"
[providers.gateway]
type = "webhook"
url = "https://sms.example.org/messages"
secret = "{SECRET}"
[realms.acme.connections.sms]
strategy = "sms"
countries = ["GB"]
providers = ["gateway"]
"""


@pytest.fixture
def run(tmp_path):
    """The command with these settings; no database is there, and none is needed."""

    def run(*arguments, method="code"):
        text = SETTINGS % (SECRET_KEY, f"sqlite:///{tmp_path}/gone.db")
        text = text.replace(
            "[realms.acme.connections.email]", f'[realms.acme.connections.email]\nmethod = "{method}"'
        )
        (tmp_path / "mine.toml").write_text(text + MORE, encoding="utf-8")
        return CliRunner().invoke(main, ["--settings", str(tmp_path / "mine.toml"), "template", *arguments])

    return run


@pytest.fixture
def folder(tmp_path):
    """Write a folder of templates: `login_email__body_txt` is `login_email/body.txt`."""

    def folder(**files):
        for name, text in files.items():
            path = (
                tmp_path / "own" / name.replace("__", "/").replace("_txt", ".txt").replace("_html", ".html")
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(tmp_path / "own")

    return folder


def findings(run, path, **settings):
    done = run("check", "acme", "--folder", path, "--json", **settings)
    told = json.loads(done.output)
    assert (1, False) == (done.exit_code, told["ok"]), done.output
    return [(it["file"].removeprefix(f"{path}/"), it["line"], it["what"]) for it in told["findings"]]


@pytest.mark.parametrize("method", ["code", "link", "both"])
def test_our_own_templates_can_be_used(run, method):
    done = run("check", "acme", method=method)

    assert (0, "The templates of acme can be used: ours, there are no others.\n") == (
        done.exit_code,
        done.output,
    )
    assert {"realm": "acme", "ok": True, "findings": []} == json.loads(run("check", "acme", "--json").output)


def test_a_folder_that_can_be_used_is_named(run, folder):
    path = folder(login_email__body_txt="{{ code }}")

    assert f"those in {path}." in run("check", "acme", "--folder", path).output


@pytest.mark.parametrize(
    ("method", "file", "text", "line", "what"),
    [
        ("code", "body.txt", "Hello\n", None, "leaves the code out: write {{ code }}"),
        (
            "link",
            "body.html",
            "<p>{{ code }}</p>",
            None,
            "leaves the link out, with method link: write {{ link_url }}",
        ),
        ("both", "body.txt", "{{ code }}", None, "leaves the link out, with method link"),
        (
            "code",
            "subject.txt",
            "{{ code }}\r\nBcc: eve@example.org",
            None,
            "makes a subject of several lines",
        ),
        ("code", "subject.txt", "{{ code }}\n\nmore", None, "makes a subject of several lines"),
        (
            "code",
            "body.html",
            '{{ code }}\n\n<img src="https://cdn.example/a.png">',
            3,
            "links to https://cdn.example/a.png: a message may only lead to us",
        ),
        (
            "code",
            "body.txt",
            "{{ code }}\nhttps://{{ realm_name }}.example/\n",
            None,
            "links to https://Acme.example/",
        ),
        ("code", "body.txt", "{{ code }}\n{{ nope }}", 2, "fails: UndefinedError: 'nope' is undefined"),
        ("code", "body.txt", "{{ code }}\n\n\n{% if %}", 4, "is no Liquid template: missing expression"),
        ("code", "body.txt", b"{{ code }} \xff", None, "is no text in UTF-8: save it as UTF-8"),
        ("code", "body.txt", "{{ code }}" + " " * 70_000, None, "is larger than 64 KiB"),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_cure(run, folder, *, method, file, text, line, what):
    """F5."""
    path = folder(**{f"login_email__{file.replace('.', '_')}": text})

    (found,) = {it[:2] for it in findings(run, path, method=method)}
    assert (f"login_email/{file}", line) == found
    assert any(it[2].startswith(what) for it in findings(run, path, method=method))
    where = f"{path}/login_email/{file}" + (f":{line}" if line else "")
    assert f"{where}: {what}" in run("check", "acme", "--folder", path, method=method).output


def test_it_goes_on_after_the_first_mistake(run, folder):
    path = folder(
        login_email__subject_txt="a\nb",
        login_email__body_txt="Hi",
        login_email__body_html="{{ code }} <a href='//evil.example'>x</a>",
        login_sms__body_txt="Your code: {{ code }}\n@{{ host }} #{{ code }}",
        login_email__betreff_txt="{{ code }}",
        notes_txt="x",
    )

    assert {
        ("login_email/subject.txt", None),
        ("login_email/body.txt", None),
        ("login_email/body.html", 1),
        ("login_sms/body.txt", None),
        ("login_email/betreff.txt", None),
        ("notes.txt", None),
    } == {it[:2] for it in findings(run, path)}


def test_an_applications_look_is_tried_too(run, folder):
    """What breaks with one look only would be found out by that application's users."""
    path = folder(
        login_email__body_txt="{{ code }}{% if client_name == 'Acme Shop' %}\n{{ nope }}{% endif %}"
    )

    assert [("login_email/body.txt", 2, "fails: UndefinedError: 'nope' is undefined")] == findings(run, path)


def test_the_links_of_a_look_may_be_led_to(run, folder):
    path = folder(login_email__body_txt="{{ code }} https://shop.acme.example/more")

    assert 0 == run("check", "acme", "--folder", path).exit_code


def test_a_preview_shows_each_connections_message(run):
    done = run("preview", "acme", "--locale", "de", "--locale", "en", method="both")

    assert 0 == done.exit_code, done.output
    heads = [line for line in done.output.splitlines() if line.startswith("---")]
    assert [
        f"--- {name}, {locale}, {method}"
        # `partner` brings codes.
        for name, method in (("login_email", "both"), ("login_email", "code"), ("login_sms", "code"))
        for locale in ("de", "en")
    ] == sorted(heads, key=lambda it: (it.split()[1], it.split()[3]))
    assert "Subject: 012345 is your code for Acme" in done.output
    assert "https://link.invalid/l/x" in done.output
    assert "@login.example.org #012345" in done.output


def test_a_preview_shows_what_the_account_page_sends(run):
    told = json.loads(run("preview", "other", "--json").output)

    assert [("login_email", "code"), ("add_email", "code"), ("changed_email", "link")] == [
        (it["template"], it["method"]) for it in told
    ]
    assert "to add this address" in told[1]["content"]["subject"]
    assert "https://link.invalid/l/x" in told[2]["content"]["text"]
    assert "a•••@example.org" in told[2]["content"]["html"]


def test_a_preview_looks_like_an_application(run):
    (told,) = json.loads(run("preview", "acme", "--connection", "email", "--client", "shop", "--json").output)

    assert "012345 is your code for Acme Shop" == told["content"]["subject"]
    assert "https://shop.acme.example/help" in told["content"]["html"]
    assert "with your Acme account" in told["content"]["text"]


def test_html_is_one_mail_and_nothing_else(run):
    done = run("preview", "acme", "--connection", "email", "--html")

    assert done.output.startswith("<!DOCTYPE html>")
    assert done.output.endswith("</html>\n")
    assert "--html prints one mail" in run("preview", "acme", "--connection", "sms", "--html").output


def test_out_writes_the_parts_as_files(run, tmp_path):
    done = run("preview", "acme", "--out", str(tmp_path / "new" / "previews"))

    names = {
        "login_email.en.code.html",
        "login_email.en.code.txt",
        "login_email.en.code.subject.txt",
        "login_sms.en.code.txt",
    }
    assert names == {path.name for path in (tmp_path / "new" / "previews").iterdir()}
    assert all(name in done.output for name in names)
    assert (tmp_path / "new" / "previews" / "login_sms.en.code.txt").read_text("utf-8").startswith("012345")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("check", "nowhere"), "there is no realm 'nowhere' in the settings, only: acme, other"),
        (("preview", "acme", "--connection", "x"), "has no connection 'x', only: email, partner, sms"),
        (("preview", "acme", "--locale", "fr"), "has no language 'fr', only: en, de"),
        (("preview", "acme", "--client", "x"), "has no application 'x' in the settings, only: later, shop"),
        (("preview", "acme", "--client", "later"), "realms.acme.clients.later.id is empty"),
        (("preview", "other", "--template", "login_sms"), "has no connection whose message is login_sms"),
        (("preview", "acme", "--json", "--html"), "exclude each other"),
        (("check", "acme", "--folder", "/nowhere"), "does not exist"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(run, arguments, says):
    done = run(*arguments)

    assert 2 == done.exit_code
    assert says in done.output


def test_a_template_that_can_not_be_used_has_no_preview(run, folder):
    done = run("preview", "acme", "--folder", folder(login_email__body_txt="Hi"))

    assert 2 == done.exit_code
    assert "body.txt leaves the code out" in done.output
    assert "passwordless template check acme" in done.output


def test_a_terminal_does_nothing_with_what_a_template_says(run, folder):
    path = folder(
        login_email__body_txt="{{ code }}\x1b]0;owned\x07",
        login_sms__body_txt="{{ code }}\n@{{ host }} #{{ code }}",
    )

    assert "\x1b" not in run("preview", "acme", "--folder", path).output
