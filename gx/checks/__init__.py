"""Checks over a Plan: plain functions, one module per family, and the one list of them."""

from gx.checks.finding import Finding, Severity
from gx.checks.policies import POLICIES
from gx.plan.model import Plan

_ORDER = list(Severity)


def run_checks(plan: Plan) -> list[Finding]:
    """Return everything that the policies say about a Plan, errors first, then notes of the settings."""
    findings = [finding for policy in POLICIES for finding in policy.judge(plan)]
    findings += [
        Finding(check="settings", place=note.place, text=note.text, severity=Severity.NOTE) for note in plan.notes
    ]
    return sorted(findings, key=lambda finding: _ORDER.index(finding.severity))
