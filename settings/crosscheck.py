"""Rules between settings: each one names file, key, value, consequence and fix (bad input ends with exit code 2)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from catalogue import CATALOGUE, EVERYWHERE
from catalogue.external_workloads import EXTERNAL_WORKLOADS
from catalogue.secrets import GENERATED
from catalogue.workload_spec import Role, ServiceUrl
from common.errors import InputError, shown
from settings.adoption_rules import ADOPTION_RULES
from settings.isolation_rules import NODE_RULES, TEXT_RULES
from settings.monitoring_rules import MONITORING_RULES
from settings.project import release_file, stack_file
from settings.promotion_rules import PROMOTION_RULES, promotion_gate
from settings.rule import Case, Rule, problem_of
from settings.settings import Settings
from settings.storage_rules import STORAGE_RULES
from settings.traffic_rules import TRAFFIC_RULES
from settings.variable_rules import VARIABLE_RULES

PRODUCTION_STACK = "mainnet"
_NETWORK = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LONGEST_LABEL = 63


def cross_check(settings: Settings, others: Sequence[str], root: Path, *, gated: bool = True) -> None:
    """Raise the first broken rule between settings.

    Args:
        settings: The settings of one network.
        others: The names of all other networks.
        root: The project's folder.
        gated: Whether the gate between networks counts; what writes another set must not be held by the old one.

    Raises:
        InputError: A rule is broken.
    """
    for rule in RULES if gated else (rule for rule in RULES if rule is not promotion_gate):
        for problem in rule(Case(settings, others, root)):
            raise problem


def _name(case: Case) -> Iterator[InputError]:
    """The stack's name becomes a namespace, a host and a label."""
    name, namespace = case.settings.network.name, case.settings.network.namespace
    if _NETWORK.fullmatch(name) is None or len(namespace) > _LONGEST_LABEL:
        yield InputError(
            file=stack_file(name),
            key="the stack's name",
            value=shown(name),
            consequence="is no name of a namespace and a host: Kubernetes and DNS refuse it",
            fix=f"take a-z, 0-9 and inner '-', a letter first, at most {_LONGEST_LABEL - len(namespace) + len(name)}",
        )


def _environment(case: Case) -> Iterator[InputError]:
    settings = case.settings
    production = settings.stack.production
    if settings.network.name == PRODUCTION_STACK and not production:
        yield problem_of(
            settings,
            "environment",
            settings.stack.environment.value,
            f"{PRODUCTION_STACK} would lose the guards of production",
            "write production",
        )
    if production and settings.stack.test_users:
        yield problem_of(
            settings,
            "testUsers",
            True,  # noqa: FBT003 the value that is shown
            "test accounts with known addresses on a production network",
            "set it to false; test data belongs on the other networks",
        )


def _workloads(case: Case) -> Iterator[InputError]:
    settings = case.settings
    given = settings.stack.workloads
    for name in settings.workloads:
        if name not in given:
            yield problem_of(
                settings,
                f"workloads.{name}",
                None,
                "the required key is missing: the workload would not run",
                "add its replicas and resources",
            )
    for name, configured in given.items():
        if name not in CATALOGUE:
            yield problem_of(
                settings,
                f"workloads.{name}",
                name,
                "no such workload in the catalogue",
                f"use one of {', '.join(CATALOGUE)}",
            )
            continue
        workload = CATALOGUE[name]
        if workload.recreate and configured.replicas > 1:
            yield problem_of(
                settings,
                f"workloads.{name}.replicas",
                configured.replicas,
                "two copies would process the same events in different order",
                "write 1",
            )
        for index, port in enumerate(configured.service.ports if configured.service else ()):
            if port.target not in workload.ports:
                yield problem_of(
                    settings,
                    f"workloads.{name}.service.ports[{index}].target",
                    port.target,
                    "the container has no such port: the Service would reach nothing",
                    f"use one of {', '.join(workload.ports)}",
                )
        if configured.service and workload.exposed and all(p.target != "http" for p in configured.service.ports):
            yield problem_of(
                settings,
                f"workloads.{name}.service.ports",
                [port.port for port in configured.service.ports],
                "none reaches the http port that the ingress needs",
                "add a port with target http",
            )


def _release(case: Case) -> Iterator[InputError]:
    settings = case.settings
    file, release = release_file(settings.network.name), settings.release
    if release.network != settings.network.name:
        yield InputError(
            file=file,
            key="network",
            value=repr(release.network),
            consequence=f"is the set of another network than {settings.network.name}",
            fix="promote the set instead of copying the file",
        )
    for part, images in (("workloads", release.workloads), ("platform", release.platform)):
        for name, image in images.items():
            if image.tag.lower() in {settings.network.name, *case.others}:
                text = "is a tag that moves: every build for that network would take its place"
                fix = "write the version that was built"
                yield InputError(file=file, key=f"{part}.{name}.tag", value=shown(image.tag), consequence=text, fix=fix)
    for key in release.missing():
        part, name = key.split(".")
        fix = "add its tag" + (f"; where it does not run, name it: `absent: [{name}]`" if part == "workloads" else "")
        yield InputError(file=file, key=key, consequence="the version is missing: the workload cannot run", fix=fix)
    for key in release.unknown():
        fix = "correct its spelling or remove it; a service leaves the catalogue last, when it is absent everywhere"
        yield InputError(file=file, key=key, consequence="nothing uses it", fix=fix)


def _absent(case: Case) -> Iterator[InputError]:
    """What a network does not run must not be needed by what it does."""
    settings, release = case.settings, case.settings.release

    def problem(name: str, consequence: str, fix: str) -> InputError:
        file = release_file(settings.network.name)
        return InputError(file=file, key="absent", value=shown(name), consequence=consequence, fix=fix)

    for name in release.absent:
        if name in release.workloads:
            text = "has an image under workloads, too: it either runs or it does not"
            yield problem(name, text, "remove one of the two")
        if name in EVERYWHERE:
            text = "public names, storage, backup and checks of every network are made for it"
            yield problem(name, text, "give it its tag under workloads")
    for spec in settings.workloads.values():
        for variable, value in spec.env.items():
            if isinstance(value, ServiceUrl) and value.workload not in settings.workloads:
                text = f"is what {variable} of {spec.name} leads to: its requests would reach nothing"
                fix = f"give it its tag under workloads, or first take {variable} out of {spec.name} in catalogue"
                yield problem(value.workload, text, fix)
        for name in spec.calls:
            if name not in CATALOGUE:
                text = f"{spec.name} may call {name}, which is no workload: nothing would be opened"
                fix = "take it out, there or in common.py"
                yield InputError(file="catalogue", key="calls", consequence=text, fix=fix)


def _vocabulary(case: Case) -> Iterator[InputError]:
    settings = case.settings
    stack = settings.stack
    hard = stack.quota.hard()
    named: tuple[tuple[str, Mapping[str, Any], Sequence[str]], ...] = (
        ("secretEpochs", stack.secret_epochs, list(GENERATED)),
        ("retiredEpochs", stack.retired_epochs, [row.name for row in GENERATED.values() if row.two_values]),
        ("externalWorkloads", stack.external_workloads, list(EXTERNAL_WORKLOADS)),
        ("quota.acceptedAtPeak", stack.quota.accepted_at_peak, list(hard)),
    )
    if not stack.external_workloads:
        consequence = "no policy would let a service reach PostgreSQL or Redis, and the quota would not count them"
        yield problem_of(settings, "externalWorkloads", {}, consequence, "list them, as another network's file does")
    for field, given, known in named:
        for name in given:
            if name not in known:
                yield problem_of(settings, f"{field}.{name}", name, "is not known", f"use one of {', '.join(known)}")
    for name, retired in stack.retired_epochs.items():
        if retired >= stack.epoch(name):
            yield problem_of(
                settings,
                f"retiredEpochs.{name}",
                retired,
                f"the pods use epoch {stack.epoch(name)}: they would be locked out",
                "let `gx rotate` write it, when every pod has the new key",
            )
    paths = {path.split("[")[0] for path, _ in _leaves(stack.model_dump(mode="json", by_alias=True))}
    for path in stack.unconfirmed:
        if not any(known == path or known.startswith(f"{path}.") for known in paths):
            yield problem_of(
                settings, "unconfirmed", path, "no such setting", "name a setting of this file or remove it"
            )


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping) and value:
        for key, entry in cast("Mapping[str, Any]", value).items():
            yield from _leaves(entry, f"{path}.{key}".lstrip("."))
    else:
        yield path, value


def _fabric_workers(case: Case) -> Iterator[InputError]:
    settings = case.settings
    for name, configured in settings.stack.workloads.items():
        if CATALOGUE[name].role is Role.WORKER and configured.autoscaling:
            yield problem_of(
                settings,
                f"workloads.{name}.autoscaling",
                configured.autoscaling.name,
                "a worker is not scaled by load",
                "remove it",
            )


RULES: tuple[Rule, ...] = (
    _name,
    _environment,
    *ADOPTION_RULES,
    *TEXT_RULES,
    _workloads,
    *VARIABLE_RULES,
    _release,
    _absent,
    *PROMOTION_RULES,
    *TRAFFIC_RULES,
    *MONITORING_RULES,
    _vocabulary,
    _fabric_workers,
    *STORAGE_RULES,
    *NODE_RULES,
)
