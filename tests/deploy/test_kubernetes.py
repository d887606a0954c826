"""The manifest for Kubernetes: against the published schemas, against the server's settings, and played."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from hybrid.server.config import Config
from tests.support.balancing import Service
from tests.support.callers import Callers
from tests.support.needs import missing
from tests.support.ops import HAS_OPS
from tests.support.process import DEADLINE, ROOT, Serve, run_hybrid
from tests.support.redis import free_port

MANIFEST = ROOT / "deploy" / "kubernetes" / "hybrid.yaml"
OBJECTS: dict[str, Any] = {
    each["kind"]: each for each in yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))
}
SETTINGS: dict[str, str] = OBJECTS["ConfigMap"]["data"]
POD: dict[str, Any] = OBJECTS["Deployment"]["spec"]["template"]["spec"]
CONTAINER: dict[str, Any] = POD["containers"][0]
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_it_is_valid(version: str) -> None:
    """The schemas of Kubernetes know every field, from the first version on that has `sleep`."""
    program = Path(sys.executable).with_name("kubernetes-validate")
    if not program.exists():
        missing("kubernetes-validate, which the extra `dev` brings,")
    command = [str(program), "--strict", "-k", version, str(MANIFEST)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("passed for resource") == len(OBJECTS)


def test_names_lead_somewhere() -> None:
    """Labels, the service's port, the probes' and the settings are those that the deployment has."""
    spec = OBJECTS["Deployment"]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"] == labels
    assert OBJECTS["Service"]["spec"]["selector"] == labels
    assert OBJECTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    ports = {each["name"]: str(each["containerPort"]) for each in CONTAINER["ports"]}
    assert OBJECTS["Service"]["spec"]["ports"][0]["targetPort"] == "http"
    assert {CONTAINER[probe]["httpGet"]["port"] for probe in PROBES} == {"ops"}
    assert (ports["http"], ports["ops"]) == tuple(
        SETTINGS[name].rpartition(":")[2] for name in ("HYBRID_BIND", "HYBRID_OPS")
    )
    assert CONTAINER["envFrom"] == [{"configMapRef": {"name": OBJECTS["ConfigMap"]["metadata"]["name"]}}]


def test_the_times_fit_each_other() -> None:
    """A pod is killed after preStop, the drain and 10 s more at the earliest."""
    prestop = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain = Config(app="x").timeout_graceful_shutdown
    assert POD["terminationGracePeriodSeconds"] >= prestop + drain + 10


def test_the_settings_are_ours() -> None:
    """The server knows every variable, and its values; the command is one of its own."""
    done = run_hybrid("check", "--no-listen", "hello_wsgi", env=SETTINGS)
    assert done.returncode == 0, done.stderr
    unknown = set(re.findall(r"(\w+) is no variable of ours", done.stderr))
    assert unknown == (set() if HAS_OPS else {"HYBRID_OPS"})
    assert CONTAINER["args"] == ["serve"]


@pytest.mark.skipif(not HAS_OPS, reason="this server has no --ops yet")
def test_the_probes(serve: Serve) -> None:
    """Each probe is answered with 200, as the kubelet asks: by the pod's address, without a token."""
    port = free_port()
    serve("hello_wsgi", env=SETTINGS | {"HYBRID_OPS": f"0.0.0.0:{port}"})
    for path in {CONTAINER[probe]["httpGet"]["path"] for probe in PROBES}:
        assert httpx.get(f"http://127.0.0.1:{port}{path}", timeout=DEADLINE).status_code == 200


def test_a_rolling_update(serve: Serve) -> None:
    """Pods are replaced one after the other, under load. No request fails.

    Until the service has heard that a pod goes it sends new connections there, and those that are kept stay
    there: preStop has the pod accept for that time, and the drain lets the others go.
    """
    pods = [serve("processes:wsgi") for _ in range(OBJECTS["Deployment"]["spec"]["replicas"])]
    old, ports = {str(pod.pid) for pod in pods}, [pod.port for pod in pods]
    with (
        Service(ports) as service,
        Callers(service.port, count=2) as kept,
        Callers(service.port, count=2, kept=False) as others,
    ):
        for pod in pods[:]:
            kept.wait_for(50)
            pods.append(serve("processes:wsgi"))
            ports.append(pods[-1].port)
            others.wait_for(50)  # the pod is told to stop, and preStop waits
            ports.remove(pod.port)
            kept.wait_for(50)
            assert pod.terminate() == 0
        kept.wait_for(50)
        others.wait_for(50)
    for callers in (kept, others):
        assert callers.failures == []
        assert set(callers.answers) <= {str(pod.pid) for pod in pods}
        assert not set(callers.answers[-20:]) & old
