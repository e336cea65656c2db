"""The program: what one network consists of, in the order in which a reader would ask."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pulumi

import wiring
from catalogue import MESSAGING
from catalogue.backend_config import backend_config
from catalogue.bucket import EXPIRY_DAYS
from catalogue.feature_gates import FeatureGate
from catalogue.managed_components import ManagedComponent
from catalogue.secrets import DATABASE_ROLE, MINIO_ROOT, TEST_USER_PASSWORD
from common.errors import InputError
from common.naming import BACKEND_CONFIG, BACKUP_STATUS_BUCKET, MESSAGING_DATABASE, MONITORING_NAMESPACE
from common.quantities import parse_quantity
from components.arguments import SecretValueArgs
from components.backup_job import BackupJob, BackupJobArgs
from components.cluster import Cluster
from components.connections import Connections
from components.conventions import Conventions
from components.database import Database, DatabaseArgs
from components.dns_records import DnsRecords, DnsRecordsArgs
from components.edge_proxy import EdgeProxy
from components.environment import Environment
from components.ingress_routes import IngressRoutes
from components.messaging_stack import MessagingStack
from components.minio_storage import MinioStorage, MinioStorageArgs
from components.monitoring_rules import MonitoringRules, MonitoringRulesArgs, dashboards
from components.network_policies import NetworkPolicies
from components.old_policies import OldPolicies
from components.policy_context import PolicyContext, note_options
from components.workload import Workload
from settings.capacity import check_capacity
from settings.dns import wanted_records
from settings.load import load_settings
from settings.model import NetworkEnvironment
from settings.monitoring.boards import boards
from settings.monitoring.rules import alerts, rule_file
from settings.outputs import Outputs, outputs_of
from settings.pages import explained
from settings.policy_context import context_of
from settings.project import ROOT
from settings.routes import api_routes, wallet_routes
from settings.settings import Settings
from settings.storage_rules import check_key_pairs


def run(root: Path = ROOT) -> None:
    """Run the program for the stack that the engine has chosen: settings, resources, outputs.

    Args:
        root: The folder with the project's files; the local engine works on copies.

    Raises:
        RunError: The input cannot be used; the engine shows the one line that says why.
    """
    try:
        outputs = build(load_settings(root))
    except InputError as error:
        raise pulumi.RunError(explained(error)) from None
    for name, value in outputs.items():
        pulumi.export(name, value)


def build(settings: Settings) -> Outputs:
    """Register everything that a network consists of and return the stack's outputs.

    The same call serves `pulumi up`, the recorder and the local engine. It reads no configuration, environment,
    clock or network of its own. A component that the stack does not manage yet is left out (takeover.md 2).

    Raises:
        InputError: The quota does not hold what the settings ask for, or a key pair is not complete. Nothing was
            registered.
    """
    check_capacity(settings)
    check_key_pairs(settings)
    conventions(settings).register()
    noted = note_options()
    _Program(settings).build()
    PolicyContext("policy-context", {"context": context_of(settings).to_record(), "options": noted})
    return outputs_of(settings)


def conventions(settings: Settings) -> Conventions:
    """Return what holds for every object of a network."""
    network = settings.network
    return Conventions(
        network=network.name,
        production=network.production,
        taken_over=settings.taken_over,
        imports=settings.imports,
        namespaces={"namespace": network.namespace, "edge-namespace": network.edge_namespace},
        disposable=[network.edge_namespace],
    )


class _Program:
    """One network, from top to bottom; what a component needs of an earlier one is an attribute here.

    Attributes:
        namespace: The namespace's name: nothing that uses it is planned before the cluster was checked.
        ready: What must exist before any pod starts.
        secrets: What Secrets hold, by "name/key", as far as it is known: pods roll when it changes.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings, self.stack, self.network = settings, settings.stack, settings.network
        self.scheduling, self.jobs = wiring.scheduling(settings), wiring.resources(settings.stack.jobs)
        self.ready: tuple[pulumi.Resource, ...] = ()
        self.secrets: Mapping[str, SecretValueArgs] = {}
        self.policies: NetworkPolicies | None = None
        self.storage: MinioStorage | None = None
        self.database: Database | None = None
        stack = self.stack
        self.cluster = Cluster(
            "cluster",
            {
                "namespace": self.network.namespace,
                "stack": self.network.name,
                "cluster_uid": stack.cluster_uid,
                "context": stack.kube_context,
                "upsert": settings.taking_over,
            },
        )
        self.namespace = self.cluster.namespace
        self.key = self.cluster.checksum_key
        self.inside = pulumi.ResourceOptions(providers=[self.cluster.provider])

    def build(self) -> None:
        """Register the components that the stack manages."""
        manages = self.settings.manages
        for managed, component in (
            (manages(ManagedComponent.ENVIRONMENT), self._environment),
            (manages(ManagedComponent.NETWORK_POLICIES), self._network_policies),
            (manages(ManagedComponent.MESSAGING) or manages(ManagedComponent.WORKLOADS), self._connections),
            (manages(ManagedComponent.STORAGE), self._storage),
            (manages(ManagedComponent.DATABASE), self._database),
            (manages(ManagedComponent.MESSAGING), self._messaging),
            (manages(ManagedComponent.WORKLOADS), self._workloads),
            (manages(ManagedComponent.INGRESS), self._ingress),
            (manages(ManagedComponent.EDGE) and self.stack.edge.enabled, self._edge),
            (manages(ManagedComponent.BACKUP), self._backup),
            (manages(ManagedComponent.MONITORING), self._monitoring),
            (manages(ManagedComponent.DNS), self._dns),
        ):
            if managed:
                component()

    def before(self, name: str) -> tuple[pulumi.Resource, ...]:
        """Return what must exist before the pods of a workload, "storage" or "database" start."""
        return (*self.ready, *(self.policies.needed_by(name) if self.policies else ()))

    def _config(self) -> dict[str, str]:
        return backend_config(
            self.network,
            development=self.stack.environment is NetworkEnvironment.DEVELOPMENT,
            projection_lag_threshold_ms=self.stack.projection_lag_threshold_ms,
            allowed_origins=self.stack.ingress.cors_origins,
        )

    def _environment(self) -> None:
        quota, limits = self.stack.quota, self.stack.limit_range
        environment = Environment(
            "environment",
            {
                "namespace": self.namespace,
                "labels": self.stack.namespace_labels,
                "enforce_pod_security": self.settings.has(FeatureGate.POD_SECURITY_ENFORCE),
                "quota": {"name": quota.name, "hard": quota.hard()},
                "limit_range": {
                    "name": limits.name,
                    "min": limits.container.min.model_dump(),
                    "max": limits.container.max.model_dump(),
                    "default": limits.container.default.model_dump(),
                    "default_request": limits.container.default_request.model_dump(),
                    "pod_min": limits.pod_min.model_dump(),
                },
                # Not those of single networks, such as svc-admin-deployer: they exist outside.
                "service_accounts": sorted({spec.service_account for spec in self.settings.workloads.values()}),
                "config": self._config(),
            },
            self.inside,
        )
        self.namespace, self.ready = environment.namespace, environment.ready

    def _network_policies(self) -> None:
        args = wiring.network_policies(self.settings, self.namespace)
        self.policies = NetworkPolicies("network-policies", args, self.inside)
        if old := self.settings.old_policies:
            OldPolicies("old-policies", {"namespace": self.namespace, "specs": old}, self.inside)

    def _connections(self) -> None:
        connections = Connections(
            "connections",
            {
                "namespace": self.namespace,
                "redis_host": self.network.redis_host,
                "redis_secret": self.stack.redis.secret,
                "redis_key": self.stack.redis.key,
                "database_host": self.network.database_host,
            },
            self.inside,
        )
        self.ready = (*self.ready, connections.secret)
        self.secrets = connections.values

    def _storage(self) -> None:
        settings, minio = self.settings, self.stack.minio
        args: MinioStorageArgs = {
            "namespace": self.namespace,
            "endpoint": self.network.minio_url,
            "image": settings.platform_image("minio"),
            "client_image": settings.platform_image("minio-client"),
            "storage": minio.storage,
            "bucket": self.network.bucket,
            "status_bucket": BACKUP_STATUS_BUCKET,
            "noncurrent_days": minio.noncurrent_days,
            "expiry_days": self._expiry_days(),
            "users": wiring.bucket_users(settings),
            "root_epoch": self.stack.epoch(MINIO_ROOT.name),
            "checksum_key": self.key,
            "stateful_set": minio.kind == "StatefulSet",
            "run_as_root": not settings.has(FeatureGate.MINIO_NON_ROOT),
            "metrics_token": settings.has(FeatureGate.MINIO_METRICS_TOKEN),
            "browser": not self.network.production,
            "named_target_ports": settings.has(FeatureGate.NAMED_TARGET_PORTS),
            "resources": wiring.resources(minio.resources),
            "job_resources": self.jobs,
            "scheduling": self.scheduling,
        }
        if (live := wiring.key_pair(settings, *MINIO_ROOT.settings)) is not None:
            args["root_credentials"] = live
        self.storage = MinioStorage("storage", args, self.inside, wait_for=self.before("storage"))

    def _expiry_days(self) -> Mapping[str, int]:
        """Return promised lifetimes; off on an adopted bucket until a report has said what they would delete."""
        return EXPIRY_DAYS if self.settings.has(FeatureGate.BUCKET_EXPIRY) else {}

    def _database(self) -> None:
        settings, stack = self.settings, self.stack
        args: DatabaseArgs = {
            "namespace": self.namespace,
            "network": self.network.name,
            "production": self.network.production,
            "host": self.network.database_host,
            "image": settings.platform_image("postgres-client"),
            "resources": self.jobs,
            "scheduling": self.scheduling,
        }
        if settings.has(FeatureGate.MESSAGING_DATABASE_ROLE):
            role = DATABASE_ROLE.name
            args["service_role"] = {"epoch": stack.epoch(role), "retired": stack.retired_epochs.get(role, 0)}
        if stack.test_users:
            args["test_users"] = {"epoch": stack.epoch(TEST_USER_PASSWORD.name), "qsend": stack.ingress.qsend_route}
        self.database = Database("database", args, self.inside, wait_for=self.before("database"))

    def _messaging(self) -> None:
        own_user = self.settings.has(FeatureGate.MESSAGING_S3_USER)
        stores = [store for store in (self.storage, self.database) if store]
        MessagingStack(
            "messaging",
            {
                "name": MESSAGING.name,
                "workload": self._workload(MESSAGING.name),
                "s3": wiring.credentials(self.storage, MESSAGING.name if own_user else None),
                "connections": self._own_connection(),
            },
            self.inside,
            wait_for=(*self.before(MESSAGING.name), *(ready for store in stores for ready in store.ready)),
        )

    def _own_connection(self) -> Mapping[str, SecretValueArgs]:
        """Return the variables of svc-messaging's own role; they name its Secret even before the stack manages it."""
        if not self.settings.has(FeatureGate.MESSAGING_DATABASE_ROLE):
            return {}
        if self.database:
            return self.database.service_connection
        return {"DATABASE_URL": {"secret": MESSAGING_DATABASE, "key": "DATABASE_URL"}}

    def _workloads(self) -> None:
        for name in self.settings.workloads:
            if name != MESSAGING.name:
                Workload(name, self._workload(name), self.inside, wait_for=self.before(name))

    def _workload(self, name: str) -> wiring.WorkloadArgs:
        return wiring.workload(
            self.settings,
            self.settings.workloads[name],
            namespace=self.namespace,
            checksum_key=self.key,
            secrets=self.secrets,
            config_maps={BACKEND_CONFIG: self._config()} if self.settings.manages(ManagedComponent.ENVIRONMENT) else {},
        )

    def _ingress(self) -> None:
        settings, network, ingress = self.settings, self.network, self.stack.ingress
        IngressRoutes(
            "ingress",
            {
                "namespace": self.namespace,
                "controller": ingress.controller,
                "issuer": ingress.issuer,
                "api": {
                    "name": network.api_host,
                    "tls_secret": ingress.api_tls_secret,
                    "routes": wiring.routes(settings, api_routes(settings)),
                },
                "wallet": {
                    "name": network.wallet_host,
                    "tls_secret": ingress.wallet_tls_secret,
                    "routes": wiring.routes(settings, wallet_routes(settings)),
                },
                "origins": ingress.cors_origins,
                "https_redirect": ingress.https_redirect,
                "long_sockets": settings.has(FeatureGate.LONG_SOCKETS),
                "real_client_address": settings.has(FeatureGate.REAL_CLIENT_ADDRESS),
            },
            self.inside,
        )

    def _edge(self) -> None:
        namespace = self._elsewhere(self.network.edge_namespace)
        EdgeProxy("edge", wiring.edge_proxy(self.settings, namespace), self.inside)

    def _elsewhere(self, namespace: str) -> pulumi.Output[str]:
        """Return the name of another namespace, once the cluster was checked."""
        return self.namespace.apply(lambda _: namespace)

    def _backup(self) -> None:
        settings, backup = self.settings, self.stack.backup
        args: BackupJobArgs = {
            "namespace": self.namespace,
            "network": self.network.name,
            "image": settings.platform_image("backup"),
            "endpoint": self.network.minio_url,
            "bucket": self.network.bucket,
            "status_bucket": BACKUP_STATUS_BUCKET,
            "credentials": wiring.credentials(self.storage, "backup"),
            "metrics_credentials": wiring.credentials(self.storage, "metrics"),
            "schedule": backup.schedule,
            "drill_schedule": backup.drill_schedule,
            "storage": backup.storage,
            "drill_scratch": self.stack.minio.storage,
            "deadline_minutes": backup.deadline_minutes,
            "free_floor_bytes": int(parse_quantity(backup.free_floor)),
            "retention_days": backup.retention_days,
            "keep_least": backup.keep_least,
            "max_shrink_percent": backup.max_shrink_percent,
            "expiry_days": self._expiry_days(),
            "checksum_key": self.key,
            "resources": wiring.resources(backup.resources),
            "metrics_resources": self.jobs,
            "scheduling": self.scheduling,
        }
        if backup.accepted_shrink:
            args["accepted_shrink"] = backup.accepted_shrink
        if (offsite := wiring.offsite(settings)) is not None:
            args["offsite"] = offsite
        BackupJob(
            "backup",
            args,
            self.inside,
            wait_for=(*self.before("storage"), *(self.storage.ready if self.storage else ())),
        )

    def _monitoring(self) -> None:
        settings, monitoring = self.settings, self.stack.monitoring
        args: MonitoringRulesArgs = {
            "namespace": self._elsewhere(MONITORING_NAMESPACE),
            "name": self.network.alerts_config_map,
            "rules": rule_file(settings),
            "dashboards": dashboards(boards(settings), alerts(settings), self.network.name),
            "folder": f"GX Coin {self.network.name}",
        }
        if monitoring.delivery == "prometheus-rule":
            args["operator_labels"] = monitoring.rule_labels
        MonitoringRules("monitoring", args, self.inside)

    def _dns(self) -> None:
        zone = self.stack.cloudflare.zone_id
        args: DnsRecordsArgs = {
            "zone_id": self.namespace.apply(lambda _: cast("str", zone)),  # waits for the check of the cluster as well
            "network": self.network.name,
            "records": [{"host": host, "address": address} for host, address in wanted_records(self.settings)],
        }
        if (token := self.settings.secrets.get("cloudflareApiToken")) is not None:
            args["api_token"] = token
        DnsRecords("dns", args)
