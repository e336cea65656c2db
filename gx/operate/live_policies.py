"""The policies that are live beside the planned ones: those of the hand-made system stay until a step removes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from gx.errors import InputError
from gx.live.kubernetes_api import ApiError, KubernetesApi, UnreachableError
from gx.objects import mapping
from gx.reach.semantics import Policies, Policy, policy_from


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
    try:
        found = [
            policy_from(manifest, live=True)
            for namespace in sorted(own)
            for manifest in api.list_objects("networking.k8s.io/v1", "NetworkPolicy", namespace)
        ]
        namespaces = {
            str(live["metadata"]["name"]): cast("Mapping[str, str]", mapping(live, "metadata", "labels"))
            for live in api.list_objects("v1", "Namespace")
        }
    except (ApiError, UnreachableError) as error:
        raise InputError(
            file=api.origin,
            consequence=f"policies cannot be read ({error}); nothing was judged",
            fix="mend the connection, or ask without --context for the planned state alone",
        ) from None
    return LiveState(tuple(policy for policy in found if (policy.namespace, policy.name) not in taken), namespaces)
