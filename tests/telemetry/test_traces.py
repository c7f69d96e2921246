"""A request continues the trace that Keycloak began, and says nothing of the person."""

from __future__ import annotations

import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from sidecar.errors import SettingsError
from sidecar.telemetry import traces
from tests.oidc.fixtures import browser, environment, parts, realms

__all__ = ["browser", "environment", "parts", "realms"]

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def spans(app):
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces.install(app, provider)
    yield exporter.get_finished_spans
    provider.shutdown()


def test_keycloaks_trace_goes_on_at_the_token_endpoint(spans, browser, parts, realms):
    """W3C Trace Context §3.2: the trace id is kept, Keycloak's span is the parent."""
    code = browser.log_in(parts)
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}

    browser.open("POST", "/realms/acme/email/token", data=realms.token_form(code), headers=headers)

    span = spans()[-1]
    assert (TRACE, PARENT) == (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}")
    assert "POST /realms/<realm>/<connection>/token" == span.name
    assert 200 == span.attributes["http.response.status_code"]


def test_a_span_holds_no_address_code_or_query(spans, browser, parts):
    # No letters of the hexadecimal ids around it.
    challenge_id = browser.start("grots@example.org")
    browser.type_code(challenge_id, browser.right_code(parts, challenge_id))

    text = "".join(span.to_json() for span in spans())

    assert 2 == len(spans())
    for secret in ("grots", "example.org", challenge_id, "state-1", "192.0.2.1", browser.secret):
        assert secret not in text


@pytest.mark.parametrize("traceparent", ["", "nonsense", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}"])
def test_a_malformed_header_begins_a_trace_of_its_own(spans, browser, traceparent):
    answer = browser.get("/health/live", headers={"traceparent": traceparent})

    assert 200 == answer.status_code
    assert spans()[-1].parent is None


def test_an_answer_of_503_is_an_error_in_the_trace(spans, browser, parts, tmp_path):
    (tmp_path / "passwordless.db").rename(tmp_path / "away.db")
    (tmp_path / "passwordless.db").mkdir()
    parts.database.dispose()

    browser.get("/health/ready")
    browser.get("/health/live")

    assert ["ERROR", "UNSET"] == [span.status.status_code.name for span in spans()]


def test_without_the_extra_the_setting_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    with pytest.raises(SettingsError, match=r"pip install 'keycloak-passwordless\[otel\]'"):
        traces.provider_for("http://127.0.0.1:1/v1/traces")
