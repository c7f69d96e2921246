"""The dashboard and the alerts ask for metrics, labels and log lines that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from sidecar.telemetry import exporter
from sidecar.telemetry.exporter import Queue
from sidecar.telemetry.metrics import REGISTRY
from tests.docs.markdown import DOCS, first_cells, sections

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "monitoring"
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
RULES = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]] + [
    rule["expr"] for rule in RULES
]


def exported() -> dict[str, set[str]]:
    """Every sample name that can be scraped, with its labels."""
    found: dict[str, set[str]] = {}
    for metric in (*REGISTRY._names_to_collectors.items(),):
        found[metric[0]] = set(getattr(metric[1], "_labelnames", ())) | {"le"}
    queue = exporter._QueueCollector(lambda: Queue(0, 0.0))
    return found | {family.name: set() for family in queue.collect()}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_asks_for_what_is_exported(expression):
    names = re.findall(r"\bpasswordless_\w+", expression)
    known = exported()

    assert names
    assert set(names) <= set(known)
    labels = {
        label
        for inside in re.findall(r"passwordless_\w+\{([^}]*)\}", expression)
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inside)
    } | {label.strip() for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(",")}
    assert labels <= set.union(*(known[name] for name in names))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_outcome_in_an_expression_is_one_that_is_counted(expression):
    source = (Path(exporter.__file__).with_name("metered.py")).read_text(encoding="utf-8")
    for outcome in re.findall(r'outcome!?="(\w+)"', expression):
        assert f'"{outcome}"' in source


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_and_what_to_do(rule):
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["for"]
    assert {"summary", "action"} == set(rule["annotations"])
    logged = first_cells(sections((DOCS / "operations.md").read_text(encoding="utf-8"))["Logs"])
    for line in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", rule["annotations"]["action"]):
        assert line in logged


def test_the_dashboard_is_one_that_grafana_imports():
    assert {"title", "uid", "schemaVersion", "panels", "templating"} <= set(DASHBOARD)
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in DASHBOARD["panels"]:
        assert {"title", "type", "gridPos", "targets", "datasource"} <= set(panel)


def test_every_metric_is_documented_and_no_other():
    text = sections((DOCS / "operations.md").read_text(encoding="utf-8"))["Metrics and traces"]
    families = {family.name for family in REGISTRY.collect()}
    families |= {family.name for family in exporter._QueueCollector(lambda: Queue(0, 0.0)).collect()}
    samples = {f"{name}_total" if f"{name}_total" in exported() else name for name in families}

    assert samples == first_cells(text)
