"""One real connection for every pair of endpoints and every port that `gx reach` has in its table.

Endpoints of the table that do not run on one machine (Jobs that have ended, external workloads, other namespaces) get a
pod with their labels; places outside the cluster lie beside the node. Ports on which nobody listens get somebody who
does: refused by a policy and by a pod look alike.
"""

import json
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.cluster import UNLISTED
from common.objects import Object, mapping
from devcluster.node.config import PAUSE_IMAGE
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.readiness import pod_ready
from rules.reachability.endpoint import Endpoint
from rules.reachability.semantics import Policies, policy_from
from tests.pods.devnet import processes_of, until
from tests.pods.outside import NOT_TRIED, address_of, outside

ATTEMPTS = 8
PROBE = Path(__file__).with_name("probe.py")
_MADE_AS = "gx-test/made-as"

Pair = tuple[str, str, str]
"""Source, target, port."""


@dataclass
class BucketLocation:
    """An endpoint that can be reached.

    Attributes:
        endpoint: As the table has it.
        address: Of its pod, or of the place.
        process: A process in its network.
    """

    endpoint: Endpoint
    address: str
    process: int

    def inside(self, *words: str) -> list[str]:
        """Return the command that runs the probe in its network."""
        return ["nsenter", f"--net=/proc/{self.process}/ns/net", sys.executable, str(PROBE), *words]


@contextmanager
def locations(api: KubernetesApi, node: int, endpoints: list[Endpoint]) -> Generator[dict[str, BucketLocation]]:
    """Return a place for every endpoint but the node and its API server; what was made here is deleted again.

    Args:
        api: The cluster.
        node: A process in its node's own network.
        endpoints: Those of the table.
    """
    inside = [endpoint for endpoint in endpoints if endpoint.inside]
    around = [endpoint for endpoint in endpoints if not endpoint.inside and endpoint.name not in NOT_TRIED]
    listening: list[subprocess.Popen[str]] = []
    after = ExitStack()
    made = [_filler(api, endpoint) for endpoint in inside if _running(api, endpoint) is None]
    try:
        for endpoint in inside:
            until(lambda wanted=endpoint: _running(api, wanted) is not None, 60)
        found = {endpoint.name: _location(api, endpoint) for endpoint in inside}
        beside = after.enter_context(outside(node, around))
        found |= {endpoint.name: BucketLocation(endpoint, address_of(endpoint), beside) for endpoint in around}
        for location in found.values():
            ports = [str(port) for port in location.endpoint.ports]
            child = subprocess.Popen(location.inside("listen", *ports), stdout=subprocess.PIPE, text=True)
            listening.append(child)
            assert child.stdout is not None
            assert child.stdout.readline() == "listening\n"
        yield found
    finally:
        for child in listening:
            child.kill()
            child.communicate()
        after.close()
        for namespace, name in made:
            api.delete("v1", "Pod", namespace, name, propagation="Background")


def _running(api: KubernetesApi, endpoint: Endpoint) -> Object | None:
    """Return a ready pod that is an endpoint of the table; a pod that nobody lists is always made here."""
    wanted = {_MADE_AS: endpoint.name} if endpoint.name == UNLISTED else endpoint.labels
    for pod in api.list_objects("v1", "Pod", endpoint.namespace):
        fits = wanted.items() <= mapping(pod, "metadata", "labels").items()
        if fits and pod_ready(pod) and not pod["metadata"].get("deletionTimestamp"):
            return pod
    return None


def _filler(api: KubernetesApi, endpoint: Endpoint) -> tuple[str, str]:
    if api.get("v1", "Namespace", "", endpoint.namespace) is None:
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": endpoint.namespace}})
    name = f"packets-{endpoint.name}"
    figures = {"cpu": "10m", "memory": "64Mi"}
    container = {
        "name": "pause",
        "image": PAUSE_IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": figures, "limits": figures},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "containers": [container],
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "tolerations": [{"operator": "Exists"}],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    metadata = {"name": name, "namespace": endpoint.namespace, "labels": {**endpoint.labels, _MADE_AS: endpoint.name}}
    # Its network is made before its policies are known, and they follow within seconds.
    api.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    return endpoint.namespace, name


def _location(api: KubernetesApi, endpoint: Endpoint) -> BucketLocation:
    pod = _running(api, endpoint)
    assert pod is not None
    return BucketLocation(endpoint, str(pod["status"]["podIP"]), processes_of(pod)[0])


def asked(found: Mapping[str, BucketLocation], own: frozenset[str]) -> dict[Pair, bool]:
    """Try every pair of which one is the network's own, on every port; return what was answered."""
    running: dict[str, tuple[subprocess.Popen[str], list[Pair]]] = {}
    for source in found.values():
        if not source.endpoint.initiates:
            continue
        wanted = [
            (target, port)
            for target in found.values()
            for port in target.endpoint.ports
            if target is not source and own & {source.endpoint.namespace, target.endpoint.namespace}
        ]
        child = subprocess.Popen(
            source.inside("ask", source.address), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert child.stdin is not None
        child.stdin.write(json.dumps([[target.address, port.number, port.protocol] for target, port in wanted]))
        child.stdin.close()
        pairs = [(source.endpoint.name, target.endpoint.name, str(port)) for target, port in wanted]
        running[source.endpoint.name] = (child, pairs)
    answers: dict[Pair, bool] = {}
    for child, pairs in running.values():
        with child:
            assert child.stdout is not None
            answers |= dict(zip(pairs, json.loads(child.stdout.read()), strict=True))
    return answers


def settled(api: KubernetesApi, found: Mapping[str, BucketLocation], own: frozenset[str]) -> dict[Pair, bool]:
    """Return what was answered, as soon as that is what the live policies say; fail with the differences if never.

    The firewall follows a change within seconds.
    """
    answers: dict[Pair, bool] = {}
    different: dict[Pair, bool] = {}
    for _ in range(ATTEMPTS):
        answers, said = asked(found, own), _said(api, found, own)
        different = {pair: answer for pair, answer in answers.items() if said[pair] is not answer}
        if not different:
            return answers
        time.sleep(1)
    raise AssertionError(f"{len(different)} of {len(answers)}: {dict(list(different.items())[:5])}")


def _said(api: KubernetesApi, found: Mapping[str, BucketLocation], own: frozenset[str]) -> dict[Pair, bool]:
    """Return what `gx reach` makes of the live policies."""
    live = [policy for name in own for policy in api.list_objects("networking.k8s.io/v1", "NetworkPolicy", name)]
    policies = Policies(policy_from(manifest) for manifest in live)
    return {
        (source.endpoint.name, target.endpoint.name, str(port)): policies.evaluate(
            source.endpoint, target.endpoint, port
        ).allowed
        for source in found.values()
        for target in found.values()
        for port in target.endpoint.ports
        if source.endpoint.initiates
    }


@contextmanager
def changed_policy(api: KubernetesApi, namespace: str, name: str, spec: Object) -> Generator[None]:
    """Have a policy say something else, or be there at all; afterwards it is as it was."""
    kind = ("networking.k8s.io/v1", "NetworkPolicy")
    before = api.get(*kind, namespace, name)
    if before is None:
        metadata = {"name": name, "namespace": namespace}
        api.create({"apiVersion": kind[0], "kind": kind[1], "metadata": metadata, "spec": spec})
    else:
        api.patch(before, {"spec": spec}, manager="test")
    try:
        yield
    finally:
        if before is None:
            api.delete(*kind, namespace, name, propagation="Background")
        else:
            api.patch(before, {"spec": before["spec"]}, manager="test")
