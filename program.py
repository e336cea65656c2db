"""The program: what one network consists of, in the order in which a reader would ask."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pulumi

from components.backup_job import BackupJob, BackupJobArgs
from components.base import Site
from components.cluster import Cluster, ClusterArgs
from components.connections import Connections, ConnectionsArgs
from components.database import Database, DatabaseArgs
from components.dns_records import DnsRecords, DnsRecordsArgs
from components.edge_proxy import EdgeProxy, EdgeProxyArgs
from components.environment import Environment, EnvironmentArgs
from components.ingress_routes import IngressRoutes, IngressRoutesArgs
from components.messaging_stack import MessagingStack, MessagingStackArgs
from components.minio_storage import MinioStorage, MinioStorageArgs
from components.monitoring_rules import MonitoringRules, MonitoringRulesArgs
from components.network_policies import NetworkPolicies, NetworkPoliciesArgs
from components.old_policies import OldPolicies, OldPoliciesArgs
from components.policy_context import PolicyContext, PolicyContextArgs, note_options
from components.workload import Workload, WorkloadArgs
from gx.capacity import check_capacity
from gx.catalogue import MESSAGING
from gx.errors import InputError
from gx.outputs import Outputs, outputs_of
from gx.plan.context import context_of
from gx.settings.load import load_settings
from gx.settings.project import ROOT
from gx.settings.settings import Settings
from gx.settings.storage_rules import check_offsite_keys
from gx.steps import Wave


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
        raise pulumi.RunError(str(error)) from None
    for name, value in outputs.items():
        pulumi.export(name, value)


def build(settings: Settings) -> Outputs:
    """Register everything that a network consists of and return the stack's outputs.

    The same call serves `pulumi up`, the recorder and the local engine. It reads no configuration, environment,
    clock or network of its own.

    Raises:
        InputError: The quota does not hold what the settings ask for, or the off-site copy has no key pair. Nothing
            was registered.
    """
    check_capacity(settings)
    check_offsite_keys(settings)
    noted = note_options()
    cluster = Cluster("cluster", ClusterArgs(settings=settings))
    inside = pulumi.ResourceOptions(providers=[cluster.provider])
    ground = _ground(cluster.site, inside)
    stores = _stores(ground, inside)
    _services(ground, stores, inside)
    _surroundings(ground, stores, inside)
    PolicyContext("policy-context", PolicyContextArgs(context=context_of(settings), options=noted))
    return outputs_of(settings)


@dataclass(frozen=True, kw_only=True)
class _Ground:
    """What every pod needs before it starts: the site, objects that must exist, and what Secrets and settings hold."""

    site: Site
    ready: tuple[pulumi.Resource, ...] = ()
    policies: NetworkPolicies | None = None
    contents: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])

    def before(self, name: str) -> tuple[pulumi.Resource, ...]:
        """Return what must exist before the pods of a workload, "storage" or "database" start."""
        return (*self.ready, *(self.policies.needed_by(name) if self.policies else ()))


def _ground(site: Site, inside: pulumi.ResourceOptions) -> _Ground:
    """Namespace, limits, accounts, shared configuration, policies, connection URLs."""
    ready: tuple[pulumi.Resource, ...] = ()
    policies: NetworkPolicies | None = None
    contents: dict[str, pulumi.Input[str]] = {}
    if site.settings.manages(Wave.ENVIRONMENT):
        environment = Environment("environment", EnvironmentArgs(site=site), opts=inside)
        site, ready = environment.site, environment.shared.ready
        contents.update(environment.shared.contents)
    if site.settings.manages(Wave.NETWORK_POLICIES):
        policies = NetworkPolicies("network-policies", NetworkPoliciesArgs(site=site), opts=inside)
        if old := site.settings.old_policies:
            OldPolicies("old-policies", OldPoliciesArgs(site=site, specs=old), opts=inside)
    if site.settings.manages(Wave.MESSAGING) or site.settings.manages(Wave.WORKLOADS):
        connections = Connections("connections", ConnectionsArgs(site=site), opts=inside)
        ready = (*ready, connections.secret)
        contents.update(connections.contents)
    return _Ground(site=site, ready=ready, policies=policies, contents=contents)


@dataclass(frozen=True, kw_only=True)
class _Stores:
    """Bucket, users and tables: what waits for them, and what their Secrets hold."""

    storage: tuple[pulumi.Resource, ...] = ()
    database: tuple[pulumi.Resource, ...] = ()
    contents: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])


def _stores(ground: _Ground, inside: pulumi.ResourceOptions) -> _Stores:
    """Object store and database schema."""
    site, stores = ground.site, _Stores()
    if site.settings.manages(Wave.STORAGE):
        storage = MinioStorage("storage", MinioStorageArgs(site=site, wait_for=ground.before("storage")), opts=inside)
        stores = _Stores(storage=storage.ready, contents=storage.contents)
    if site.settings.manages(Wave.DATABASE):
        database = Database("database", DatabaseArgs(site=site, wait_for=ground.before("database")), opts=inside)
        stores = replace(stores, database=database.ready, contents={**stores.contents, **database.contents})
    return stores


def _services(ground: _Ground, stores: _Stores, inside: pulumi.ResourceOptions) -> None:
    """The network's workloads: svc-messaging on its stores, the others alike."""
    site = ground.site
    if site.settings.manages(Wave.MESSAGING):
        args = MessagingStackArgs(
            site=site,
            contents={**ground.contents, **stores.contents},
            wait_for=(*ground.before(MESSAGING.name), *stores.storage, *stores.database),
        )
        MessagingStack("messaging", args, opts=inside)
    if site.settings.manages(Wave.WORKLOADS):
        for shape in site.settings.workloads.values():
            if shape is not MESSAGING:
                args = WorkloadArgs(
                    site=site, shape=shape, contents=ground.contents, wait_for=ground.before(shape.name)
                )
                Workload(shape.name, args, opts=inside)


def _surroundings(ground: _Ground, stores: _Stores, inside: pulumi.ResourceOptions) -> None:
    """Public routes, edge, backup, alerts, DNS."""
    site = ground.site
    if site.settings.manages(Wave.INGRESS):
        IngressRoutes("ingress", IngressRoutesArgs(site=site), opts=inside)
    if site.settings.manages(Wave.EDGE) and site.settings.stack.edge.enabled:
        EdgeProxy("edge", EdgeProxyArgs(site=site), opts=inside)
    if site.settings.manages(Wave.BACKUP):
        backup = BackupJobArgs(
            site=site, contents=stores.contents, wait_for=(*ground.before("storage"), *stores.storage)
        )
        BackupJob("backup", backup, opts=inside)
    if site.settings.manages(Wave.MONITORING):
        MonitoringRules("monitoring", MonitoringRulesArgs(site=site), opts=inside)
    if site.settings.manages(Wave.DNS):
        DnsRecords("dns", DnsRecordsArgs(site=site))
