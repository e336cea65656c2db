"""Checks over a Plan: plain functions, one module per family."""

from collections.abc import Callable, Iterator, Sequence

from gx.checks.backup import check_backup
from gx.checks.finding import Finding, Severity
from gx.checks.isolation import check_foreign_names, check_imports, check_shared, check_unknown
from gx.checks.quota import check_limit_range, check_quota
from gx.checks.reachability import check_reachability
from gx.checks.references import check_references
from gx.checks.schema import check_schema
from gx.checks.security import check_containers, check_digests, check_pod_security, check_secrets
from gx.checks.traffic import check_annotations, check_issuer, check_names, check_precedence, check_routes
from gx.plan.model import Plan

CHECKS: tuple[Callable[[Plan], Iterator[Finding]], ...] = (
    check_schema,
    check_references,
    check_quota,
    check_limit_range,
    check_pod_security,
    check_containers,
    check_digests,
    check_secrets,
    check_shared,
    check_imports,
    check_unknown,
    check_reachability,
    check_annotations,
    check_issuer,
    check_routes,
    check_precedence,
    check_names,
    check_backup,
)
_ORDER = list(Severity)


def run_checks(plan: Plan, other_networks: Sequence[str]) -> list[Finding]:
    """Return everything that the checks say about a Plan, errors first, then notes of the settings."""
    findings = [finding for check in CHECKS for finding in check(plan)]
    findings += check_foreign_names(plan, other_networks)
    findings += [
        Finding(check="settings", place=note.place, text=note.text, severity=Severity.NOTE) for note in plan.notes
    ]
    return sorted(findings, key=lambda finding: _ORDER.index(finding.severity))
