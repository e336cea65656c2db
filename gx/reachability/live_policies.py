"""The policies that live beside the planned ones: the hand-made ones stay until a feature gate removes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from common.objects import mapping
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.refusals import explained
from gx.reachability.limits import node_addresses, on_nodes, other_policies
from rules.reachability.semantics import Policies, Policy, policy_from
from rules.reachability.world import Around


@dataclass(frozen=True)
class LiveState:
    """What a cluster has.

    Attributes:
        policies: Policies that nobody planned.
        around: What is around the network.
        beyond: What the evaluation does not cover, a line each.
    """

    policies: tuple[Policy, ...]
    around: Around
    beyond: tuple[str, ...]


def live_state(context: str, own: frozenset[str], planned: Policies) -> LiveState:
    """Read the policies of the network's namespaces. Nothing is changed.

    Args:
        context: Context of the cluster.
        own: The network's namespaces.
        planned: A live policy of a planned one's name is that one, as it was applied or will be.

    Raises:
        InputError: The cluster cannot be read.
    """
    api = KubernetesApi.connect(context=context)
    taken = {(policy.namespace, policy.name) for policy in planned.all}
    fix = "correct the connection, or ask without --context for the planned state alone"
    with explained(api, consequence="policies cannot be read; nothing was evaluated", fix=fix):
        found = [
            policy_from(manifest, live=True)
            for namespace in sorted(own)
            for manifest in api.list_objects("networking.k8s.io/v1", "NetworkPolicy", namespace)
        ]
        namespaces = {
            str(live["metadata"]["name"]): cast("Mapping[str, str]", mapping(live, "metadata", "labels"))
            for live in api.list_objects("v1", "Namespace")
        }
        hosts, others = on_nodes(api), list(other_policies(api, own))
        nodes = node_addresses(api) if hosts else ()
    around = Around(namespaces=namespaces, on_nodes=frozenset(one.endpoint for one in hosts), nodes=nodes)
    beyond = [
        f"{one.endpoint} runs in the network of its node ({one.namespace}/{one.controller}): no rule that names"
        " its namespace matches; what most networks let pass from a pod's own node is not counted"
        for one in hosts
    ]
    if others:
        beyond.append(
            f"not evaluated: {', '.join(others)}: they can deny what is allowed here, and allow what is denied"
        )
    return LiveState(
        tuple(policy for policy in found if (policy.namespace, policy.name) not in taken), around, tuple(beyond)
    )
