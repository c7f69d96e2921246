"""The document in docs/ is the one that is served; `PASSWORDLESS_WRITE_OPENAPI=1` writes it anew."""

from __future__ import annotations

import json
import os

import pytest

from tests.docs.markdown import DOCS
from tests.web.browser import PUBLIC_URL

FILE = DOCS / "openapi.json"
OPERATIONS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def document(browser):
    return browser.get("/api/v1/openapi.json").json


def operations(document):
    return [
        (path, method, item[method])
        for path, item in document["paths"].items()
        for method in OPERATIONS
        if method in item
    ]


def test_the_file_in_the_docs_is_the_document_that_is_served(document):
    if os.environ.get("PASSWORDLESS_WRITE_OPENAPI"):
        FILE.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    written = json.loads(FILE.read_text(encoding="utf-8"))
    assert document == written, (
        "run: PASSWORDLESS_WRITE_OPENAPI=1 make test-quick ARGS=tests/api/test_openapi.py"
    )


def test_every_operation_has_a_name_and_words_and_says_how_it_refuses(document):
    found = operations(document)
    assert found
    names = [each["operationId"] for _, _, each in found]
    assert len(names) == len(set(names))
    for path, method, each in found:
        assert each["summary"], (path, method)
        for status, answer in each["responses"].items():
            if int(status) >= 400:
                assert ["application/problem+json"] == list(answer["content"]), (path, method, status)
        if "429" in each["responses"]:
            limits = {"Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
            assert limits == set(each["responses"]["429"]["headers"])


def test_links_lead_to_operations_that_there_are(document):
    names = {each["operationId"] for _, _, each in operations(document)}
    linked = {
        link["operationId"]
        for _, _, each in operations(document)
        for answer in each["responses"].values()
        for link in answer.get("links", {}).values()
    }
    assert {"showChallenge", "resendChallenge", "verifyChallenge"} <= linked <= names


def test_the_page_shows_each_operation_and_needs_nothing_from_elsewhere(browser, document):
    page = browser.get("/api/v1/docs")
    text = page.get_data(as_text=True)

    assert (200, "text/html") == (page.status_code, page.mimetype)
    for path, method, each in operations(document):
        assert f'id="{each["operationId"]}"' in text, (path, method)
        assert path in text
    assert "<script" not in text
    assert "style=" not in text
    assert "//" not in text.replace(PUBLIC_URL, "")
    style = browser.get("/api/v1/docs/docs.css")
    assert (200, "text/css") == (style.status_code, style.mimetype)
    assert "script-src 'self'; style-src 'self'" in page.headers["Content-Security-Policy"]
