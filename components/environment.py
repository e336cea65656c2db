"""Environment: the namespace and what every pod in it shares."""

from dataclasses import dataclass, replace
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s

from components.base import GxArgs, GxComponent
from gx.catalogue.backend_config import backend_config
from gx.labels import PartOf
from gx.naming import BACKEND_CONFIG
from gx.settings.model import Environment as Kind
from gx.steps import Step

OWN_SERVICE_ACCOUNTS = ("minio", "minio-provision", "minio-backup", "database-jobs")
"""Accounts of the program's own pods; none is bound to a role, none mounts a token."""


@dataclass(frozen=True, kw_only=True)
class SharedConfig:
    """What pods read from `backend-config`, by "name/key", and what must be there before a pod starts."""

    contents: dict[str, str]
    ready: tuple[pulumi.Resource, ...]


@dataclass(frozen=True, kw_only=True)
class EnvironmentArgs(GxArgs):
    """What every component needs is all that it takes."""


class Environment(GxComponent):
    """Namespace, ResourceQuota, LimitRange, ServiceAccounts without token, ConfigMap `backend-config`.

    Token: gx:platform:Environment. The namespace keeps its live labels word for word; Pod Security only warns until
    the step pod-security-enforce is taken (takeover.md 21). Quota and LimitRange carry their live names, because a
    second one of a kind would add up with the first (takeover.md 22).
    """

    TOKEN: ClassVar[str] = "gx:platform:Environment"

    def __init__(self, name: str, args: EnvironmentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        site = args.site
        namespace = self._namespace()
        # From here on every object waits for the namespace: the name now depends on the resource.
        self.site = replace(site, namespace=namespace.urn.apply(lambda _: site.settings.network.namespace))
        quota = self._quota()
        limits = self._limit_range()
        accounts = self._service_accounts()
        data = self._backend_config_data()
        config = k8s.core.v1.ConfigMap(
            BACKEND_CONFIG,
            metadata=self.site.metadata(
                BACKEND_CONFIG, PartOf.BACKEND, labels={"app": "gx-protocol-backend", "tier": "config"}
            ),
            data=data,
            opts=self.child("ConfigMap", BACKEND_CONFIG),
        )
        contents = {f"{BACKEND_CONFIG}/{key}": value for key, value in data.items()}
        self.shared = SharedConfig(contents=contents, ready=(quota, limits, config, *accounts))
        self.register_outputs({"namespace": site.namespace})

    def _namespace(self) -> k8s.core.v1.Namespace:
        standard = "restricted"
        modes = ["warn", "audit"]
        if self.site.settings.has(Step.POD_SECURITY_ENFORCE):
            modes.append("enforce")
        labels = {f"pod-security.kubernetes.io/{mode}": standard for mode in modes}
        metadata = self.site.metadata(
            self.site.namespace,
            PartOf.PLATFORM,
            labels={**labels, **self.site.settings.stack.namespace_labels},
            namespace=None,
            app="backend",
        )
        options = self.child("Namespace", self.site.settings.network.namespace)
        return k8s.core.v1.Namespace("namespace", metadata=metadata, opts=options)

    def _quota(self) -> k8s.core.v1.ResourceQuota:
        quota = self.site.settings.stack.quota
        return k8s.core.v1.ResourceQuota(
            "quota",
            metadata=self.site.metadata(quota.name, PartOf.PLATFORM, app="backend"),
            spec={"hard": quota.hard()},
            opts=self.child("ResourceQuota", quota.name),
        )

    def _limit_range(self) -> k8s.core.v1.LimitRange:
        limits = self.site.settings.stack.limit_range
        return k8s.core.v1.LimitRange(
            "limit-range",
            metadata=self.site.metadata(limits.name, PartOf.PLATFORM, app="backend"),
            spec={
                "limits": [
                    {
                        "type": "Container",
                        "min": limits.container.min.model_dump(),
                        "max": limits.container.max.model_dump(),
                        "default": limits.container.default.model_dump(),
                        "default_request": limits.container.default_request.model_dump(),
                    },
                    {"type": "Pod", "min": limits.pod_min.model_dump()},
                ]
            },
            opts=self.child("LimitRange", limits.name),
        )

    def _service_accounts(self) -> list[k8s.core.v1.ServiceAccount]:
        """Create every account that pods of the program name, unless it exists outside (svc-admin-deployer)."""
        workloads = self.site.settings.workloads.values()
        names = {workload.service_account for workload in workloads} | set(OWN_SERVICE_ACCOUNTS)
        return [
            k8s.core.v1.ServiceAccount(
                account,
                metadata=self.site.metadata(account, PartOf.PLATFORM),
                automount_service_account_token=False,
                opts=self.child("ServiceAccount", account),
            )
            for account in sorted(names)
        ]

    def _backend_config_data(self) -> dict[str, str]:
        stack = self.site.settings.stack
        return backend_config(
            self.site.settings.network,
            development=stack.environment is Kind.DEVELOPMENT,
            projection_lag_threshold_ms=stack.projection_lag_threshold_ms,
            allowed_origins=stack.ingress.cors_origins,
        )
