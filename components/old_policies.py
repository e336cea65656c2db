"""OldPolicies: the NetworkPolicies that were made by hand, as they were found, until a feature gate retires them."""

from collections.abc import Mapping
from typing import Any, TypedDict, cast

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.networking.v1 import NetworkPolicySpecArgsDict

from common.labels import OLD_POLICY, PartOf
from components.base import GxComponent, metadata


class OldPoliciesArgs(TypedDict):
    """What lives."""

    namespace: pulumi.Input[str]
    specs: Mapping[str, Mapping[str, Any]]
    """The spec of each policy as it was read from the cluster, by name."""


class OldPolicies(GxComponent):
    """Policies that open what the program's own ones close (docs/adr/0023).

    Token: gx:traffic:OldPolicies. Without them in the arguments the engine deletes them; with them it makes them again.
    """

    TOKEN = "gx:traffic:OldPolicies"

    def __init__(self, name: str, args: OldPoliciesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        for policy, spec in args["specs"].items():
            k8s.networking.v1.NetworkPolicy(
                policy,
                metadata=metadata(policy, PartOf.TRAFFIC, namespace=args["namespace"], labels={OLD_POLICY: "true"}),
                spec=cast("NetworkPolicySpecArgsDict", dict(spec)),
                opts=self.child(),
            )
        self.register_outputs({"count": len(args["specs"])})
