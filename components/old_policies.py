"""OldPolicies: the NetworkPolicies that were made by hand, as they were found, until a step retires them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.networking.v1 import NetworkPolicySpecArgsDict

from components.base import GxArgs, GxComponent
from gx.labels import OLD_POLICY, PartOf


@dataclass(frozen=True, kw_only=True)
class OldPoliciesArgs(GxArgs):
    """What lives.

    Attributes:
        specs: The spec of each policy as it was read from the cluster, by name.
    """

    specs: Mapping[str, Mapping[str, Any]]


class OldPolicies(GxComponent):
    """Policies that open what the program's own ones close (docs/adr/0023).

    Token: gx:traffic:OldPolicies. Without them in the arguments the engine deletes them; with them it makes them again.
    """

    TOKEN: ClassVar[str] = "gx:traffic:OldPolicies"

    def __init__(self, name: str, args: OldPoliciesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        for policy, spec in args.specs.items():
            k8s.networking.v1.NetworkPolicy(
                policy,
                metadata=self.site.metadata(policy, PartOf.TRAFFIC, labels={OLD_POLICY: "true"}),
                spec=cast("NetworkPolicySpecArgsDict", dict(spec)),
                opts=self.child("NetworkPolicy", policy),
            )
        self.register_outputs({"count": len(args.specs)})
