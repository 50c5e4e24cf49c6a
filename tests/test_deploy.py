"""What is deployed names routes, figures and options that tellapart has, and images that are built safely."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import kubernetes_validate
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


def containers():
    return {each["name"]: each for each in of("Deployment")["spec"]["template"]["spec"]["containers"]}


def test_there_is_what_a_service_with_replicas_needs():
    for kind in ("Deployment", "PodDisruptionBudget", "ScaledObject", "Service"):
        assert of(kind)["metadata"]["name"] == "tellapart"


OF_KUBERNETES = [document for document in DOCUMENTS if document["kind"] != "ScaledObject"]  # which is KEDA's


@pytest.mark.parametrize("document", OF_KUBERNETES, ids=lambda document: document["kind"])
def test_kubernetes_knows_each_field_and_its_type(document):
    version = kubernetes_validate.latest_version()
    kubernetes_validate.validate(document, version, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**document, "specs": {}}, version, strict=True)


def test_all_speak_of_the_same_pods():
    labels = of("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert of("Deployment")["spec"]["selector"]["matchLabels"] == labels
    assert of("Service")["spec"]["selector"] == labels
    assert of("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    assert of("ScaledObject")["spec"]["scaleTargetRef"]["name"] == of("Deployment")["metadata"]["name"]


def test_probes_ask_for_what_the_server_answers():
    container = containers()["server"]
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
    for container in containers().values():
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
        assert "/state" in mounts.values()
    environment = {each["name"]: each.get("value") for each in containers()["server"]["env"]}
    assert environment["XDG_CACHE_HOME"] in mounts.values()


CONTAINERFILE = DEPLOY / "Containerfile"
JOBS = [document for document in DOCUMENTS if document["kind"] == "Job"]


def stages():
    """The stages of the Containerfile: name to its instructions, lines joined."""
    text = re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("FROM"):
            base, _, name = line.split()[1:4]
            found[name] = [("FROM", base)]
        else:
            found[name].append(tuple(line.split(maxsplit=1)))
    return found


@cache
def options_of(verb):
    ran = subprocess.run(
        [sys.executable, "-m", "tellapart", verb, "--help"], capture_output=True, text=True, check=True
    )
    return set(re.findall(r"--[a-z][a-z-]+", ran.stdout))


def test_hadolint_finds_nothing():
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("no hadolint here")
    ran = subprocess.run([hadolint, str(CONTAINERFILE)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


@pytest.mark.parametrize("target", ["train", "page", "serve"])
def test_an_image_has_a_plain_user_a_health_check_and_nothing_of_the_build(target):
    lines = stages()[target]
    said = dict(lines)
    assert said["USER"] == "10001:10001"
    assert said["FROM"] == "base"
    assert said["COPY"] == f"--from=build-{target} /opt/tellapart /opt/tellapart"
    assert ("NONE" in said["HEALTHCHECK"]) is (target == "train")  # a job ends, a server is asked
    assert "RUN" not in said
    assert json.loads(said["ENTRYPOINT"])[0] == "tellapart"
    verb, *words = (
        [*json.loads(said["ENTRYPOINT"])[1:], "train"] if target == "train" else json.loads(said["ENTRYPOINT"])[1:]
    )
    assert {word for word in words if word.startswith("--")} <= options_of(verb)


def test_the_base_is_pinned_by_its_tag_and_every_install_by_constraints():
    base = dict(stages()["base"])["FROM"]
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+-slim-[a-z]+", base)
    installs = [line for lines in stages().values() for kind, line in lines if kind == "RUN" and "pip install" in line]
    assert len(installs) == 3
    assert all("-c /src/constraints.txt" in line and "--no-cache-dir" in line for line in installs)


def test_extras_that_images_install_are_there():
    import tomllib

    extras = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    named = re.findall(r"/src\[([a-z,]+)\]", CONTAINERFILE.read_text(encoding="utf-8"))
    assert {extra for each in named for extra in each.split(",")} <= set(extras)


def test_the_build_sees_what_it_copies_and_nothing_else():
    lines = (DEPLOY.parent / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    seen = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        name for lines in stages().values() for kind, words in lines
        if kind == "COPY" and not words.startswith("--from") for name in words.split()[:-1]
    }  # fmt: skip
    assert seen == copied
    assert all((DEPLOY.parent / name).exists() for name in copied)


def test_compose_starts_targets_that_there_are():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert {service["build"]["target"] for service in services.values()} <= set(stages())
    assert set(services["page"]["command"]) & {"--server"} <= options_of("web")


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job["metadata"]["name"])
def test_a_job_names_a_verb_with_its_options_and_goes_on_after_a_loss(job):
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    entry = json.loads(dict(stages()[container["image"].partition("-")[2].partition(":")[0]])["ENTRYPOINT"])
    words = [*container.get("command", entry), *container["args"]]
    assert words[0] == "tellapart"
    assert {word for word in words[2:] if word.startswith("--")} <= options_of(words[1])
    assert pod["restartPolicy"] == "OnFailure"
    assert job["spec"]["backoffLimit"] > 0
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
    out = words[words.index("--out") + 1]
    assert out.startswith("s3://") or str(Path(out).parent) in mounts.values()


def test_there_is_a_job_for_a_training_and_one_for_answers():
    assert sorted(job["metadata"]["name"] for job in JOBS) == ["tellapart-predict", "tellapart-train"]


def test_the_monitor_stands_beside_the_server_and_sees_its_samples():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    for server, words in (
        (compose["server"]["command"], compose["monitor"]["entrypoint"]),
        (containers()["server"]["args"], containers()["monitor"]["command"]),
    ):
        assert "--sample" in server
        assert words[:3] == ["tellapart", "monitor", "/state"]
        assert set(words[3::2]) <= options_of("monitor")
    assert "state:/state" in compose["monitor"]["volumes"]
    assert set(compose["server"]["volumes"]) == set(compose["monitor"]["volumes"])  # the bundles' paths are the same


def test_alerts_and_board_ask_for_figures_of_the_server():
    pytest.importorskip("prometheus_client")
    from tellapart.serving import prometheus

    source = Path(prometheus.__file__).read_text(encoding="utf-8")
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    board = json.loads((DEPLOY / "grafana" / "tellapart.json").read_text(encoding="utf-8"))
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    names = {name for text in asked for name in re.findall(r"tellapart_[a-z_]+", text)}
    assert len(names) > 8
    for name in names:
        assert f'"{re.sub("_(total|bucket|sum|count)$", "", name)}"' in source, name
    assert {rule["alert"] for rule in rules} >= {"TellapartInputChanged", "TellapartDown", "TellapartMonitorSilent"}
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] for rule in rules)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(set(places)) == len(places)
