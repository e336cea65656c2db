"""Our evaluation of NetworkPolicies against that of cyclonus, which generates conformance tests for CNIs."""

import itertools
import json
import os
import re
import subprocess
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.errors import InputError
from rules.reachability.endpoint import Endpoint, Port, ranges
from rules.reachability.matrix import Matrix
from rules.reachability.semantics import Policies, policy_from
from tools.programs import CYCLONUS

KEYS, VALUES, NAMESPACES = ("app", "tier"), ("a", "b"), ("x", "y")
PORTS = (
    Port(number=80, name="http"),
    Port(number=81, name="other"),
    Port(number=5000, protocol="UDP", name="http"),
    Port(number=9000, protocol="SCTP", name="sctp"),
)
BLOCKS = ("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/30", "10.0.0.4/30", "10.0.0.5/32", "198.51.100.0/24")


def cyclonus() -> str:
    """Return the program; skip where it is missing, fail in CI."""
    try:
        return str(CYCLONUS.find("cyclonus"))
    except InputError as error:
        if os.environ.get("CI"):
            pytest.fail(f"in CI no tier may be missing: {error}")
        pytest.skip(str(error))


def endpoints() -> list[Endpoint]:
    """Return a pod for every set of labels in every namespace, and a host outside."""
    sets: list[dict[str, str]] = [{}, {"app": "a"}, {"app": "b"}, {"app": "a", "tier": "b"}]
    found = [
        Endpoint(
            name=f"{namespace}-{number}",
            namespace=namespace,
            labels=labels,
            namespace_labels={"team": namespace},
            ports=PORTS,
            ranges=ranges(f"10.0.0.{1 + at}"),
        )
        for at, (namespace, (number, labels)) in enumerate(itertools.product(NAMESPACES, enumerate(sets)))
    ]
    return [*found, Endpoint(name="outside", ports=PORTS, ranges=ranges("198.51.100.7"))]


def _expressions(key: str, operator: str, values: list[str]) -> list[dict[str, Any]]:
    """Return one requirement; beside NotIn one that the label exists.

    cyclonus lets NotIn fail where the label is missing; the API server does not, see tests/engine/test_selectors.py.
    """
    if operator in {"Exists", "DoesNotExist"}:
        return [{"key": key, "operator": operator}]
    exists = [{"key": key, "operator": "Exists"}] if operator == "NotIn" else []
    return [{"key": key, "operator": operator, "values": values}, *exists]


expressions = st.builds(
    _expressions,
    st.sampled_from(KEYS),
    st.sampled_from(("In", "NotIn", "Exists", "DoesNotExist")),
    st.lists(st.sampled_from(VALUES), min_size=1, unique=True),
)
labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), min_size=1)
nothing: dict[str, Any] = {}
selector: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just(nothing),
    labels.map(lambda wanted: {"matchLabels": wanted}),
    expressions.map(lambda wanted: {"matchExpressions": wanted}),
    st.tuples(labels, expressions).map(lambda both: {"matchLabels": both[0], "matchExpressions": both[1]}),
)
of_namespaces: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just(nothing),
    st.sampled_from(NAMESPACES).map(lambda name: {"matchLabels": {"team": name}}),
    st.sampled_from(NAMESPACES).map(lambda name: {"matchLabels": {"kubernetes.io/metadata.name": name}}),
)


@st.composite
def block(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an ipBlock whose exceptions lie inside it, as the API server demands."""
    cidr = draw(st.sampled_from(BLOCKS))
    inside = [other for other in BLOCKS if other != cidr and IPv4Network(other).subnet_of(IPv4Network(cidr))]
    holes = draw(st.lists(st.sampled_from(inside), unique=True, max_size=2)) if inside else []
    return {"ipBlock": {"cidr": cidr, **({"except": holes} if holes else {})}}


peer = st.one_of(
    st.fixed_dictionaries({"podSelector": selector}),
    st.fixed_dictionaries({"namespaceSelector": of_namespaces}),
    st.fixed_dictionaries({"podSelector": selector, "namespaceSelector": of_namespaces}),
    block(),
)
port = st.one_of(
    st.fixed_dictionaries({"port": st.sampled_from((80, 81, "http", "other"))}),
    st.fixed_dictionaries({"protocol": st.sampled_from(("TCP", "UDP", "SCTP"))}),
    st.fixed_dictionaries({"port": st.sampled_from((80, 5000, "http")), "protocol": st.sampled_from(("TCP", "UDP"))}),
    st.just({"port": 79, "endPort": 80, "protocol": "TCP"}),
    st.just({"port": 81, "endPort": 9000}),
)


def rule(key: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return rules with peers and ports missing, empty or given."""
    return st.fixed_dictionaries({}, optional={key: st.lists(peer, max_size=2), "ports": st.lists(port, max_size=2)})


spec = st.fixed_dictionaries(
    {"podSelector": selector},
    optional={
        "policyTypes": st.sampled_from((["Ingress"], ["Egress"], ["Ingress", "Egress"])),
        "ingress": st.lists(rule("from"), max_size=2),
        "egress": st.lists(rule("to"), max_size=2),
    },
)
policies = st.lists(st.tuples(st.sampled_from(NAMESPACES), spec), min_size=1, max_size=4)


def manifests(drawn: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": f"p{number}", "namespace": namespace},
            "spec": _defaulted(content),
        }
        for number, (namespace, content) in enumerate(drawn)
    ]


def _defaulted(content: dict[str, Any]) -> dict[str, Any]:
    """Fill in `policyTypes` as the API server does: cyclonus reads objects after that."""
    given_types = content.get("policyTypes") or (["Ingress", "Egress"] if content.get("egress") else ["Ingress"])
    return {**content, "policyTypes": given_types}


def their_answers(program: str, folder: Path, written: list[dict[str, Any]], asked: list[Any]) -> list[bool]:
    folder.mkdir(exist_ok=True)
    listed = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "items": written}
    (folder / "policies.yaml").write_text(json.dumps(listed))  # quoted: YAML 1.1 reads y as true
    (folder / "traffic.json").write_text(json.dumps([_traffic(*question) for question in asked]))
    command = [program, "analyze", "--mode", "query-traffic", "--policy-path", str(folder / "policies.yaml")]
    done = subprocess.run(
        [*command, "--traffic-path", str(folder / "traffic.json")], capture_output=True, text=True, check=True
    )
    return [word == "TRUE" for word in re.findall(r"IS ALLOWED\?\s*\|\s*(TRUE|FALSE)", done.stdout)]


def _traffic(source: Endpoint, target: Endpoint, to: Port) -> dict[str, Any]:
    return {
        "Source": _side(source),
        "Destination": _side(target),
        "ResolvedPort": to.number,
        "ResolvedPortName": to.name,
        "Protocol": to.protocol,
    }


def _side(endpoint: Endpoint) -> dict[str, Any]:
    address = str(endpoint.ranges[0].network_address)
    if not endpoint.inside:
        return {"IP": address}
    labels = {"PodLabels": dict(endpoint.labels), "NamespaceLabels": endpoint.all_namespace_labels}
    return {"IP": address, "Internal": {**labels, "Namespace": endpoint.namespace}}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=policies)
def test_both_agree_on_every_connection(tmp_path: Path, drawn: list[tuple[str, dict[str, Any]]]) -> None:
    program, world, written = cyclonus(), endpoints(), manifests(drawn)
    ours = Policies(policy_from(manifest) for manifest in written)
    matrix = Matrix(world, ours)
    asked = [
        (source, target, to) for source, target, to in itertools.product(world, world, PORTS) if source is not target
    ]
    theirs = their_answers(program, tmp_path / "asked", written, asked)
    assert len(theirs) == len(asked)
    locations = {endpoint.name: at for at, endpoint in enumerate(world)}
    for (source, target, to), expected in zip(asked, theirs, strict=True):
        question = f"{source.name} -> {target.name} {to} under {json.dumps(written)}"
        assert ours.evaluate(source, target, to).allowed == expected, question
        in_matrix = locations[source.name] in matrix.sources(locations[target.name], to)
        assert in_matrix == expected, f"matrix: {question}"


def test_policy_types_default_as_the_api_server_does() -> None:
    """Cyclonus wants them filled in, so this one case is compared with the field's own documentation."""
    metadata = {"name": "p", "namespace": "x"}
    without = policy_from({"metadata": metadata, "spec": {"podSelector": {}, "ingress": [{}]}})
    assert without.directions() == {"ingress"}
    with_egress = policy_from({"metadata": metadata, "spec": {"podSelector": {}, "egress": [{}]}})
    assert with_egress.directions() == {"ingress", "egress"}
    empty = policy_from({"metadata": metadata, "spec": {"podSelector": {}, "egress": []}})
    assert empty.directions() == {"ingress"}
