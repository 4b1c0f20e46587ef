"""What docker/ says of the service is true: settings, addresses, metrics and times.

promtool checks the rules as well where it is installed.
"""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from service.app import create_app
from service.settings import Settings

DOCKER = Path(__file__).parents[2] / "docker"
COMPOSE = sorted(DOCKER.glob("compose*.yaml"))
DASHBOARD = DOCKER / "monitoring" / "dashboard.json"
ALERTS = DOCKER / "monitoring" / "alerts.yaml"
SCRAPE = DOCKER / "monitoring" / "prometheus.yaml"
LABELS = {"code", "instance", "job", "le", "name", "reason", "route", "sha256", "version"}


def manifests() -> dict[str, dict[str, Any]]:
    documents = yaml.safe_load_all((DOCKER / "kubernetes.yaml").read_text())
    return {document["kind"]: document for document in documents}


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = manifests()["Deployment"]["spec"]["template"]["spec"]
    return spec


def exposed() -> dict[str, str]:
    """The metrics that a service has from its start, with their types."""

    async def scrape() -> str:
        transport = httpx.ASGITransport(create_app(Settings()))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return (await client.get("/metrics")).text

    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", asyncio.run(scrape()), re.M))


def queries() -> Iterator[str]:
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["expr"]


def test_every_query_asks_for_a_metric_and_labels_that_exist() -> None:
    kinds = exposed()
    for query in queries():
        names = re.findall(r"\b(?:audiocnn|http_server)_\w+", query)
        assert names or query.startswith("up{"), query
        for name in names:
            plain = re.sub(r"_(bucket|sum|count)$", "", name)
            assert name in kinds or kinds.get(plain) == "histogram", name
        used = set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', query))
        for listed in re.findall(r"\bby \(([^)]*)\)", query):
            used |= {label.strip() for label in listed.split(",")}
        assert used <= LABELS, query


def test_every_metric_of_ours_is_watched_somewhere() -> None:
    asked = " ".join(queries())
    missing = {name for name, kind in exposed().items() if not name.endswith("_created") and name not in asked}
    assert missing == set()


def test_alerts_and_panels_are_complete() -> None:
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}
    dashboard = json.loads(DASHBOARD.read_text())
    source = yaml.safe_load((DOCKER / "monitoring" / "grafana-datasource.yaml").read_text())["datasources"][0]
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.name)
def test_compose_files_name_files_and_settings_that_exist(file: Path) -> None:
    services = yaml.safe_load(file.read_text())["services"]
    for service in services.values():
        if "build" in service:
            assert (DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith("./") or (DOCKER / source).is_file(), volume
        for name in service.get("environment", {}):
            assert name.startswith("GF_") or name.removeprefix("AUDIOCNN_").lower() in Settings.model_fields


def test_containers_may_take_as_long_to_stop_as_requests_may_take() -> None:
    settings = Settings()
    for file in COMPOSE:
        for service in yaml.safe_load(file.read_text())["services"].values():
            if service.get("build", {}).get("dockerfile", "").endswith("service.Dockerfile"):
                assert int(service["stop_grace_period"].rstrip("s")) > settings.drain_s + settings.grace_s
    environment = {entry["name"]: entry["value"] for entry in pod()["containers"][0]["env"]}
    assert pod()["terminationGracePeriodSeconds"] > int(environment["AUDIOCNN_DRAIN_S"]) + settings.grace_s
    # Who drains closes no connection under a client: all of them have been idle or told to close by then.
    assert int(environment["AUDIOCNN_KEEP_ALIVE_S"]) <= int(environment["AUDIOCNN_DRAIN_S"])


def test_kubernetes_pods_are_confined_and_probed_where_the_service_answers() -> None:
    (container,) = pod()["containers"]
    paths = {route.path for route in create_app(Settings()).routes if hasattr(route, "path")}
    paths |= set(create_app(Settings()).openapi()["paths"])
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert {"/readyz", "/livez", "/metrics"} <= paths
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert f"--uid {pod()['securityContext']['runAsUser']} " in (DOCKER / "service.Dockerfile").read_text()
    confined = container["securityContext"]
    assert confined["readOnlyRootFilesystem"] is True
    assert confined["allowPrivilegeEscalation"] is False
    assert confined["capabilities"] == {"drop": ["ALL"]}
    assert all(entry["name"].removeprefix("AUDIOCNN_").lower() in Settings.model_fields for entry in container["env"])


def test_kubernetes_parts_belong_together() -> None:
    parts = manifests()
    labels = parts["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert parts["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert parts["Service"]["spec"]["selector"] == labels
    assert parts["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    scaler = parts["HorizontalPodAutoscaler"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == parts["Deployment"]["metadata"]["name"]
    assert scaler["metrics"][0]["pods"]["metric"]["name"] in exposed()
    assert "replicas" not in parts["Deployment"]["spec"]  # each `apply` would undo what the autoscaler did


def test_promtool_accepts_the_rules(tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed; it comes with prometheus")
    shutil.copy(ALERTS, tmp_path)
    config = tmp_path / "prometheus.yaml"
    config.write_text(SCRAPE.read_text().replace("/etc/prometheus/alerts.yaml", str(tmp_path / ALERTS.name)))
    subprocess.run(["promtool", "check", "config", str(config)], check=True, capture_output=True, timeout=60)
