"""Messages from Liquid templates: a realm's own over ours, with limits, and never without the code."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest

from sidecar.delivery.render import Renderer
from sidecar.errors import DeliveryFailed, SettingsError
from sidecar.words import Catalogue
from tests.flow import ASKER

HOST = "login.example.org"


@pytest.fixture
def realm(settings_for, sqlite_url):
    return settings_for(sqlite_url).realms["acme"]


@pytest.fixture
def own(realm, tmp_path):
    """The realm with a template folder of its own; files go into `login_email/`."""
    folder = tmp_path / "templates"

    def write(**files: str):
        for name, text in files.items():
            path = folder / "login_email" / name.replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return replace(realm, templates=folder)

    return write


def render(realm, **changed):
    values = {"realm": realm.name, "template": "login_email", "code": "012345", "locale": "en", "minutes": 5}
    values |= {"asker": ASKER, "asked_at": 0, "link_url": ""}
    return Renderer(Catalogue(), [realm], host=HOST).render(
        **{"not_me_url": "https://login.example.org/not-me/x", **values, **changed}
    )


def test_the_code_stands_first_in_subject_and_text(realm):
    content = render(realm)

    assert content.subject.startswith("012345")
    assert content.text.startswith("012345")
    assert "012345" in content.html


def test_the_language_is_the_challenges_own(realm):
    assert render(realm, locale="de").subject != render(realm, locale="en").subject


def test_a_realms_own_file_replaces_only_that_file(own):
    content = render(own(body_txt="Hello {{ realm_name }}: {{ code }}"))

    assert "Hello Acme: 012345" == content.text
    assert "012345 is your code for Acme" == content.subject


def test_names_are_text_in_html(realm):
    """D5."""
    content = render(replace(realm, display_name='<b onclick="x">x</b>'))

    assert "<b onclick" not in content.html
    assert "&lt;b onclick" in content.html
    with pytest.raises(SettingsError, match="links to"):
        render(replace(realm, display_name='<a href="http://evil.example">x</a>'))


def test_a_subject_is_one_line(own):
    """C2."""
    for subject in ("{{ code }}\r\nBcc: eve@example.org", "{{ code }}\nx", "{{ code }}\u2028x", "", " \n "):
        with pytest.raises(SettingsError, match=r"subject\.txt makes a subject of several lines"):
            render(own(subject_txt=subject))


def test_a_subject_that_is_sometimes_two_lines_is_made_one(own):
    """C2: what the trial at start could not see."""
    content = render(
        own(subject_txt="{{ code }}{% if minutes == 3 %}\r\nBcc: eve@example.org{% endif %}"), minutes=3
    )

    assert "012345 Bcc: eve@example.org" == content.subject


@pytest.mark.parametrize("file", ["body_txt", "body_html"])
def test_a_template_without_the_code_stops_the_start(own, file):
    """F5."""
    with pytest.raises(SettingsError, match=rf"{file.replace('_', '.')} leaves the code out"):
        render(own(**{file: "Welcome!"}))


@pytest.mark.parametrize("file", ["body_txt", "body_html"])
def test_a_template_that_sometimes_leaves_the_code_out_sends_nothing_then(own, file):
    """F5: what the trial at start could not see."""
    realm = own(**{file: "{% if minutes != 3 %}{{ code }}{% endif %}"})

    with pytest.raises(DeliveryFailed, match="leaves the code out") as failed:
        render(realm, minutes=3)

    assert failed.value.is_final


def with_method(realm, method):
    email = replace(realm.connections["email"], method=method)
    return replace(realm, connections={"email": email})


LINK = "https://login.example.org/l/x"
#: A template that brings what it is given.
BRINGS = "{% if code != '' %}{{ code }}{% endif %} {% if link_url != '' %}{{ link_url }}{% endif %}"


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("code", {}),
        ("link", {"code": "", "link_url": LINK}),
        ("both", {"link_url": LINK}),
    ],
)
def test_a_message_brings_what_it_is_given_and_nothing_else(realm, method, given):
    """In our own templates: a link alone has no code in it, and the other way round."""
    content = render(with_method(realm, method), **given)

    for part in (content.text, content.html):
        assert ("012345" in part) == (given.get("code") != "")
        assert (LINK in part) == ("link_url" in given)
    assert content.subject.startswith("012345") == (given.get("code") != "")
    assert LINK not in content.subject


@pytest.mark.parametrize("file", ["body_txt", "body_html"])
@pytest.mark.parametrize(
    ("method", "text", "complaint"),
    [
        ("link", "Welcome!", "leaves the link out, with method link"),
        ("link", "{{ code }}", "leaves the link out, with method link"),
        ("both", "{{ code }}", "leaves the link out"),
        ("both", "{{ link_url }}", "leaves the code out"),
        # Right for both together, and an application may ask for one of them.
        (
            "both",
            "{% if code != '' %}{{ code }} {{ link_url }}{% endif %}",
            "leaves the link out, with method link",
        ),
        ("both", "{% if link_url != '' %}{{ code }} {{ link_url }}{% endif %}", "leaves the code out"),
        ("link", f"https://evil.example/?to={{{{ link_url }}}} {BRINGS}", "links to https://evil.example"),
        ("link", f"{BRINGS} <a href='//evil.example/l/x'>x</a>", "links to //evil.example/l/x"),
    ],
)
def test_a_template_without_the_link_or_with_another_stops_the_start(own, file, method, text, complaint):
    """F5: where a connection of the realm needs it, also by `send=`."""
    with pytest.raises(SettingsError, match=re.escape(complaint)):
        render(with_method(own(**{file: text}), method))


@pytest.mark.parametrize("method", ["code", "link", "both"])
def test_a_template_that_brings_what_it_is_given_is_taken(own, method):
    render(with_method(own(body_txt=BRINGS, body_html=BRINGS), method))


def test_a_template_that_sometimes_leaves_the_link_out_sends_nothing_then(own):
    realm = with_method(own(body_txt="{% if minutes != 3 %}{{ link_url }}{% endif %}"), "link")

    with pytest.raises(DeliveryFailed, match="leaves the link out") as failed:
        render(realm, minutes=3, code="", link_url=LINK)

    assert failed.value.is_final


FOREIGN = [
    '<a href="https://evil.example/">x</a>',
    "<a href='//evil.example'>x</a>",
    "<a href=HTTPS://EVIL.EXAMPLE>x</a>",
    '<a href="https://login.example.org.evil.example/">x</a>',
    '<a href="https://login.example.org@evil.example/">x</a>',
    '<a href="https://evil.example/login.example.org">x</a>',
    '<a href="https://login.example.org:8443/">x</a>',
    '<a href="/relative">x</a>',
    '<a href="javascript:alert(1)">x</a>',
    '<a href="data:text/html,x">x</a>',
    '<img src="https://tracker.example/pixel.gif">',
    '<img srcset="https://tracker.example/pixel.gif 2x">',
    '<form action="https://evil.example"></form>',
    '<button formaction="https://evil.example">x</button>',
    '<p style="background:url(https://tracker.example/p)">x</p>',
    '<style>@import url("//tracker.example/x.css")</style>',
    '<object data="https://evil.example"></object>',
    "Read https://evil.example/x",
    "[click](ftp://evil.example)",
    '<a href="{{ not_me_url }}.evil.example">x</a>',
    '<a href="https://login.example.org{{ code }}.evil.example/">x</a>',
]


@pytest.mark.parametrize("text", FOREIGN)
def test_a_template_that_leads_elsewhere_stops_the_start(own, text):
    """F5: a link, a picture or a style of a host that is none of ours tells it who reads, or leads there."""
    with pytest.raises(SettingsError, match=r"realms\.acme\.templates: .*body\.html links to"):
        started(own(body_html="{{ code }}" + text))


@pytest.mark.parametrize(
    "text",
    [
        '<a href="{{ not_me_url }}">x</a>',
        '<a href="https://login.example.org/x">x</a>',
        '<a href="https://www.acme.example/help">x</a>',
        '<img src="data:image/png;base64,AAAA">',
        '<a href="mailto:help@acme.example">x</a>',
        '<html xmlns="http://www.w3.org/1999/xhtml">',
        '<a href="#top">x</a>',
    ],
)
def test_a_template_that_leads_to_ours_is_taken(own, text):
    """F5: our host, and those that the realm names."""
    started(replace(own(body_html="{{ code }}" + text), link_hosts=("www.acme.example",)))


def test_a_long_template_is_tried_in_no_time(own):
    """F4: 200 KB of one letter, in which a careless search for links would be lost for minutes."""
    realm = own(body_html="{{ code }}" + ("{% for i in (1..900) %}" + "x" * 220 + "{% endfor %}"))
    before = time.process_time()

    started(realm)

    assert time.process_time() - before < 5


def started(realm):
    return Renderer(Catalogue(), [realm], host=HOST, hosts={HOST})


TOO_FAR = {
    "endless loop": "{% for i in (1..100000000) %}{{ i }}{% endfor %}",
    "endless empty loop": "{% for i in (1..100000000) %}{% endfor %}",
    "loops in loops": "{% for i in (1..999) %}{% for j in (1..999) %}{{ j }}{% endfor %}{% endfor %}",
    "table": "{% tablerow i in (1..100000000) %}x{% endtablerow %}",
    "doubling": "{% assign a = 'x' %}{% for i in (1..40) %}{% assign a = a | append: a %}{% endfor %}{{ a }}",
    "doubling a capture": "{% assign a = 'x' %}{% for i in (1..40) %}{% capture a %}{{ a }}{{ a }}{% endcapture %}"
    "{% endfor %}{{ a }}",
    "much of it": "{% for i in (1..1000) %}{{ 'x' }}" + "x" * 1000 + "{% endfor %}",
    "unknown variable": "{{ secret_keys }}",
    "unknown property": "{{ code.secret }}",
    "inside of an object": "{{ words.__class__ }}",
    "inside of a function": "{{ words.__init__.__globals__ }}",
    "settings": "{{ settings.server.secret_keys }}",
    "environment": "{{ self }}",
}


@pytest.mark.parametrize("reach", TOO_FAR)
@pytest.mark.parametrize("file", ["subject_txt", "body_txt", "body_html"])
def test_a_template_that_reaches_too_far_stops_the_start(own, file, reach):
    """F4: limits, no unknown names, nothing of Python."""
    before = time.process_time()

    with pytest.raises(SettingsError, match=rf"{file.replace('_', '.')} (fails|is no)"):
        render(own(**{file: "{{ code }}" + TOO_FAR[reach]}))

    assert time.process_time() - before < 5


@pytest.mark.parametrize("reach", TOO_FAR)
def test_a_template_that_sometimes_reaches_too_far_fails_alone(own, reach):
    """F4: the limits hold at each message too, and the worker goes on."""
    template = "{{ code }}{% if minutes == 3 %}" + TOO_FAR[reach] + "{% endif %}"
    renderer = Renderer(Catalogue(), [own(body_txt=template)], host=HOST)
    values = {
        "realm": "acme",
        "template": "login_email",
        "code": "012345",
        "locale": "en",
        "link_url": "",
        "not_me_url": "https://x",
        "asker": ASKER,
        "asked_at": 0,
    }

    with pytest.raises(DeliveryFailed):
        renderer.render(**values, minutes=3)
    assert "012345" == renderer.render(**values, minutes=4).text


MARKUP = [
    "<script>alert(1)</script>",
    '" onmouseover="x',
    "' x='",
    "</title><b>",
    "&lt;script&gt;",
    "{{ code }}",
]


@pytest.mark.parametrize("markup", MARKUP)
@pytest.mark.parametrize(
    "how",
    [
        "{{ realm_name }}",
        "{{ realm_name | upcase }}",
        "{{ realm_name | append: '' }}",
        "{{ realm_name | strip }}",
        "{{ realm_name | split: '' | join: '' }}",
        "{{ realm_name | replace: 'q', 'r' }}",
        "{{ realm_name | escape_once }}",
        "{% assign a = realm_name %}{{ a }}",
        "{% capture a %}{{ realm_name }}{% endcapture %}{{ a }}",
        "{{ 'mailCodeTitle' | t: realm_name }}",
    ],
)
def test_whatever_a_template_does_to_a_name_it_stays_text(own, how, markup):
    """F4: through filters, variables, captures and the catalogue's words."""
    html = render(replace(own(body_html="{{ code }}<p>" + how + "</p>"), display_name=markup)).html

    inside = html.partition("<p>")[2].rpartition("</p>")[0]
    assert not re.search(r"[<>\"']", inside), inside


@pytest.mark.parametrize(
    "text", ["{% include 'x' %}", "{% render 'x' %}", "{{ code | nope }}", "{% if %}"], ids=str
)
def test_a_broken_template_is_refused(own, text):
    with pytest.raises((SettingsError, DeliveryFailed)):
        render(own(body_txt="{{ code }}" + text))


def test_a_template_that_is_no_liquid_stops_the_start_and_names_the_file(own):
    with pytest.raises(SettingsError, match=r"realms\.acme\.templates: .*body\.txt"):
        Renderer(Catalogue(), [own(body_txt="{% if %}")], host=HOST)


def test_html_cannot_be_marked_safe(own):
    """F4: the way round the escaping is not there."""
    with pytest.raises((SettingsError, DeliveryFailed)):
        render(own(body_html="{{ code }}{{ realm_name | safe }}"))
