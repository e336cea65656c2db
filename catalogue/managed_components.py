"""The components that a stack can manage, in the order in which a network is adopted."""

from enum import StrEnum, unique


@unique
class ManagedComponent(StrEnum):
    """A component that the stack manages. Adoption enables them one after another (takeover.md 2).

    The list of a stack only ever grows: a component that leaves it would be deleted by the next `up`. On a network that
    was made by hand the settings refuse that, by the record in `networks/<network>/adoption.yaml`.
    """

    ENVIRONMENT = "environment"
    STORAGE = "storage"
    DATABASE = "database"
    MESSAGING = "messaging"
    WORKLOADS = "workloads"
    NETWORK_POLICIES = "network-policies"
    INGRESS = "ingress"
    EDGE = "edge"
    BACKUP = "backup"
    MONITORING = "monitoring"
    DNS = "dns"
