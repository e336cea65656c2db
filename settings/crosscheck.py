"""Rules between settings: each one names file, key, value, consequence and fix (bad input ends with exit code 2)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from catalogue import CATALOGUE, EVERYWHERE
from catalogue.model import Role, ServiceUrl
from catalogue.neighbours import NEIGHBOURS
from catalogue.secrets import GENERATED
from common.errors import InputError, shown
from settings.adoption_rules import ADOPTION_RULES
from settings.model import NeighbourNumbers
from settings.monitoring_rules import MONITORING_RULES
from settings.project import release_file
from settings.promotion_rules import PROMOTION_RULES, promotion_gate
from settings.rule import Case, Rule, problem_of
from settings.settings import Settings
from settings.storage_rules import STORAGE_RULES
from settings.traffic_rules import TRAFFIC_RULES

PRODUCTION_STACK = "mainnet"
SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY$|_URL$")


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


def _other_networks(case: Case) -> Iterator[InputError]:
    """No text of a network may name another one (production.md, incidents 1 and 2)."""
    settings = case.settings
    own = settings.network
    for other in case.others:
        names = (f"backend-{other}", f"fabric-{other}", f"{other}.{own.zone}", f"-{other}")
        for path, text in _texts(settings.stack.model_dump(mode="json", by_alias=True)):
            if path.startswith(("unconfirmed", "zone", "registry", "environment", "namespaceLabels", "promotion")):
                continue
            if any(name in text for name in names) or text == other:
                yield problem_of(
                    settings,
                    path,
                    text,
                    f"names the network {other}: {own.name} would read or change what belongs to {other}",
                    f"name only what belongs to {own.name}",
                )
        hosts = {f"wallet.{own.zone}", f"api.{own.zone}"}
        for index, origin in enumerate(settings.stack.ingress.cors_origins):
            if not own.production and origin.removeprefix("https://") in hosts:
                yield problem_of(
                    settings,
                    f"ingress.corsOrigins[{index}]",
                    origin,
                    f"is a production host: {own.name} would answer production's pages",
                    f"use {own.wallet_url}",
                )


def _texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, entry in cast("Mapping[str, Any]", value).items():
            yield from _texts(entry, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for index, entry in enumerate(cast("list[Any]", value)):
            yield from _texts(entry, f"{path}[{index}]")


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
    for name, numbers in given.items():
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
        if workload.recreate and numbers.replicas > 1:
            yield problem_of(
                settings,
                f"workloads.{name}.replicas",
                numbers.replicas,
                "two copies would process the same events in different order",
                "write 1",
            )
        for index, port in enumerate(numbers.service.ports if numbers.service else ()):
            if port.target not in workload.ports:
                yield problem_of(
                    settings,
                    f"workloads.{name}.service.ports[{index}].target",
                    port.target,
                    "the container has no such port: the Service would reach nothing",
                    f"use one of {', '.join(workload.ports)}",
                )
        if numbers.service and workload.exposed and all(p.target != "http" for p in numbers.service.ports):
            yield problem_of(
                settings,
                f"workloads.{name}.service.ports",
                [port.port for port in numbers.service.ports],
                "none reaches the http port that the ingress needs",
                "add a port with target http",
            )


def _variables(case: Case) -> Iterator[InputError]:
    """Variables of one network must not replace what the catalogue derives, nor carry a secret in clear text."""
    settings = case.settings
    for name, numbers in settings.stack.workloads.items():
        for field, given in (("env", numbers.env), ("secretEnv", numbers.secret_env)):
            for variable in given:
                key = f"workloads.{name}.{field}.{variable}"
                if variable in CATALOGUE[name].env:
                    text = "the catalogue derives it: another value would point somewhere else"
                    yield problem_of(settings, key, None, text, "remove it")
                if field == "env" and SECRET_NAME.search(variable):
                    text = "looks like a secret: its value would be in git and in the pod's description"
                    yield problem_of(settings, key, None, text, "name a Secret and its key under secretEnv")


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
    for shape in settings.workloads.values():
        for variable, value in shape.env.items():
            if isinstance(value, ServiceUrl) and value.workload not in settings.workloads:
                text = f"is what {variable} of {shape.name} leads to: its requests would reach nothing"
                fix = f"give it its tag under workloads, or first take {variable} out of {shape.name} in catalogue"
                yield problem(value.workload, text, fix)
        for name in shape.calls:
            if name not in CATALOGUE:
                text = f"{shape.name} may call {name}, which is no workload: nothing would be opened"
                fix = "take it out, there or in common.py"
                yield InputError(file="catalogue", key="calls", consequence=text, fix=fix)


def _vocabulary(case: Case) -> Iterator[InputError]:
    settings = case.settings
    stack = settings.stack
    hard = stack.quota.hard()
    named: tuple[tuple[str, Mapping[str, Any], Sequence[str]], ...] = (
        ("secretEpochs", stack.secret_epochs, list(GENERATED)),
        ("retiredEpochs", stack.retired_epochs, [row.name for row in GENERATED.values() if row.two_values]),
        ("neighbours", cast("Mapping[str, NeighbourNumbers]", stack.neighbours), list(NEIGHBOURS)),
        ("quota.acceptedAtPeak", stack.quota.accepted_at_peak, list(hard)),
    )
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
    for name, numbers in settings.stack.workloads.items():
        if CATALOGUE[name].role is Role.WORKER and numbers.autoscaling:
            yield problem_of(
                settings,
                f"workloads.{name}.autoscaling",
                numbers.autoscaling.name,
                "a worker is not scaled by load",
                "remove it",
            )


RULES: tuple[Rule, ...] = (
    _environment,
    *ADOPTION_RULES,
    _other_networks,
    _workloads,
    _variables,
    _release,
    _absent,
    *PROMOTION_RULES,
    *TRAFFIC_RULES,
    *MONITORING_RULES,
    _vocabulary,
    _fabric_workers,
    *STORAGE_RULES,
)
