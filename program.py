"""The program: what one network consists of, in the order in which a reader would ask."""

import pulumi

from components.backup_job import BackupJob
from components.cluster import Cluster
from components.connections import Connections
from components.database import Database
from components.dns_records import DnsRecords
from components.environment import Environment
from components.ingress_routes import IngressRoutes
from components.messaging_stack import MessagingStack, MessagingStackArgs
from components.minio_storage import MinioStorage
from components.monitoring_rules import MonitoringRules
from components.network_policies import NetworkPolicies
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
    cluster = Cluster("cluster", settings)
    site, inside = cluster.site, pulumi.ResourceOptions(providers=[cluster.provider])

    ready: tuple[pulumi.Resource, ...] = ()
    inputs: dict[str, pulumi.Input[str]] = {}
    if settings.manages(Wave.ENVIRONMENT):
        environment = Environment("environment", site, opts=inside)
        site = environment.site
        connections = Connections("connections", site, opts=inside)
        ready = (*environment.shared.ready, connections.secret)
        inputs = {**environment.shared.backend_config, **connections.urls}
    if settings.manages(Wave.NETWORK_POLICIES):
        ready = (*ready, *NetworkPolicies("network-policies", site, opts=inside).ready)

    stands_on = ready
    if settings.manages(Wave.STORAGE):
        stands_on = (*stands_on, MinioStorage("storage", site, wait_for=ready, opts=inside).provisioned)
    if settings.manages(Wave.DATABASE):
        stands_on = (*stands_on, Database("database", site, wait_for=ready, opts=inside).schema)
    if settings.manages(Wave.MESSAGING):
        MessagingStack("messaging", site, MessagingStackArgs(inputs=inputs, wait_for=stands_on), opts=inside)
    if settings.manages(Wave.WORKLOADS):
        for shape in CATALOGUE.values():
            if shape is not MESSAGING:
                Workload(shape.name, site, WorkloadArgs(shape=shape, inputs=inputs, wait_for=ready), opts=inside)

    if settings.manages(Wave.INGRESS):
        IngressRoutes("ingress", site, opts=inside)
    if settings.manages(Wave.BACKUP):
        BackupJob("backup", site, wait_for=stands_on, opts=inside)
    if settings.manages(Wave.MONITORING):
        MonitoringRules("monitoring", site, opts=inside)
    if settings.manages(Wave.DNS):
        DnsRecords("dns", site)
    return outputs_of(settings)
