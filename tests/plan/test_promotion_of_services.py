"""A service comes to the networks one after another, and leaves them so: the gate, the record, the release file."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gx.adoption.as_found import release_as_found
from gx.adoption.live import LiveObjects
from gx.promotion.promotion import Gate, promoted_release, version_changes
from gx.verify.record import verified_set, write_verified
from gx.verify.running import Running, RunningWorkload
from settings.offline import offline_settings
from settings.release import Release
from settings.settings import Settings
from settings.verified import Verified, VerifiedSet, read_verified

Record = Callable[..., Verified]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
UID = "11111111-2222-3333-4444-555555555555"
TESTNET, MAINNET = offline_settings("testnet"), offline_settings("mainnet")


def without(settings: Settings, name: str) -> Settings:
    """Return settings of a network on which a workload is absent."""
    workloads = {key: image for key, image in settings.release.workloads.items() if key != name}
    release = settings.release.model_copy(update={"workloads": workloads, "absent": (name,)})
    return dataclasses.replace(settings, release=release)


def without_numbers(settings: Settings, name: str) -> Settings:
    workloads = {key: numbers for key, numbers in settings.stack.workloads.items() if key != name}
    return dataclasses.replace(settings, stack=settings.stack.model_copy(update={"workloads": workloads}))


SMALLER = without(TESTNET, "svc-tax")


def running(settings: Settings, *more: str) -> Running:
    images = {name: settings.image(name) for name in settings.release.workloads} | dict.fromkeys(more, "x:1")
    return Running(
        workloads={n: RunningWorkload(image=image, rolled=True, since=LONG_AGO) for n, image in images.items()}
    )


def proof(settings: Settings, at: datetime, deployed: datetime = LONG_AGO) -> VerifiedSet:
    return verified_set(settings, deployed, 40, []).model_copy(update={"verified": at})


@pytest.fixture
def record(project: Path) -> Record:
    """Return what writes the record of a network that was verified several times, the first one first."""

    def write(*proofs: tuple[Settings, datetime]) -> Verified:
        for settings, at in proofs:
            write_verified(project, settings, UID, proof(settings, at))
        found = read_verified("testnet", project)
        assert found is not None
        return found

    return write


def refusals(source: Settings, target: Settings, verified: Verified, *more: str) -> list[str]:
    return Gate(
        source=source, target=target, verified=verified, cluster_uid=UID, running=running(source, *more), now=NOW
    ).refusals()


def test_a_service_comes_with_the_set_that_holds_it(record: Record) -> None:
    target = without(MAINNET, "svc-tax")
    assert refusals(TESTNET, target, record((TESTNET, NOW - timedelta(days=2)))) == []
    ((name, old, new),) = version_changes(target.release, TESTNET.release)
    assert (name, old, new.tag if new else "") == ("svc-tax", None, "2.1.5")
    release = TESTNET.release
    document = promoted_release(target, release.workloads, release.platform, how="promotion", origin="x")
    assert "svc-tax" in document["workloads"]
    assert "absent" not in document


def test_numbers_that_the_next_network_lacks_are_named_before_anything_is_written(record: Record) -> None:
    target = without_numbers(without(MAINNET, "svc-tax"), "svc-tax")
    found = refusals(TESTNET, target, record((TESTNET, NOW - timedelta(days=2))))
    assert found == ["svc-tax comes to mainnet without settings: add workloads.svc-tax to Pulumi.mainnet.yaml"]


def test_a_service_leaves_by_name() -> None:
    release = SMALLER.release
    document = promoted_release(MAINNET, release.workloads, release.platform, how="promotion", origin="x")
    assert document["absent"] == ["svc-tax"]
    assert Release.model_validate(document).hash == release.hash


def test_what_left_is_proven_without_it_though_the_same_set_was_proven_before_it_came(record: Record) -> None:
    before = record((SMALLER, NOW - timedelta(days=9)), (TESTNET, NOW - timedelta(days=6)))
    found = refusals(SMALLER, MAINNET, before)
    assert found == [
        f"testnet has not verified its set {SMALLER.release.hash}: gx verify testnet --context NAME",
    ]
    after = record((SMALLER, NOW - timedelta(hours=25)))
    assert refusals(SMALLER, MAINNET, after) == []


def test_what_left_soaks_from_the_first_proof_on_and_further_proofs_do_not_begin_again(record: Record) -> None:
    first = NOW - timedelta(hours=20)
    proven = record((TESTNET, NOW - timedelta(days=6)), (SMALLER, first), (SMALLER, NOW))
    assert refusals(SMALLER, MAINNET, proven) == [
        "the set has not run on testnet for 24 h: it may go on at 2026-03-01 16:00 UTC"
    ]
    earlier = record((TESTNET, NOW - timedelta(days=6)), (SMALLER, NOW - timedelta(hours=25)), (SMALLER, NOW))
    assert refusals(SMALLER, MAINNET, earlier) == []


def test_what_should_have_left_and_still_runs_is_a_problem(record: Record) -> None:
    proven = record((SMALLER, NOW - timedelta(days=2)))
    found = refusals(SMALLER, MAINNET, proven, "svc-tax")
    assert found == ["testnet: svc-tax runs, and the release file calls it absent"]


@pytest.mark.parametrize("lives", [True, False])
def test_adoption_finds_what_runs_and_leaves_absent_what_does_not(lives: bool) -> None:
    container = {"name": "svc-tax", "image": "10.43.75.195:5000/svc-tax:2.1.9"}
    deployment = {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [container]}}}}
    objects = {("Deployment", "backend-testnet", "svc-tax"): deployment} if lives else {}
    live = LiveObjects(uid=UID, namespace="backend-testnet", objects=objects)
    current: dict[str, Any] = {
        "network": "testnet",
        "origin": "x",
        "workloads": {},
        "absent": ["svc-tax"],
        "platform": {},
    }
    found: dict[str, Any] = release_as_found(current, live)
    assert ("svc-tax" in found["workloads"]) is lives
    assert found.get("absent") == (None if lives else ["svc-tax"])
    assert found["promoted"]["hash"] == Release.model_validate(found).hash
