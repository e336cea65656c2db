"""The policies that live beside the planned ones: the hand-made ones stay until a feature gate removes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from common.objects import mapping
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.refusals import explained
from rules.reachability.semantics import Policies, Policy, policy_from


@dataclass(frozen=True)
class LiveState:
    """What a cluster has: policies that nobody planned, and the labels of its namespaces."""

    policies: tuple[Policy, ...]
    namespaces: Mapping[str, Mapping[str, str]]


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
    return LiveState(tuple(policy for policy in found if (policy.namespace, policy.name) not in taken), namespaces)
