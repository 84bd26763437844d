"""The manifests of the example: valid, and in agreement with each other and the app."""

import json
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from shop_stack import prometheusrule
from steadfastapi._lifespan import SHUTDOWN_DEADLINE
from steadfastapi.cli.run import DRAIN, GRACE
from steadfastapi.signals import HTTP_IN_PROGRESS
from support.stack import KUBERNETES, parsed

VERSION = "1.37"
KUSTOMIZATION = KUBERNETES / "kustomization.yaml"
NO_MANIFEST = {"kustomization.yaml", "prometheus-adapter.yaml"}
MANIFESTS = sorted(
    path for path in KUBERNETES.iterdir() if path.name not in NO_MANIFEST
)
OF_THE_OPERATOR = "monitoring.coreos.com/v1"


def by_kind(kind: str) -> dict[str, Any]:
    """Return the manifest of a kind."""
    (found,) = (parsed(path) for path in MANIFESTS if parsed(path)["kind"] == kind)
    return dict(found)


def pod() -> dict[str, Any]:
    """Return the specification of a pod."""
    return dict(by_kind("Deployment")["spec"]["template"]["spec"])


def container() -> dict[str, Any]:
    """Return the one container of a pod."""
    (found,) = pod()["containers"]
    return dict(found)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_manifests_are_valid(path: Path) -> None:
    """By the schemas of Kubernetes itself, unknown fields refused."""
    manifest = parsed(path)
    if manifest["apiVersion"] == OF_THE_OPERATOR:
        assert manifest["kind"] in ("ServiceMonitor", "PrometheusRule")
        return  # below: Kubernetes knows no schema of theirs
    kubernetes_validate.validate(manifest, VERSION, strict=True)


def test_a_misspelt_field_is_found() -> None:
    """The check above is one."""
    manifest = json.loads(json.dumps(by_kind("Service")))
    manifest["spec"]["prots"] = manifest["spec"].pop("ports")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, VERSION, strict=True)


def test_kustomize_applies_every_manifest() -> None:
    """And no file that is not there."""
    assert sorted(parsed(KUSTOMIZATION)["resources"]) == [
        path.name for path in MANIFESTS
    ]


def test_the_operator_finds_the_service() -> None:
    """Its labels, its port by name, and the label that becomes the job."""
    service, monitor = by_kind("Service"), by_kind("ServiceMonitor")
    labels = service["metadata"]["labels"]
    assert set(monitor["spec"]["selector"]["matchLabels"].items()) <= set(
        labels.items()
    )
    (endpoint,) = monitor["spec"]["endpoints"]
    assert {"port", "path", "interval", "scrapeTimeout"} == set(endpoint)
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    environment = {one["name"]: one.get("value") for one in container()["env"]}
    assert environment["OTEL_SERVICE_NAME"] == labels[monitor["spec"]["jobLabel"]]


def test_rules_of_the_operator_are_those_of_the_stack() -> None:
    """`python examples/shop_stack/prometheusrule.py` writes them anew."""
    assert prometheusrule.text() == prometheusrule.MANIFEST.read_text()
    groups = by_kind("PrometheusRule")["spec"]["groups"]
    assert len(groups) == len({group["name"] for group in groups}) > 0
    for group in groups:
        assert {"name", "rules"} <= set(group) <= {"name", "rules", "interval"}
        for rule in group["rules"]:
            assert "expr" in rule
            assert ("record" in rule) != ("alert" in rule)
            known = {"record", "alert", "expr", "for", "labels", "annotations"}
            assert set() == set(rule) - known


def test_selectors_select_the_pods() -> None:
    """Of the deployment, the service, the budget and the network policy alike."""
    deployment = by_kind("Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"].items()
    selectors = [
        deployment["selector"]["matchLabels"],
        by_kind("Service")["spec"]["selector"],
        by_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        by_kind("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(set(selector.items()) <= set(labels) for selector in selectors)
    target = by_kind("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert ("Deployment", "shop") == (target["kind"], target["name"])
    assert "replicas" not in deployment  # or each apply would undo the autoscaler


def test_each_question_has_its_probe() -> None:
    """Liveness asks for no dependency, and nothing restarts a slow start."""
    spec = container()
    paths = {
        name: spec[name]["httpGet"]["path"]
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert paths == {
        "startupProbe": "/health/startup",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }
    ports = {port["name"]: port["containerPort"] for port in spec["ports"]}
    assert {"http": 8000} == ports
    assert "--port=8000" in spec["args"]


def test_a_pod_has_the_time_that_its_end_takes() -> None:
    """preStop, drain, open requests, delivery: one after the other (NB-8)."""
    pre_stop = container()["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed = pre_stop + DRAIN + GRACE + SHUTDOWN_DEADLINE
    assert needed < pod()["terminationGracePeriodSeconds"]


def test_a_pod_is_confined() -> None:
    """The restricted profile of the pod security standards, and no token."""
    assert pod()["securityContext"]["runAsNonRoot"]
    assert "RuntimeDefault" == pod()["securityContext"]["seccompProfile"]["type"]
    own = container()["securityContext"]
    assert (False, True, ["ALL"]) == (
        own["allowPrivilegeEscalation"],
        own["readOnlyRootFilesystem"],
        own["capabilities"]["drop"],
    )
    assert pod()["automountServiceAccountToken"] is False
    assert {"cpu", "memory"} == set(container()["resources"]["requests"])
    assert {"memory"} == set(container()["resources"]["limits"])


def test_scaling_is_by_requests_in_flight() -> None:
    """By a gauge that the application exports, which the adapter makes a metric."""
    metrics = by_kind("HorizontalPodAutoscaler")["spec"]["metrics"]
    (pods,) = (one["pods"] for one in metrics if one["type"] == "Pods")
    assert HTTP_IN_PROGRESS.name == pods["metric"]["name"]
    (rule,) = parsed(KUBERNETES / "prometheus-adapter.yaml")["rules"]["custom"]
    assert rule["seriesQuery"].startswith(f"{HTTP_IN_PROGRESS.name}{{")
    assert pods["metric"]["name"] == rule["name"]["as"]


def test_there_is_no_secret_in_them() -> None:
    """They come from a Secret by name."""
    assert [{"secretRef": {"name": "shop"}}] == container()["envFrom"]
    assert "Secret" not in {parsed(path)["kind"] for path in MANIFESTS}
