"""Cluster: the one Kubernetes provider, and proof that it reaches the cluster that the stack file pins."""

from typing import TypedDict

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random

from common.naming import DNS_NAMESPACE


class ClusterArgs(TypedDict):
    """Which cluster."""

    namespace: str
    """What is handed on once the cluster is the right one: the network's namespace."""
    stack: str
    """Whose file pins the cluster, for the error."""
    cluster_uid: str
    """Uid of the cluster's namespace kube-system."""
    context: str
    """Context of the kubeconfig; empty for the current one."""
    upsert: bool
    """Whether a create goes over what lives, while a network is taken over."""


class Cluster(pulumi.ComponentResource):
    """The provider of every Kubernetes object, and the namespace's name once the cluster was checked.

    Reads the namespace kube-system at the start: an unreachable cluster fails there, another cluster fails the
    comparison of its uid, and since every object waits for `namespace`, nothing is planned in either case.

    Creates the provider and the key of checksum annotations; changes nothing in the cluster.

    Attributes:
        provider: The provider.
        namespace: The namespace's name, once the cluster was checked.
        checksum_key: Key under which secret values are hashed for annotations.
    """

    TOKEN = "gx:cluster:Cluster"

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(self.TOKEN, name, None, opts)
        self.provider = k8s.Provider(
            "kubernetes",
            cluster_identifier=args["cluster_uid"],
            context=args["context"] or None,
            enable_server_side_apply=True,
            enable_secret_mutable=True,
            enable_config_map_mutable=True,
            upsert_existing_objects=args["upsert"] or None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        kube_system = k8s.core.v1.Namespace.get(
            "cluster-identity",
            DNS_NAMESPACE,
            opts=pulumi.ResourceOptions(parent=self, provider=self.provider),
        )
        self.namespace = kube_system.metadata.apply(lambda metadata: _checked(metadata.uid, args))
        key = random.RandomPassword(
            "checksum-key",
            length=32,
            special=False,
            keepers={"network": self.namespace},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.checksum_key = pulumi.Output.secret(key.result)
        self.register_outputs({"namespace": self.namespace})


def _checked(uid: str | None, args: ClusterArgs) -> str:
    if uid != args["cluster_uid"]:
        raise pulumi.RunError(
            f"this cluster is not the one that Pulumi.{args['stack']}.yaml pins: kube-system has the "
            f"uid {uid}, gx-infra:clusterUid is {args['cluster_uid']}; nothing was planned; fix: choose the "
            "right context, or pin this cluster on purpose"
        )
    return args["namespace"]
