"""What a monitoring system may know: counts for Prometheus, and traces for OpenTelemetry. Both are off by default.

metrics.py   the metrics, and how requests are counted
metered.py   ports that count what passes through them
exporter.py  `/metrics`, on a port of its own
traces.py    one span a request, in the trace that Keycloak began
"""
