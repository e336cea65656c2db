"""Cluster: the one Kubernetes provider, and proof that it reaches the cluster that the stack file pins."""

from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random

from components.base import Site
from gx.naming import DNS_NAMESPACE
from gx.settings.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """The network whose cluster is checked; there is no site yet."""

    settings: Settings


class Cluster(pulumi.ComponentResource):
    """The provider of every Kubernetes object, and the `Site` that components build on.

    Reads the namespace kube-system at the start: an unreachable cluster fails there, another cluster fails the
    comparison of its uid, and since every object waits for `site.namespace`, nothing is planned in either case.

    Creates the provider and the key of checksum annotations; changes nothing in the cluster.
    """

    TOKEN: ClassVar[str] = "gx:cluster:Cluster"

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(self.TOKEN, name, None, opts)
        settings, stack = args.settings, args.settings.stack
        self.provider = k8s.Provider(
            "kubernetes",
            cluster_identifier=stack.cluster_uid,
            context=stack.kube_context or None,
            enable_server_side_apply=True,
            enable_secret_mutable=True,
            enable_config_map_mutable=True,
            upsert_existing_objects=settings.taking_over or None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        kube_system = k8s.core.v1.Namespace.get(
            "cluster-identity",
            DNS_NAMESPACE,
            opts=pulumi.ResourceOptions(parent=self, provider=self.provider),
        )
        namespace = settings.network.namespace

        def check(uid: str | None) -> str:
            if uid != stack.cluster_uid:
                raise pulumi.RunError(
                    f"this cluster is not the one that Pulumi.{settings.network.name}.yaml pins: kube-system has the "
                    f"uid {uid}, gx-infra:clusterUid is {stack.cluster_uid}; nothing was planned; fix: choose the "
                    "right context, or pin this cluster on purpose"
                )
            return namespace

        verified = kube_system.metadata.apply(lambda metadata: check(metadata.uid))
        key = random.RandomPassword(
            "checksum-key",
            length=32,
            special=False,
            keepers={"network": verified},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.site = Site(settings=settings, namespace=verified, checksum_key=pulumi.Output.secret(key.result))
        self.register_outputs({"namespace": verified})
