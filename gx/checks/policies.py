"""The rules that every network keeps: one list, for a Plan, for a stack that the engine runs, for a live cluster."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gx.checks.backup import check_backup
from gx.checks.components import check_components
from gx.checks.disruption import check_disruption
from gx.checks.finding import Finding
from gx.checks.guards import (
    check_default_deny,
    check_dns,
    check_guards,
    check_labels,
    check_provider,
    check_registries,
    check_test_data,
)
from gx.checks.isolation import check_foreign_names, check_imports, check_live_only, check_shared, check_unknown
from gx.checks.quota import check_limit_range, check_quota
from gx.checks.reachability import check_old_policies, check_reachability
from gx.checks.references import check_references
from gx.checks.schema import check_schema
from gx.checks.security import check_containers, check_digests, check_pod_security, check_secrets
from gx.checks.traffic import check_annotations, check_issuer, check_names, check_precedence, check_routes
from gx.plan.model import Plan


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One rule. How bad a finding is, the rule itself says: an error, a warning or a note.

    Attributes:
        name: Its name in reports and waivers.
        judge: Yields what is wrong.
        reason: What happens where it is broken.
        remedy: What to do then.
        live: Whether it also holds for objects as they are in a cluster, where registrations are not known.
    """

    name: str
    judge: Callable[[Plan], Iterator[Finding]]
    reason: str
    remedy: str
    live: bool = False


POLICIES: tuple[Policy, ...] = (
    Policy(
        name="schema",
        judge=check_schema,
        reason="The API server refuses a field that it does not know, half-way through an `up`.",
        remedy="Correct the field in the component that writes it.",
    ),
    Policy(
        name="references",
        judge=check_references,
        reason="A pod that names a Secret, key, claim or account that is not there never starts.",
        remedy="Name what exists, or declare it under externals in gx/neighbours.py.",
    ),
    Policy(
        name="quota",
        judge=check_quota,
        reason="At the quota Kubernetes refuses new pods: a rollout hangs.",
        remedy="Raise the figure in the stack file, or ask for less.",
    ),
    Policy(
        name="limit-range",
        judge=check_limit_range,
        reason="The LimitRange refuses the pod.",
        remedy="Move the container's figures between its minimum and maximum.",
        live=True,
    ),
    Policy(
        name="pod-security",
        judge=check_pod_security,
        reason="A pod that is broken into owns its node.",
        remedy="Take the pod's context from components/pods.py; an exception needs a reason and a runbook.",
        live=True,
    ),
    Policy(
        name="containers",
        judge=check_containers,
        reason="Without requests, limits and probes a pod starves its neighbours, or gets traffic before it can serve.",
        remedy="Give figures in the stack file and probes in the catalogue.",
        live=True,
    ),
    Policy(
        name="disruption",
        judge=check_disruption,
        reason="Draining one node takes a whole service down, or never ends.",
        remedy="Give it a PodDisruptionBudget with maxUnavailable 1 and spread its pods; see components/workload.py.",
    ),
    Policy(
        name="images",
        judge=check_digests,
        reason="Who can push to a tag can change what runs.",
        remedy="Write the digest into the release file once the registry has been asked.",
        live=True,
    ),
    Policy(
        name="registries",
        judge=check_registries,
        reason="Another registry may be away, or serve other bits.",
        remedy="Push the image into the cluster's registry first.",
        live=True,
    ),
    Policy(
        name="guards",
        judge=check_guards,
        reason="What holds data could be deleted by a mistake in a list.",
        remedy="Let gx/lifecycle.py decide: protect and retain.",
    ),
    Policy(
        name="components",
        judge=check_components,
        reason="One line less in a list, or in the program, deletes a whole component of a live network.",
        remedy="Put it back. To give it up, take it out of that record first, in a change of its own.",
    ),
    Policy(
        name="test-data",
        judge=check_test_data,
        reason="Known addresses with a known password on a network with real users.",
        remedy="Set testUsers to false.",
        live=True,
    ),
    Policy(
        name="labels",
        judge=check_labels,
        reason="Alerts, policies and people find objects by these labels.",
        remedy="Build the metadata with Site.metadata.",
    ),
    Policy(
        name="secrets",
        judge=check_secrets,
        reason="What is no Secret is readable by everybody who may look.",
        remedy="Put the value into a Secret and refer to it.",
    ),
    Policy(
        name="isolation",
        judge=check_shared,
        reason="Two stacks would fight over one object.",
        remedy="Give what lies outside the namespace the network's name.",
    ),
    Policy(
        name="foreign-names",
        judge=check_foreign_names,
        reason="A service of one network would work on another's data, or look for a pod that has moved.",
        remedy="Derive the name from the network; reach pods through a Service.",
        live=True,
    ),
    Policy(
        name="default-deny",
        judge=check_default_deny,
        reason="Policies only add up: without a deny everything else stays allowed.",
        remedy="Keep the component NetworkPolicies whole.",
        live=True,
    ),
    Policy(
        name="reachability",
        judge=check_reachability,
        reason="A service cannot reach what it needs, or somebody reaches what he must not.",
        remedy="See `gx reach`; flows come from the catalogue.",
    ),
    Policy(
        name="old-policies",
        judge=check_old_policies,
        reason="Policies only add up: what one of them allows, no default deny can deny.",
        remedy="Look at what uses them (`gx reach --context C --observe`), then take the step retire-old-policies.",
    ),
    Policy(
        name="provider",
        judge=check_provider,
        reason="The provider would replace what it should change in place.",
        remedy="Take the provider of components/cluster.py.",
    ),
    Policy(
        name="dns",
        judge=check_dns,
        reason="A record that leads elsewhere serves nobody, or production's users a test network.",
        remedy="Take addresses from the stack's own nodes.",
    ),
    Policy(
        name="adoption",
        judge=check_imports,
        reason="A live object would stay beside a new one.",
        remedy="Run `gx adopt` again.",
    ),
    Policy(
        name="live-only",
        judge=check_live_only,
        reason="A preview shows what the program changes, not what only the live object has and loses besides.",
        remedy="Plan the field, or remove it on purpose: `gx prune`. `gx adopt --write` reads it again.",
    ),
    Policy(
        name="unknown",
        judge=check_unknown,
        reason="A preview could not say what is touched.",
        remedy="Use fixed names.",
    ),
    Policy(
        name="annotations",
        judge=check_annotations,
        reason="The controller ignores it: what it should do does not happen.",
        remedy="See gx/ingress.py for what each controller honours.",
        live=True,
    ),
    Policy(
        name="issuer",
        judge=check_issuer,
        reason="Browsers refuse a certificate of a test authority.",
        remedy="Set ingress.issuer to letsencrypt-prod.",
        live=True,
    ),
    Policy(
        name="routes",
        judge=check_routes,
        reason="A public path leads nowhere.",
        remedy="Give the Service a port with the target http.",
    ),
    Policy(
        name="precedence",
        judge=check_precedence,
        reason="Two paths tie, and chance decides which service answers.",
        remedy="Make one of them longer.",
        live=True,
    ),
    Policy(
        name="names",
        judge=check_names,
        reason="The wallet, DNS, certificates and CORS must agree on one host.",
        remedy="Let all of them derive from the network.",
    ),
    Policy(
        name="backup",
        judge=check_backup,
        reason="Source and copy on one disk are lost together.",
        remedy="Set backup.offsite.",
        live=True,
    ),
)
