"""Rules over a Plan: plain functions, one module per subject, each registered beside its function."""

from common.plan import Plan
from rules import (
    backup,
    components,
    cut_off,
    disruption,
    guards,
    isolation,
    quota,
    references,
    schema,
    security,
    traffic,
)
from rules.finding import Finding, Severity
from rules.rule import Rule

_SUBJECTS = (
    schema,
    references,
    quota,
    security,
    disruption,
    guards,
    components,
    isolation,
    cut_off,
    traffic,
    backup,
)
RULES = tuple(one for subject in _SUBJECTS for one in vars(subject).values() if isinstance(one, Rule))
"""Every rule, in the order of its subject and there of its function."""
_ORDER = list(Severity)


def run_checks(plan: Plan) -> list[Finding]:
    """Return everything that the rules say about a Plan, errors first, then notes of the settings."""
    findings = [finding for rule in RULES for finding in rule(plan)]
    findings += [
        Finding(
            check="settings",
            location=note.location,
            text=note.text,
            severity=Severity.WARNING if note.warning else Severity.NOTE,
        )
        for note in plan.notes
    ]
    return sorted(findings, key=lambda finding: _ORDER.index(finding.severity))
