"""Rules of network policies by what they say: their order means nothing, so a new one must not shift the others."""

from collections.abc import Mapping
from typing import Any, cast

from common.objects import mapping, sequence

SHOWN = 2
DIRECTIONS = (("ingress", "from"), ("egress", "to"))


def comparable(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object as it should be compared: a policy's rules under names of their own."""
    if manifest.get("kind") != "NetworkPolicy":
        return manifest
    spec = dict(mapping(manifest, "spec"))
    for direction, peers in DIRECTIONS:
        if direction in spec:
            spec[direction] = _named(cast("list[Any]", spec[direction]), peers)
    return {**manifest, "spec": spec}


def _named(rules: list[Any], peers: str) -> dict[str, Any]:
    """Two rules that say the same, or of which the same is shown, are told apart by a number."""
    found: dict[str, Any] = {}
    for rule in rules:
        name = _name(rule, peers)
        while name in found:
            name += "'"
        found[name] = rule
    return found


def _name(rule: Any, peers: str) -> str:  # noqa: ANN401 any JSON
    named = [_peer(peer) for peer in sequence(rule, peers)]
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    who = (" or ".join(named[:SHOWN]) or "anybody") + more
    ports = ", ".join(str(port.get("port", "any")) for port in sequence(rule, "ports")) or "any port"
    return f"{who}: {ports}"


def _peer(peer: Any) -> str:  # noqa: ANN401 any JSON
    if "ipBlock" in peer:
        return str(peer["ipBlock"]["cidr"])
    parts = [_selector(peer.get("namespaceSelector")), _selector(peer.get("podSelector"))]
    return " ".join(part for part in parts if part) or "every pod"


def _selector(selector: Any) -> str:  # noqa: ANN401 any JSON
    labels = [f"{key.rsplit('/', 1)[-1]}={value}" for key, value in mapping(selector, "matchLabels").items()]
    for rule in sequence(selector, "matchExpressions"):
        values = "|".join(str(value) for value in rule.get("values", []))
        labels.append(f"{rule['key'].rsplit('/', 1)[-1]} {rule['operator']} {values}".strip())
    return ",".join(labels)
