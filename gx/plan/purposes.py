"""What components and objects are for, in a few words, and the order in which they are shown."""

from catalogue import CATALOGUE
from common.plan import Resource

COMPONENT_PURPOSE = {
    "Cluster": "checks the cluster",
    "Environment": "namespace and limits",
    "Connections": "URLs with passwords",
    "NetworkPolicies": "who reaches whom",
    "MinioStorage": "voice and files",
    "Database": "schema and countries",
    "MessagingStack": "the messaging service",
    "Workload": "a service",
    "HashedJob": "runs once",
    "IngressRoutes": "hosts and paths",
    "EdgeProxy": "ports 80 and 443",
    "BackupJob": "copy of the bucket",
    "MonitoringRules": "alerts",
    "DnsRecords": "public names",
    "Context": "what the rules must know",
}
KIND_PURPOSE = {
    "Namespace": "holds the network",
    "ResourceQuota": "bounds the namespace",
    "LimitRange": "bounds each container",
    "ServiceAccount": "identity without token",
    "Secret": "keys and passwords",
    "ConfigMap": "settings and scripts",
    "PrometheusRule": "alerts",
    "PersistentVolumeClaim": "disk for data",
    "NetworkPolicy": "allowed traffic",
    "Service": "stable address",
    "StatefulSet": "server with data",
    "Deployment": "pods that serve",
    "DaemonSet": "one pod per node",
    "Job": "runs once",
    "CronJob": "runs on schedule",
    "HorizontalPodAutoscaler": "scales with load",
    "PodDisruptionBudget": "keeps pods up",
    "Ingress": "public routes",
    "DnsRecord": "address of host",
    "RandomPassword": "generated value",
}


def program_order(component: Resource) -> tuple[int, int, str]:
    """Return the sort key of a component: registrations arrive in any order, the program names them in one."""
    kinds, workloads = list(COMPONENT_PURPOSE), list(CATALOGUE)
    kind = kinds.index(component.kind) if component.kind in kinds else len(kinds)
    return kind, workloads.index(component.name) if component.name in workloads else len(workloads), component.name
