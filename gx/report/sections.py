"""What the report says beside the picture, as plain data for the page."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from catalogue import CATALOGUE
from catalogue.feature_gates import FeatureGate
from catalogue.managed_components import ManagedComponent
from common.alerts import Alert, duration
from common.errors import InputError
from common.plan import PROVIDERS, Plan, Resource
from common.pods import pod_groups
from common.quota import needs, show
from gx.adoption.adopt import AdoptionReport
from gx.adoption.view import item_lines
from gx.plan.purposes import COMPONENT_PURPOSE, KIND_PURPOSE, program_order
from gx.plan.render import apply_order, to_yaml
from rules.finding import Finding, Severity
from rules.quota import object_counts
from settings.monitoring.rules import groups
from settings.offline import offline_settings
from settings.project import networks
from settings.release import ABSENT, PLATFORM_IMAGES, Image, Release
from settings.settings import Settings
from settings.verified import read_verified

WHOLE = 100
REFUSED = "refused"
"""What stands in the place of an image of a network whose files the program refuses."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """An object on the page.

    Attributes:
        anchor: Its id on the page.
        kind: Its kind.
        name: Its name.
        namespace: Its namespace; empty for what has none.
        purpose: What it is for, in a few words.
        marks: What the engine does with it beside creating it.
        yaml: The object as Kubernetes gets it, secrets redacted.
    """

    anchor: str
    kind: str
    name: str
    namespace: str
    purpose: str
    marks: tuple[str, ...]
    yaml: str


@dataclass(frozen=True, kw_only=True)
class ReportSection:
    """A component with the objects directly below it."""

    title: str
    purpose: str
    objects: tuple[Shown, ...]


@dataclass(frozen=True, kw_only=True)
class QuotaLine:
    """One figure of the namespace's quota; shares are percent of what is allowed."""

    figure: str
    hard: str
    steady: str
    peak: str
    steady_share: int
    peak_share: int
    accepted: str


@dataclass(frozen=True, kw_only=True)
class AlertLine:
    """One alert with its number."""

    alert: Alert
    compares: str
    waits: str


@dataclass(frozen=True, kw_only=True)
class VersionLine:
    """The image of a workload on each network, and whether they differ."""

    name: str
    images: tuple[str, ...]
    differs: bool


@dataclass(frozen=True, kw_only=True)
class Versions:
    """What every network runs.

    Attributes:
        networks: Their names, in the order of promotion.
        lines: By workload, then by the program's own servers.
        hashes: By which each set is known.
        verified: When each set had passed every check; empty if it never has.
        failed: When each set failed since then; empty if it has not.
    """

    networks: tuple[str, ...]
    lines: tuple[VersionLine, ...]
    hashes: tuple[str, ...]
    verified: tuple[str, ...]
    failed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AdoptionLine:
    """What adoption does with one object."""

    key: str
    decision: str
    restarts: bool
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AdoptionView:
    """What adoption would change.

    Attributes:
        state: Where the network stands, in a sentence.
        lines: By object; empty where no cluster was looked at.
        orphans: Live objects that nobody plans.
        refusals: What must be settled first.
        components: Components that the stack manages, and those that it does not yet.
        feature_gates: Feature gates, enabled or not, with what they change.
    """

    state: str
    lines: tuple[AdoptionLine, ...]
    orphans: tuple[str, ...]
    refusals: tuple[str, ...]
    components: tuple[tuple[str, bool], ...]
    feature_gates: tuple[tuple[str, bool, str], ...]


def parts_of(plan: Plan) -> tuple[ReportSection, ...]:
    """Return the components of a Plan with their objects, in the order of the program."""
    return tuple(_parts(plan, "", "", _Anchors()))


class _Anchors:
    """Ids of a page: kind and name, with a number where two namespaces hold the same."""

    def __init__(self) -> None:
        self._used: dict[str, int] = {}

    def next(self, resource: Resource) -> str:
        anchor = resource.location
        self._used[anchor] = count = self._used.get(anchor, 0) + 1
        return anchor if count == 1 else f"{anchor}~{count}"


def _parts(plan: Plan, parent: str, path: str, anchors: _Anchors) -> Iterator[ReportSection]:
    children = plan.children(parent)
    for component in sorted((child for child in children if not child.custom), key=program_order):
        workload = CATALOGUE.get(component.name) if component.kind == "Workload" else None
        title = f"{path}{component.kind} {component.name}"
        own = [child for child in plan.children(component.urn) if _is_shown(child)]
        if own:
            yield ReportSection(
                title=title,
                purpose=workload.purpose if workload else COMPONENT_PURPOSE.get(component.kind, ""),
                objects=tuple(_shown(child, anchors) for child in sorted(own, key=apply_order)),
            )
        yield from _parts(plan, component.urn, f"{title} / ", anchors)


def _is_shown(resource: Resource) -> bool:
    return resource.custom and not resource.read and not resource.type.startswith(PROVIDERS)


def _shown(resource: Resource, anchors: _Anchors) -> Shown:
    options = resource.options
    marks = (
        ("protected", options.protect),
        ("stays when it is deleted here", options.retain_on_delete),
        (f"ignores changes of {', '.join(options.ignore_changes)}", bool(options.ignore_changes)),
        (f"import {options.import_id}", bool(options.import_id)),
    )
    return Shown(
        anchor=anchors.next(resource),
        kind=resource.kind,
        name=resource.object_name,
        namespace=resource.namespace,
        purpose=KIND_PURPOSE.get(resource.kind, ""),
        marks=tuple(text for text, holds in marks if holds),
        yaml=to_yaml(resource),
    )


def quota_of(plan: Plan) -> tuple[QuotaLine, ...]:
    """Return how much of the namespace's quota the Plan needs, all the time and at peak."""
    pods, counts = pod_groups(plan), object_counts(plan)
    return tuple(
        QuotaLine(
            figure=need.figure,
            hard=need.hard,
            steady=show(need.figure, need.steady),
            peak=show(need.figure, need.peak),
            steady_share=_share(need.steady, need.limit),
            peak_share=_share(need.peak, need.limit),
            accepted=plan.accepted_at_peak.get(need.figure, "") if need.peak > need.limit else "",
        )
        for quota in plan.of_kind("ResourceQuota")
        if quota.namespace == plan.namespace
        for need in needs(quota.spec["hard"], pods, counts)
    )


def _share(amount: Decimal, limit: Decimal) -> int:
    return int(amount * WHOLE / limit) if limit else WHOLE


def alerts_of(settings: Settings) -> tuple[tuple[str, tuple[AlertLine, ...]], ...]:
    """Return the alerts of a network by group; none where the stack does not manage them."""
    if not settings.manages(ManagedComponent.MONITORING):
        return ()
    return tuple(
        (group.name, tuple(_alert(alert) for alert in group.alerts)) for group in groups(settings) if group.alerts
    )


def _alert(alert: Alert) -> AlertLine:
    limit = alert.threshold
    compares = f"{'below' if limit.below else 'above'} {limit.text()} {limit.unit}" if limit else "as soon as it is so"
    return AlertLine(alert=alert, compares=compares, waits=duration(alert.seconds) if alert.seconds else "at once")


def versions_of(root: Path) -> Versions:
    """Return what every network of the project runs, as its release file says; one that is refused hides no other."""
    everything = {name: _settings(name, root) for name in networks(root)}
    names = _chain({name: one.stack.promotion.source if one else None for name, one in everything.items()})
    releases = [one.release if one else None for one in (everything[name] for name in names)]
    lines = [_version(name, [one and (one.workloads.get(name) or ABSENT) for one in releases]) for name in CATALOGUE]
    lines += [_version(name, [one and one.platform.get(name) for one in releases]) for name in PLATFORM_IMAGES]
    proofs = [_proof(name, one, root) for name, one in zip(names, releases, strict=True)]
    return Versions(
        networks=tuple(names),
        lines=tuple(lines),
        hashes=tuple(one.hash if one else REFUSED for one in releases),
        verified=tuple(verified for verified, _ in proofs),
        failed=tuple(failed for _, failed in proofs),
    )


def _settings(name: str, root: Path) -> Settings | None:
    try:
        return offline_settings(name, root, adopting=False)
    except InputError:
        return None


def _proof(name: str, release: Release | None, root: Path) -> tuple[str, str]:
    """Return when a network's set had passed every check, and when it failed since; empty where it never did."""
    try:
        record = read_verified(name, root)
    except InputError:
        return REFUSED, ""
    if record is None or release is None:
        return "", ""
    found, failure = record.of_hash(release.hash), record.failure(release.hash)
    return (
        f"{found.verified:%Y-%m-%d %H:%M}" if found else "",
        f"{failure.failed:%Y-%m-%d %H:%M}" if failure else "",
    )


def _chain(sources: Mapping[str, str | None]) -> list[str]:
    """Return networks, each after the one that its versions come from."""
    waiting = dict(sources)
    order: list[str] = []
    while waiting:
        ready = [name for name, source in waiting.items() if source not in waiting] or list(waiting)
        order += ready
        waiting = {name: source for name, source in waiting.items() if name not in ready}
    return order


def _version(name: str, images: Sequence[Image | str | None]) -> VersionLine:
    shown = tuple(_image(image, name) for image in images)
    return VersionLine(name=name, images=shown, differs=len(set(shown)) > 1)


def _image(image: Image | str | None, name: str) -> str:
    if not isinstance(image, Image):
        return image or REFUSED
    repository = image.repository or name
    digest = f" {image.digest[7:19]}" if image.digest else ""
    return f"{'' if repository == name else f'{repository} '}{image.tag}{digest}"


def adoption_of(settings: Settings, found: AdoptionReport | None) -> AdoptionView:
    """Return what adoption would change.

    Args:
        settings: Its settings.
        found: What a comparison with the live network says, or None where no cluster was looked at.
    """
    return AdoptionView(
        state=_state(settings, found),
        lines=tuple(
            AdoptionLine(
                key=item.key, decision=item.decision.value, restarts=item.restarts, lines=tuple(item_lines(item))
            )
            for item in (found.items if found else ())
        ),
        orphans=found.orphans if found else (),
        refusals=tuple(f"{r.name}: {r.text}; fix: {r.fix}" for r in found.refusals) if found else (),
        components=tuple((component.value, settings.manages(component)) for component in ManagedComponent),
        feature_gates=tuple((gate.value, settings.has(gate), gate.text) for gate in FeatureGate),
    )


def _state(settings: Settings, found: AdoptionReport | None) -> str:
    if found is not None:
        imported = len(found.imports)
        return f"Compared with the live network: {imported} of {len(found.items)} objects exist; they are taken over."
    if settings.stack.adopt:
        return "AdoptionReport is under way: what lives is taken over, DNS records are imported by their ids."
    name = settings.network.name
    return (
        "No cluster was looked at, and no import ids apply. What would change on live objects: "
        f"gx preview {name} --html FILE --context CONTEXT, or gx adopt {name} --context CONTEXT."
    )


def counted(findings: Sequence[Finding]) -> Mapping[str, int]:
    """Return how many findings there are of each severity."""
    counts = Counter(finding.severity for finding in findings)
    return {severity.value: counts[severity] for severity in Severity}
