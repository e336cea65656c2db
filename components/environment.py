"""Environment: the namespace and what every pod in it shares."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from common.labels import PartOf
from common.naming import BACKEND_CONFIG
from components.base import GxComponent, after, metadata

OWN_SERVICE_ACCOUNTS = ("minio", "minio-provision", "minio-backup", "database-jobs")
"""Accounts of the program's own pods; none is bound to a role, none mounts a token."""
APP = "backend"


class QuotaArgs(TypedDict):
    """What the namespace may use together."""

    name: str
    hard: Mapping[str, str]


class LimitRangeArgs(TypedDict):
    """What a single container may and must ask for, by "cpu" and "memory"."""

    name: str
    min: Mapping[str, str]
    max: Mapping[str, str]
    default: Mapping[str, str]
    default_request: Mapping[str, str]
    pod_min: Mapping[str, str]


class EnvironmentArgs(TypedDict):
    """What the namespace consists of."""

    namespace: pulumi.Input[str]
    """Its name."""
    labels: Mapping[str, str]
    """Live labels of the namespace."""
    enforce_pod_security: NotRequired[bool]
    """Whether pods that break Pod Security "restricted" are refused; otherwise the server only warns."""
    quota: QuotaArgs
    limit_range: LimitRangeArgs
    service_accounts: Sequence[str]
    """Accounts of workloads."""
    config: Mapping[str, str]
    """Data of the ConfigMap that every backend pod reads."""


class Environment(GxComponent):
    """Namespace, ResourceQuota, LimitRange, ServiceAccounts without token, ConfigMap `backend-config`.

    Token: gx:platform:Environment. The namespace keeps its live labels word for word. Quota and LimitRange carry their
    live names, because a second one of a kind would add up with the first (takeover.md 22).

    Attributes:
        namespace: The namespace's name, once the namespace is there.
        ready: What must be there before a pod starts.
    """

    TOKEN = "gx:platform:Environment"

    def __init__(self, name: str, args: EnvironmentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        # From here on every object waits for the namespace: the name now depends on the resource.
        self.namespace = after(self._namespace(args), args["namespace"])
        quota = self._quota(args["quota"])
        limits = self._limit_range(args["limit_range"])
        accounts = [self._account(account) for account in sorted({*args["service_accounts"], *OWN_SERVICE_ACCOUNTS})]
        config = k8s.core.v1.ConfigMap(
            BACKEND_CONFIG,
            metadata=metadata(
                BACKEND_CONFIG,
                PartOf.BACKEND,
                namespace=self.namespace,
                labels={"app": "gx-protocol-backend", "tier": "config"},
            ),
            data=dict(args["config"]),
            opts=self.child(),
        )
        self.ready: tuple[pulumi.Resource, ...] = (quota, limits, config, *accounts)
        self.register_outputs({"namespace": args["namespace"]})

    def _namespace(self, args: EnvironmentArgs) -> k8s.core.v1.Namespace:
        modes = ["warn", "audit", *(["enforce"] if args.get("enforce_pod_security") else [])]
        labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in modes}
        described = metadata(
            args["namespace"], PartOf.PLATFORM, namespace=None, labels={**labels, **args["labels"]}, app=APP
        )
        return k8s.core.v1.Namespace("namespace", metadata=described, opts=self.child())

    def _quota(self, quota: QuotaArgs) -> k8s.core.v1.ResourceQuota:
        return k8s.core.v1.ResourceQuota(
            "quota",
            metadata=metadata(quota["name"], PartOf.PLATFORM, namespace=self.namespace, app=APP),
            spec={"hard": dict(quota["hard"])},
            opts=self.child(),
        )

    def _limit_range(self, limits: LimitRangeArgs) -> k8s.core.v1.LimitRange:
        return k8s.core.v1.LimitRange(
            "limit-range",
            metadata=metadata(limits["name"], PartOf.PLATFORM, namespace=self.namespace, app=APP),
            spec={
                "limits": [
                    {
                        "type": "Container",
                        "min": dict(limits["min"]),
                        "max": dict(limits["max"]),
                        "default": dict(limits["default"]),
                        "default_request": dict(limits["default_request"]),
                    },
                    {"type": "Pod", "min": dict(limits["pod_min"])},
                ]
            },
            opts=self.child(),
        )

    def _account(self, account: str) -> k8s.core.v1.ServiceAccount:
        return k8s.core.v1.ServiceAccount(
            account,
            metadata=metadata(account, PartOf.PLATFORM, namespace=self.namespace),
            automount_service_account_token=False,
            opts=self.child(),
        )
