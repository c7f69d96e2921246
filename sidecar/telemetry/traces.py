"""One span a request, in the trace that the caller began (W3C Trace Context): Keycloak sends `traceparent`.

Written by hand over the API: the ready-made instrumentation writes whole URLs, and ours have addresses in them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from flask import Flask, Response, g, request

from sidecar.errors import SettingsError

_HOW = "traces.otlp_endpoint is set, but OpenTelemetry is not installed: pip install 'keycloak-passwordless[otel]'"
_SERVER_ERROR = 500


def provider_for(endpoint: str) -> Any:
    """A tracer provider that sends to an OTLP/HTTP endpoint.

    Raises:
        SettingsError: the extra `otel` is not installed.
    """
    try:
        sdk = import_module("opentelemetry.sdk.trace")
        export = import_module("opentelemetry.sdk.trace.export")
        otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        resources = import_module("opentelemetry.sdk.resources")
    except ImportError as err:
        raise SettingsError(_HOW) from err
    provider = sdk.TracerProvider(resource=resources.Resource.create({"service.name": "passwordless"}))
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter(endpoint=endpoint)))
    return provider


def install(app: Flask, provider: Any) -> None:
    """Begin a span for each request, and end it with the answer. Routes are patterns; no path, query or address."""
    trace = import_module("opentelemetry.trace")
    context = import_module("opentelemetry.trace.propagation.tracecontext")
    tracer = provider.get_tracer("passwordless")
    propagator = context.TraceContextTextMapPropagator()

    @app.before_request
    def begin() -> None:
        route = str(request.url_rule) if request.url_rule else "none"
        # Two headers are all that is read of a request, and the API takes malformed ones for none.
        carrier = {name: request.headers.get(name, "") for name in ("traceparent", "tracestate")}
        g.span = tracer.start_span(
            f"{request.method} {route}",
            context=propagator.extract({name: value for name, value in carrier.items() if value}),
            kind=trace.SpanKind.SERVER,
            attributes={"http.request.method": request.method, "http.route": route},
        )

    @app.after_request
    def answered(response: Response) -> Response:
        span = g.get("span")
        if span:
            span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= _SERVER_ERROR:
                span.set_status(trace.StatusCode.ERROR)
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        span = g.pop("span", None)
        if span:
            span.end()
