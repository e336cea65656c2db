"""The program: what one network consists of, in the order in which a reader would ask."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components.backup_job import BackupJob, BackupJobArgs
from components.base import Site
from components.cluster import Cluster, ClusterArgs
from components.connections import Connections, ConnectionsArgs
from components.database import Database, DatabaseArgs
from components.dns_records import DnsRecords, DnsRecordsArgs
from components.environment import Environment, EnvironmentArgs
from components.ingress_routes import IngressRoutes, IngressRoutesArgs
from components.messaging_stack import MessagingStack, MessagingStackArgs
from components.minio_storage import MinioStorage, MinioStorageArgs
from components.monitoring_rules import MonitoringRules, MonitoringRulesArgs
from components.network_policies import NetworkPolicies, NetworkPoliciesArgs
from components.workload import Workload, WorkloadArgs
from gx.capacity import check_capacity
from gx.catalogue import CATALOGUE, MESSAGING
from gx.outputs import Outputs, outputs_of
from gx.settings.settings import Settings
from gx.steps import Wave


def build(settings: Settings) -> Outputs:
    """Register everything that a network consists of and return the stack's outputs.

    The same call serves `pulumi up`, the recorder and the local engine. It reads no configuration, environment,
    clock or network of its own.

    Raises:
        InputError: The quota does not hold what the settings ask for. Nothing was registered.
    """
    check_capacity(settings)
    cluster = Cluster("cluster", ClusterArgs(settings=settings))
    inside = pulumi.ResourceOptions(providers=[cluster.provider])
    ground = _ground(cluster.site, inside)
    stores = _stores(ground, inside)
    _services(ground, stores, inside)
    _surroundings(ground.site, stores, inside)
    return outputs_of(settings)


@dataclass(frozen=True, kw_only=True)
class _Ground:
    """What every pod needs before it starts: the site, objects that must exist, contents that roll pods."""

    site: Site
    ready: tuple[pulumi.Resource, ...] = ()
    policies: NetworkPolicies | None = None
    inputs: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])

    def before(self, name: str) -> tuple[pulumi.Resource, ...]:
        """Return what must exist before the pods of a workload, "storage" or "database" start."""
        return (*self.ready, *(self.policies.needed_by(name) if self.policies else ()))


def _ground(site: Site, inside: pulumi.ResourceOptions) -> _Ground:
    """Namespace, limits, accounts, shared configuration, policies, connection URLs."""
    ready: tuple[pulumi.Resource, ...] = ()
    policies: NetworkPolicies | None = None
    inputs: dict[str, pulumi.Input[str]] = {}
    if site.settings.manages(Wave.ENVIRONMENT):
        environment = Environment("environment", EnvironmentArgs(site=site), opts=inside)
        site, ready = environment.site, environment.shared.ready
        inputs.update(environment.shared.backend_config)
    if site.settings.manages(Wave.NETWORK_POLICIES):
        policies = NetworkPolicies("network-policies", NetworkPoliciesArgs(site=site), opts=inside)
    if site.settings.manages(Wave.MESSAGING) or site.settings.manages(Wave.WORKLOADS):
        connections = Connections("connections", ConnectionsArgs(site=site), opts=inside)
        ready = (*ready, connections.secret)
        inputs.update(connections.urls)
    return _Ground(site=site, ready=ready, policies=policies, inputs=inputs)


def _stores(ground: _Ground, inside: pulumi.ResourceOptions) -> tuple[pulumi.Resource, ...]:
    """Object store and database schema; returns what svc-messaging and the backup wait for."""
    site, done = ground.site, ground.ready
    if site.settings.manages(Wave.STORAGE):
        args = MinioStorageArgs(site=site, wait_for=ground.before("storage"))
        done = (*done, MinioStorage("storage", args, opts=inside).provisioned)
    if site.settings.manages(Wave.DATABASE):
        args = DatabaseArgs(site=site, wait_for=ground.before("database"))
        done = (*done, Database("database", args, opts=inside).schema)
    return done


def _services(ground: _Ground, stores: tuple[pulumi.Resource, ...], inside: pulumi.ResourceOptions) -> None:
    """The eleven workloads: svc-messaging on its stores, the other ten alike."""
    site = ground.site
    if site.settings.manages(Wave.MESSAGING):
        args = MessagingStackArgs(site=site, inputs=ground.inputs, wait_for=(*stores, *ground.before(MESSAGING.name)))
        MessagingStack("messaging", args, opts=inside)
    if site.settings.manages(Wave.WORKLOADS):
        for shape in CATALOGUE.values():
            if shape is not MESSAGING:
                args = WorkloadArgs(site=site, shape=shape, inputs=ground.inputs, wait_for=ground.before(shape.name))
                Workload(shape.name, args, opts=inside)


def _surroundings(site: Site, stores: tuple[pulumi.Resource, ...], inside: pulumi.ResourceOptions) -> None:
    """Public routes, backup, alerts, DNS."""
    if site.settings.manages(Wave.INGRESS):
        IngressRoutes("ingress", IngressRoutesArgs(site=site), opts=inside)
    if site.settings.manages(Wave.BACKUP):
        BackupJob("backup", BackupJobArgs(site=site, wait_for=stores), opts=inside)
    if site.settings.manages(Wave.MONITORING):
        MonitoringRules("monitoring", MonitoringRulesArgs(site=site), opts=inside)
    if site.settings.manages(Wave.DNS):
        DnsRecords("dns", DnsRecordsArgs(site=site))
