"""A managed component that the network's folder records as adopted stays in the stack."""

from collections.abc import Iterator, Mapping

from gx.checks.finding import Finding
from gx.plan.model import Plan
from gx.settings.project import adoption_file
from gx.steps import Wave

COMPONENTS: Mapping[Wave, str] = {
    Wave.ENVIRONMENT: "gx:platform:Environment",
    Wave.STORAGE: "gx:storage:MinioStorage",
    Wave.DATABASE: "gx:database:Database",
    Wave.MESSAGING: "gx:messaging:MessagingStack",
    Wave.WORKLOADS: "gx:workload:Workload",
    Wave.NETWORK_POLICIES: "gx:traffic:NetworkPolicies",
    Wave.INGRESS: "gx:traffic:IngressRoutes",
    Wave.EDGE: "gx:traffic:EdgeProxy",
    Wave.BACKUP: "gx:storage:BackupJob",
    Wave.MONITORING: "gx:monitoring:MonitoringRules",
    Wave.DNS: "gx:traffic:DnsRecords",
}


def check_components(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for an adopted component that is not planned any more: `up` would delete all of its objects.

    Only what is planned can be seen, never what is deleted: neither a Plan nor a policy is shown the old state.
    """
    planned = {resource.urn.split("::")[2] for resource in plan.resources}  # with the types of parents: below none
    for wave in plan.adopted:
        if COMPONENTS[Wave(wave)] not in planned:
            text = (
                f"is adopted and planned no more: `pulumi up` would delete its objects; {adoption_file(plan.network)}"
            )
            yield Finding(check="components", place=f"component {wave}", text=f"{text} records it")
