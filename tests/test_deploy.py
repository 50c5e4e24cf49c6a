"""What is deployed names routes, figures and options that the server has."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

DEPLOY = Path(__file__).parents[1] / "deploy"
DOCUMENTS = [
    document
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]


def of(kind):
    (found,) = [document for document in DOCUMENTS if document["kind"] == kind]
    return found


def test_there_is_what_a_service_with_replicas_needs():
    kinds = [document["kind"] for document in DOCUMENTS]
    assert sorted(kinds) == ["Deployment", "PodDisruptionBudget", "ScaledObject", "Service"]
    assert all(document["metadata"]["name"] == "tellapart" for document in DOCUMENTS)


def test_all_speak_of_the_same_pods():
    labels = of("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert of("Deployment")["spec"]["selector"]["matchLabels"] == labels
    assert of("Service")["spec"]["selector"] == labels
    assert of("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    assert of("ScaledObject")["spec"]["scaleTargetRef"]["name"] == of("Deployment")["metadata"]["name"]


def test_probes_ask_for_what_the_server_answers():
    (container,) = of("Deployment")["spec"]["template"]["spec"]["containers"]
    app = (Path(__file__).parents[1] / "src/tellapart/serving/app.py").read_text(encoding="utf-8")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container[probe]["httpGet"]
        assert f'Route("{asked["path"]}"' in app
        assert asked["port"] == container["ports"][0]["name"]
    assert container["ports"][0]["containerPort"] == 3000
    assert of("Service")["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"]


def test_no_replica_goes_before_its_successor_is_ready_and_one_always_stays():
    spec = of("Deployment")["spec"]
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert spec["replicas"] > of("PodDisruptionBudget")["spec"]["minAvailable"] >= 1


def test_it_scales_by_a_figure_of_the_server():
    prometheus = pytest.importorskip("tellapart.serving.prometheus")
    (trigger,) = of("ScaledObject")["spec"]["triggers"]
    name = trigger["metadata"]["query"].partition("(")[2].rstrip(")")
    assert f'"{name}"' in Path(prometheus.__file__).read_text(encoding="utf-8")


def test_every_writable_place_is_mounted():
    pod = of("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
    assert "/state" in mounts.values()
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert environment["XDG_CACHE_HOME"] in mounts.values()
