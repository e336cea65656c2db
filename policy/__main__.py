"""The CrossGuard pack: `pulumi up --policy-pack policy`. Each rule of rules/ is one policy."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
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

from common.plan import Plan
from common.values import Unknown
from rules import RULES, run_checks
from rules.finding import Finding, Severity
from rules.isolation import check_unknown
from rules.rule import Rule
from rules.stacks import STACK, ContextError, Registered, plan_of_stack

Validate = Callable[[StackValidationArgs, ReportViolation], None]
UNCHECKED = (
    "the run hands over no gx:policy:Context that can be read; no rule was applied; "
    "fix: run the program and the policy pack of one revision"
)


def plain(value: Any) -> Any:
    """Return a value of the engine as plain data: null is absent, what is not known yet says so."""
    if isinstance(value, Mapping):
        return {key: known for key in value if (known := _known(value, key)) is not None}
    if isinstance(value, float) and value.is_integer():
        return int(value)
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
        below = one.parent is None or one.parent.resource_type == STACK
        yield Registered(
            urn=one.urn,
            type=one.resource_type,
            name=one.name,
            parent="" if below else one.parent.urn,
            props=plain(one.props),
            protect=bool(one.opts.protect),
        )


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What the engine has shown, and what became of it.

    Attributes:
        shown: The resources.
        plan: The Plan that they make; None where the rules lack what the run should hand over.
        shaped: Whether the shape of every object is known; else the rule "unknown" says so, and no other is applied.
    """

    shown: list[Registered]
    plan: Plan | None
    shaped: bool


def stack_of(args: StackValidationArgs, last: list[Stack] = []) -> Stack:  # noqa: B006 keeps the last one
    """Return the stack of a run. Every policy gets the same resources once more: the last stack is kept."""
    shown = list(registered(args.resources))
    if not last or last[0].shown != shown:
        try:
            plan = plan_of_stack(shown)
        except ContextError:
            plan = None
        last[:] = [Stack(shown=shown, plan=plan, shaped=plan is not None and not any(check_unknown(plan)))]
    return last[0]


def urn_of(finding: Finding, plan: Plan) -> str | None:
    """Return the urn of the object that a finding is about; None where it is about none."""
    place = "/".join(finding.location.split("/")[:2])
    return next((resource.urn for resource in plan.resources if resource.location == place), None)


def findings(policy: Rule, stack: Stack) -> Iterator[tuple[Finding, str | None]]:
    """Yield what a rule says about a stack, with the urn of the object where there is one."""
    if stack.plan is None or not (stack.shaped or policy is check_unknown):
        return
    for finding in policy(stack.plan):
        yield finding, urn_of(finding, stack.plan)


def validate(policy: Rule, args: StackValidationArgs, report: ReportViolation) -> None:
    """Report what a rule calls an error."""
    for finding, urn in findings(policy, stack_of(args)):
        if finding.severity is Severity.ERROR:
            report(f"{finding.location}: {finding.text}. {policy.reason} {policy.remedy}", urn)


def advise(args: StackValidationArgs, report: ReportViolation) -> None:
    """Report every warning: of the rules, and of the settings that the run hands over."""
    stack = stack_of(args)
    for finding in run_checks(stack.plan) if stack.plan is not None and stack.shaped else ():
        if finding.severity is Severity.WARNING:
            report(f"{finding.check}: {finding.location}: {finding.text}", urn_of(finding, stack.plan))


def handed_over(args: StackValidationArgs, report: ReportViolation) -> None:
    """Report a run that does not hand over what the rules need."""
    if stack_of(args).plan is None:
        report(UNCHECKED, None)


def policies() -> list[StackValidationPolicy]:
    """Return every policy of the pack."""
    return [
        StackValidationPolicy(
            name="context",
            description="Without it the other rules cannot be applied.",
            validate=handed_over,
            enforcement_level=EnforcementLevel.MANDATORY,
            severity=PackSeverity.HIGH,
        ),
        *(
            StackValidationPolicy(
                name=policy.name,
                description=policy.reason,
                validate=partial(validate, policy),
                enforcement_level=EnforcementLevel.MANDATORY,
                severity=PackSeverity.HIGH,
                remediation_steps=policy.remedy,
            )
            for policy in RULES
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
