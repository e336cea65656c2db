"""A managed component that the network's folder records as adopted stays in the stack."""

from collections.abc import Iterator, Mapping

from common.plan import Plan
from rules.finding import Finding
from rules.rule import rule

COMPONENTS: Mapping[str, str] = {
    "environment": "gx:platform:Environment",
    "storage": "gx:storage:MinioStorage",
    "database": "gx:database:Database",
    "messaging": "gx:messaging:MessagingStack",
    "workloads": "gx:workload:Workload",
    "network-policies": "gx:traffic:NetworkPolicies",
    "ingress": "gx:traffic:IngressRoutes",
    "edge": "gx:traffic:EdgeProxy",
    "backup": "gx:storage:BackupJob",
    "monitoring": "gx:monitoring:MonitoringRules",
    "dns": "gx:traffic:DnsRecords",
}
"""The type of each managed component."""


@rule(
    "components",
    reason="One line less in a list, or in the program, deletes a whole component of a live network.",
    remedy="Put it back. To give it up, take it out of that record first, in a change of its own.",
)
def check_components(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for an adopted component that is not planned any more: `up` would delete all of its objects.

    Only what is planned can be seen, never what is deleted: neither a Plan nor a policy is shown the old state.
    """
    planned = {resource.urn.split("::")[2] for resource in plan.resources}  # with the types of parents: below none
    for name in plan.adopted:
        if COMPONENTS[name] not in planned:
            text = "is adopted and planned no more: `pulumi up` would delete its objects"
            record = f"networks/{plan.network}/adoption.yaml records it"
            yield Finding(location=f"component {name}", text=f"{text}; {record}")
