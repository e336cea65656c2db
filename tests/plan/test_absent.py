"""A workload that a network does not run: said by name, nothing of it is planned, whoever needs it is refused."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue import CATALOGUE
from catalogue.common import api_service
from common.errors import InputError
from common.plan import Plan
from common.pods import pod_groups as pod_groups_of_plan
from common.quota import needed
from gx.diff.between import between
from gx.plan.record import record
from gx.report.sections import versions_of
from rules import run_checks
from rules.finding import Severity
from rules.references import check_references
from settings.capacity import object_counts, pod_groups
from settings.monitoring.boards import boards
from settings.monitoring.rules import alerts, groups
from settings.offline import offline_settings
from tests.helpers.mutate import changed, container
from tests.helpers.stack import drop, edit, edit_release

MAY_BE_ABSENT = (
    "svc-admin",
    "svc-governance",
    "svc-loanpool",
    "svc-organization",
    "svc-tax",
    "projector",
    "outbox-submitter",
)


def leave(project: Path, network: str, *names: str) -> None:
    """Take workloads out of a network, numbers included."""

    def change(release: dict[str, Any]) -> None:
        for name in names:
            del release["workloads"][name]
        release["absent"] = [*release.get("absent", []), *names]

    edit_release(project, network, change)
    for name in names:
        edit(project, network, drop(f"workloads/{name}"))


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> str:
    """Put a service into the catalogue that no network knows yet."""
    shape = api_service("svc-rates", port=3011, purpose="exchange rates", routes=("/api/v1/rates",))
    monkeypatch.setitem(CATALOGUE, "svc-rates", shape)
    return "svc-rates"


def release_text(project: Path, network: str, old: str, new: str) -> None:
    path = project / f"networks/{network}/release.yaml"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_a_new_service_is_absent_by_name_and_the_set_stays_what_was_promoted(project: Path, rates: str) -> None:
    assert rates in CATALOGUE
    release_text(project, "mainnet", "\nworkloads:\n", "\nabsent: [svc-rates]\nworkloads:\n")
    release = offline_settings("mainnet", project).release
    assert release.promoted is not None
    assert release.hash == release.promoted.hash


@pytest.mark.usefixtures("rates")
@pytest.mark.parametrize("network", ["devnet", "mainnet"])
def test_a_line_that_was_forgotten_is_refused_and_both_answers_are_named(project: Path, network: str) -> None:
    with pytest.raises(InputError) as caught:
        offline_settings(network, project)
    line = str(caught.value)
    assert line.startswith(f"networks/{network}/release.yaml: workloads.svc-rates: the version is missing")
    assert "add its tag; where it does not run, name it: `absent: [svc-rates]`" in line


@pytest.mark.usefixtures("rates")
def test_a_service_that_is_written_in_past_the_network_before_is_refused(project: Path) -> None:
    release_text(project, "mainnet", "\nworkloads:\n", '\nworkloads:\n  svc-rates: {tag: "1.0.0"}\n')
    edit(project, "mainnet", lambda c: c["workloads"].update({"svc-rates": c["workloads"]["svc-tax"]}))
    with pytest.raises(InputError, match=r"promoted\.hash = '\w{16}': .*by hand, past testnet"):
        offline_settings("mainnet", project)


def test_a_service_that_is_written_out_past_the_network_before_is_refused(project: Path) -> None:
    release_text(project, "mainnet", '  svc-tax: {tag: "2.1.5"}\n', "")
    release_text(project, "mainnet", "\nworkloads:\n", "\nabsent: [svc-tax]\nworkloads:\n")
    with pytest.raises(InputError, match=r"promoted\.hash = '\w{16}': .*by hand, past testnet"):
        offline_settings("mainnet", project)


REFUSED: list[tuple[str, Callable[[Path], object], str]] = [
    (
        "both",
        lambda p: edit_release(p, "devnet", lambda r: r.update(absent=["svc-tax"])),
        "has an image under workloads",
    ),
    (
        "unknown",
        lambda p: edit_release(p, "devnet", lambda r: r.update(absent=["svc-taxes"])),
        "absent.svc-taxes: nothing",
    ),
    ("messaging", lambda p: leave(p, "devnet", "svc-messaging"), "absent = 'svc-messaging': public names, storage"),
    ("wallet", lambda p: leave(p, "devnet", "gx-wallet-frontend"), "absent = 'gx-wallet-frontend': public names"),
    (
        "what the wallet calls",
        lambda p: leave(p, "devnet", "svc-tokenomics"),
        "absent = 'svc-tokenomics': is what TOKENOMICS_API_URL of gx-wallet-frontend leads to",
    ),
    (
        "Q Send without who pays",
        lambda p: leave(p, "devnet", "outbox-submitter"),
        "ingress.qsendRoute = true: outbox-submitter (absent) does not know Q_SEND_PAY",
    ),
    (
        "numbers",
        lambda p: edit(p, "devnet", drop("workloads/svc-tax")),
        "workloads.svc-tax: the required key is missing",
    ),
]


@pytest.mark.parametrize(("change", "words"), [(c, w) for _, c, w in REFUSED], ids=[name for name, _, _ in REFUSED])
def test_what_is_refused(project: Path, change: Callable[[Path], object], words: str) -> None:
    change(project)
    with pytest.raises(InputError) as caught:
        offline_settings("devnet", project)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_service_that_left_the_catalogue_too_early_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(CATALOGUE, "svc-tax")
    edit(project, "mainnet", drop("workloads/svc-tax"))
    with pytest.raises(InputError, match=r"workloads\.svc-tax: nothing uses it; .*it is absent everywhere"):
        offline_settings("mainnet", project)
    release_text(project, "mainnet", '  svc-tax: {tag: "2.1.5"}\n', "")
    edit_release(project, "mainnet", lambda _: None)
    with pytest.raises(InputError, match=r"catalogue: calls: \S+ may call svc-tax, which is no workload"):
        offline_settings("mainnet", project)


@pytest.mark.parametrize("name", MAY_BE_ABSENT)
def test_nothing_of_an_absent_workload_is_planned(project: Path, plans: dict[str, Plan], name: str) -> None:
    leave(project, "testnet", name)
    edit(project, "testnet", lambda config: config["ingress"].update(qsendRoute=False))
    plan = record("testnet", root=project)
    full, rest = (_mentions(one, name) for one in (plans["testnet"], plan))
    assert full != []
    assert rest == []
    assert name not in json.dumps(plan.outputs)
    errors = [f for f in run_checks(plan) if f.severity is Severity.ERROR]
    assert errors == []
    gone = {r.location for r in plans["testnet"].objects} - {r.location for r in plan.objects}
    own = {f"Deployment/{name}", f"NetworkPolicy/gx-{name}", f"Service/{CATALOGUE[name].service}"}
    assert {location for location in gone if "test-users" not in location} == own, (
        "what test users may do follows from Q Send"
    )
    settings = offline_settings("testnet", project)
    of_settings, of_plan = (needed(one, "pods", peak=True) for one in (pod_groups(settings), pod_groups_of_plan(plan)))
    assert of_settings == of_plan
    services = sum(1 for _ in plan.of_kind("Service")) + plan.external_counts["services"]
    assert object_counts(settings)["services"] == services


def _mentions(plan: Plan, name: str) -> list[str]:
    """Return the registrations in which a name stands as a word."""
    word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    return [r.location for r in plan.resources if word.search(json.dumps(dataclasses.asdict(r), default=str))]


@pytest.mark.parametrize(
    ("name", "alone"),
    [("outbox-submitter", {"OutboxBacklog", "OutboxStuck"}), ("projector", {"ProjectionLag"})],
)
def test_its_alerts_and_panels_go_with_it(project: Path, name: str, alone: set[str]) -> None:
    edit(project, "testnet", lambda config: config["ingress"].update(qsendRoute=False))
    full = offline_settings("testnet", project)
    leave(project, "testnet", name)
    rest = offline_settings("testnet", project)
    assert {a.name for a in alerts(full)} - {a.name for a in alerts(rest)} == alone
    named = {alert for board in boards(rest) for _, panels in board.rows for panel in panels for alert in panel.alerts}
    assert named & alone == set()
    leave(project, "testnet", *({"outbox-submitter", "projector"} - {name}))
    empty = [
        title for board in boards(offline_settings("testnet", project)) for title, panels in board.rows if not panels
    ]
    assert empty == []
    assert all(group.alerts for group in groups(rest))


def test_an_address_of_an_absent_workload_is_found(plans: dict[str, Plan], project: Path) -> None:
    leave(project, "devnet", "svc-tax")
    for value in (
        "http://svc-tax.backend-devnet.svc.cluster.local:80/x",
        "http://svc-tax/x",
        "redis://:p@svc-tax:6379",
        "svc-tax.backend-devnet",
    ):

        def told(inputs: dict[str, Any], text: str = value) -> None:
            container(inputs)["env"].append({"name": "TAX_URL", "value": text})

        plan = changed(record("devnet", root=project), "Deployment", "svc-admin", told)
        found = [f"{f.location}: {f.text}" for f in check_references(plan)]
        assert found == [
            "Deployment/svc-admin: TAX_URL: leads nowhere: Service svc-tax exists neither in the Plan nor outside"
        ]
        assert list(check_references(changed(plans["devnet"], "Deployment", "svc-admin", told))) == []


def test_the_preview_says_so(gx: Callable[..., Any], project: Path) -> None:
    leave(project, "devnet", "svc-tax")
    done = gx("preview", "devnet", cwd=project)
    assert done.returncode == 0, done.stderr
    line = "note settings networks/devnet/release.yaml: svc-tax is absent: nothing of it is planned on devnet"
    assert line in done.stdout
    assert "Workload svc-tax" not in done.stdout


def test_the_report_says_so_and_a_refused_network_hides_no_other(project: Path) -> None:
    leave(project, "mainnet", "svc-tax")
    edit(project, "testnet", lambda config: config.update(unknownKey=1))
    found = versions_of(project)
    assert set(found.networks) == {"devnet", "testnet", "mainnet"}
    tax = next(line for line in found.lines if line.name == "svc-tax")
    by_network = dict(zip(found.networks, tax.images, strict=True))
    assert by_network == {"devnet": "2.1.5", "testnet": "refused", "mainnet": "absent"}
    assert tax.differs
    assert dict(zip(found.networks, found.hashes, strict=True))["testnet"] == "refused"


def test_two_networks_differ_by_it_for_a_reason_that_is_known(project: Path, plans: dict[str, Plan]) -> None:
    leave(project, "mainnet", "projector")
    settings = {name: offline_settings(name, project, adopting=False) for name in ("testnet", "mainnet")}
    pairs = between(plans["testnet"], record("mainnet", root=project), settings)
    alone = {pair.location: pair.reason for pair in pairs if pair.only and "projector" in pair.location}
    locations = ("Deployment/projector", "NetworkPolicy/gx-projector", "Service/projector-metrics")
    assert alone == dict.fromkeys(locations, "projector is absent on mainnet")


def test_checks_of_all_networks_go_on_where_one_is_refused(gx: Callable[..., Any], project: Path) -> None:
    edit(project, "devnet", lambda config: config.update(unknownKey=1))
    done = gx("check", cwd=project)
    assert done.returncode == 2
    assert "\ntestnet\n" in f"\n{done.stdout}"
    assert "\nmainnet\n" in f"\n{done.stdout}"
    assert done.stderr.splitlines()[-1].startswith("Pulumi.devnet.yaml: gx-infra:unknownKey")


def test_numbers_may_lie_ready_and_are_no_need_of_the_quota(project: Path) -> None:
    edit_release(project, "devnet", lambda r: (r["workloads"].pop("svc-tax"), r.update(absent=["svc-tax"])))
    edit(
        project, "devnet", lambda c: c["workloads"]["svc-tax"].update(secretEnv={"A": {"secret": "of-tax", "key": "a"}})
    )
    plan = record("devnet", root=project)
    assert "of-tax" not in {external.name for external in plan.externals}
    assert not [r for r in plan.objects if r.object_name == "svc-tax"]
    document = yaml.safe_load((project / "Pulumi.devnet.yaml").read_text())
    assert "svc-tax" in document["config"]["gx-infra:workloads"]
