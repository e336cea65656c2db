"""The CrossGuard pack: `pulumi up --policy-pack policy`. Each rule of gx/checks/policies.py is one policy."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy import Severity as PackSeverity
from pulumi_policy.proxy import UnknownValueError

from gx.checks.finding import Finding, Severity
from gx.checks.policies import POLICIES, Policy
from gx.checks.stacks import Registered, plan_of_stack
from gx.plan.model import Plan
from gx.plan.record import record
from gx.plan.values import Unknown

ROOT = Path(__file__).resolve().parents[1]
Validate = Callable[[StackValidationArgs, ReportViolation], None]


@cache
def context(stack: str) -> Plan:
    """Return the recorded Plan of a stack: what the rules must know beside the resources."""
    return record(stack, root=ROOT)


def plain(value: Any) -> Any:
    """Return a value of the engine as plain data; what is not known yet says so."""
    if isinstance(value, Mapping):
        return {key: _known(value, key) for key in value}
    if isinstance(value, str) or not hasattr(value, "__getitem__"):
        return value
    return [_known(value, index) for index in range(len(value))]


def _known(container: Any, key: Any) -> Any:
    try:
        return plain(container[key])
    except UnknownValueError:
        return Unknown()


def registered(resources: list[PolicyResource]) -> Iterator[Registered]:
    """Yield the resources of a stack as the rules take them."""
    for one in resources:
        props = plain(one.props)
        yield Registered(
            urn=one.urn, type=one.resource_type, name=one.name, props=props, protect=bool(one.opts.protect)
        )


def plan_of(args: StackValidationArgs) -> Plan:
    """Return the Plan that the engine's resources make."""
    stack = next(one.urn.split(":")[2] for one in args.resources)
    return plan_of_stack(context(stack), registered(args.resources))


def findings(policy: Policy, plan: Plan) -> Iterator[tuple[Finding, str]]:
    """Yield what a rule says about a stack, with the urn of the object where there is one."""
    urns = {resource.place: resource.urn for resource in plan.resources}
    for finding in policy.judge(plan):
        yield finding, urns.get("/".join(finding.place.split("/")[:2]), "")


def validate(policy: Policy, args: StackValidationArgs, report: ReportViolation) -> None:
    """Report what a rule calls an error."""
    for finding, urn in findings(policy, plan_of(args)):
        if finding.severity is Severity.ERROR:
            report(f"{finding.place}: {finding.text}. {policy.reason} {policy.remedy}", urn or None)


def advise(args: StackValidationArgs, report: ReportViolation) -> None:
    """Report what any rule calls a warning."""
    plan = plan_of(args)
    for policy in POLICIES:
        for finding, urn in findings(policy, plan):
            if finding.severity is Severity.WARNING:
                report(f"{policy.name}: {finding.place}: {finding.text}", urn or None)


def policies() -> list[StackValidationPolicy]:
    """Return every policy of the pack."""
    return [
        *(
            StackValidationPolicy(
                name=policy.name,
                description=policy.reason,
                validate=partial(validate, policy),
                enforcement_level=EnforcementLevel.MANDATORY,
                severity=PackSeverity.HIGH,
                remediation_steps=policy.remedy,
            )
            for policy in POLICIES
        ),
        StackValidationPolicy(
            name="advice",
            description="What is accepted today and better tomorrow.",
            validate=advise,
            enforcement_level=EnforcementLevel.ADVISORY,
            severity=PackSeverity.LOW,
        ),
    ]


if __name__ == "__main__":
    PolicyPack(name="gx-infra", policies=list(policies()))
