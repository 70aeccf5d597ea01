"""What operators look at: dashboard, alert rules and documentation name what the service really exposes."""

import json
import re
import time

import pytest
import yaml

from service import ROOT, send

DASHBOARD = ROOT / "deploy/grafana/valetkey.json"
ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
PAGE = ROOT / "docs/operations.md"

# The endings that samples of a type have, beside the name on its TYPE line.
ENDINGS = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}


# What is on the page only where it is configured.
CONFIGURED = {
    "valetkey_quota_bytes": "gauge",
    "valetkey_auth_key_fetches": "counter",
    "valetkey_auth_keys_time_seconds": "gauge",
    "valetkey_limits_shared": "counter",
    "valetkey_limits_shared_up": "gauge",
}


@pytest.fixture(scope="module")
def exposed(shared, webhook):
    """Name to type, of everything on the page once something of each kind has happened."""
    upload = shared.api.created(size=3)
    assert send(upload["request"], b"abc").status_code == 200
    assert shared.api.complete(upload["id"]).status == 200
    assert shared.api.call("POST", f"/v1/files/{upload['id']}/download", {}).status == 200
    assert shared.api.call("GET", "/v1/files/nonsense").status == 404
    _, arrived = webhook
    arrived.get(timeout=30)
    deadline = time.monotonic() + 30
    while "valetkey_webhook_attempts_total" not in shared.metrics() and time.monotonic() < deadline:
        time.sleep(0.1)
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", shared.metrics(), re.M))
    assert types
    return types | CONFIGURED


def samples(exposed):
    return {name + ending for name, kind in exposed.items() for ending in ENDINGS[kind]}


def names(expression):
    """Names of metrics in PromQL: whatever is ours or the process's."""
    return set(re.findall(r"\b(?:valetkey|process)_\w+", expression))


def documented():
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE.read_text(), re.M)
    assert rows
    return dict(rows)


def test_every_panel_asks_for_what_exists(exposed):
    panels = json.loads(DASHBOARD.read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    assert len(expressions) > 20
    for expression in expressions:
        assert names(expression), expression
        assert names(expression) <= samples(exposed), expression
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_every_alert_asks_for_what_exists_and_is_explained(exposed):
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 5
    for rule in rules:
        assert names(rule["expr"]), rule
        assert names(rule["expr"]) <= samples(exposed), rule["expr"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
    explained = re.findall(r"^\| `(Valetkey\w+)` \|", PAGE.read_text(), re.M)
    assert [rule["alert"] for rule in rules] == explained


def test_the_table_in_the_documentation_is_whole(exposed):
    assert documented() == exposed


def test_every_label_in_the_documentation_exists(shared, exposed):
    page = shared.metrics()
    rows = re.findall(r"^\| `(\w+)` \| \w+ \| ([^|]*) \|", PAGE.read_text(), re.M)
    for name, labels in rows:
        found = re.findall(rf"^{name}(?:_total|_bucket)?\{{(.*)\}} \S+$", page, re.M)
        if found:
            keys = set(re.findall(r'(\w+)="', found[0])) - {"le"}
            assert keys == set(re.findall(r"`(\w+)`", labels)), name
