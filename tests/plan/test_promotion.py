"""The gate between networks: every state of it, the program's own check of the file, mistakes."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue import CATALOGUE
from common.errors import InputError
from gx.promotion.promotion import Gate, earlier, promoted_release, version_changes
from gx.verify.record import verified_set, write_failed, write_verified
from gx.verify.running import Running, RunningWorkload
from settings.offline import offline_settings
from settings.release import Image, Release
from settings.settings import Settings
from settings.verified import FailedVerification, Verified, VerifiedSet
from tests.helpers.stack import edit

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEPLOYED, VERIFIED = NOW - timedelta(hours=30), NOW - timedelta(hours=29)
UID = "11111111-2222-3333-4444-555555555555"
SOURCE, TARGET = offline_settings("testnet"), offline_settings("mainnet")


def with_tag(settings: Settings, name: str, **fields: Any) -> Settings:
    """Return settings with one image changed."""
    image = settings.release.workloads[name].model_copy(update=fields)
    workloads = {**settings.release.workloads, name: image}
    return dataclasses.replace(settings, release=settings.release.model_copy(update={"workloads": workloads}))


def runs(settings: Settings, since: datetime = DEPLOYED) -> Running:
    images = {name: RunningWorkload(image=settings.image(name), rolled=True, since=since) for name in CATALOGUE}
    return Running(workloads=images)


def verified(settings: Settings, deployed: datetime = DEPLOYED, at: datetime = VERIFIED) -> Verified:
    one = verified_set(settings, deployed, 40, []).model_copy(update={"verified": at})
    return Verified.model_validate({"network": settings.network.name, "clusterUid": UID, "sets": (one,)})


def failed(wanted: str) -> FailedVerification:
    """Return the failure of a set: DNS is wrong since noon."""
    check = {"name": "DNS api", "group": "names", "text": "leads past Cloudflare"}
    return FailedVerification.model_validate({"hash": wanted, "failed": NOW, "checks": (check,)})


def withdrawn(record: Verified, *hashes: str) -> Verified:
    return record.model_copy(update={"failures": tuple(failed(one) for one in hashes)})


NEW = with_tag(SOURCE, "svc-tax", tag="2.2.0")
"""What the source runs: one version further than the target."""


def gate(**changes: Any) -> Gate:
    usual: dict[str, Any] = {
        "source": NEW,
        "target": TARGET,
        "verified": verified(NEW),
        "cluster_uid": UID,
        "running": runs(NEW),
        "now": NOW,
    }
    return Gate(**{**usual, **changes})


def test_a_set_that_ran_was_verified_and_soaked_may_go_on() -> None:
    assert gate().refusals() == []
    (change,) = version_changes(TARGET.release, NEW.release)
    assert (change[0], change[1].tag, change[2].tag) == ("svc-tax", "2.1.5", "2.2.0")  # type: ignore[union-attr]


def _without(settings: Settings, name: str) -> Running:
    found = runs(settings).workloads
    return Running(workloads={key: value for key, value in found.items() if key != name})


def _rolling(settings: Settings) -> Running:
    found = runs(settings).workloads
    return Running(workloads={**found, "svc-tax": dataclasses.replace(found["svc-tax"], rolled=False)})


def _override(expires: str) -> Settings:
    promoted = {"how": "override", "hash": NEW.release.hash, "reason": "an urgent repair", "expires": expires}
    release = Release.model_validate({**NEW.release.model_dump(), "promoted": promoted})
    return dataclasses.replace(NEW, release=release)


DIGEST = "sha256:" + "a" * 64
OTHER_DIGEST = "sha256:" + "b" * 64
DEVNET = offline_settings("devnet")

REFUSALS: list[tuple[str, Callable[[], Gate], str]] = [
    ("never verified", lambda: gate(verified=None), "testnet was never verified"),
    (
        "another set was verified",
        lambda: gate(verified=verified(SOURCE)),
        f"testnet has not verified its set {NEW.release.hash}",
    ),
    (
        "verified, and failed since then",
        lambda: gate(verified=withdrawn(verified(NEW), NEW.release.hash)),
        f"set {NEW.release.hash} failed at 2026-03-01 12:00 UTC (DNS api: leads past Cloudflare)",
    ),
    (
        "failed and never verified",
        lambda: gate(verified=withdrawn(verified(SOURCE), NEW.release.hash)),
        f"set {NEW.release.hash} failed at 2026-03-01 12:00 UTC (DNS api: leads past Cloudflare)",
    ),
    (
        "the record of another network",
        lambda: gate(verified=verified(NEW).model_copy(update={"network": "devnet"})),
        "the record of testnet is that of devnet",
    ),
    ("another cluster", lambda: gate(cluster_uid=UID.replace("1", "9")), "was verified on another cluster"),
    ("it runs something else", lambda: gate(running=runs(SOURCE)), "testnet: svc-tax runs "),
    ("a workload does not run", lambda: gate(running=_without(NEW, "svc-tax")), "testnet: svc-tax does not run"),
    ("it is still rolling", lambda: gate(running=_rolling(NEW)), "testnet: svc-tax is still rolling"),
    (
        "rolled out again after it was verified",
        lambda: gate(running=runs(NEW, NOW - timedelta(hours=28))),
        "was rolled out again at 2026-02-28 08:00 UTC, after it was verified",
    ),
    (
        "not soaked",
        lambda: gate(running=runs(NEW, NOW - timedelta(hours=20)), verified=verified(NEW, at=NOW)),
        "has not run on testnet for 24 h: it may go on at 2026-03-01 16:00 UTC",
    ),
    ("skips a network", lambda: gate(source=DEVNET, running=runs(DEVNET), verified=verified(DEVNET)), "would skip it"),
    ("into the first", lambda: gate(target=DEVNET), "devnet is the first of the chain"),
    (
        "a downgrade",
        lambda: gate(target=with_tag(TARGET, "svc-tax", tag="2.10.0")),
        "svc-tax would go back from 2.10.0 to 2.2.0: an earlier set comes by --rollback",
    ),
    (
        "a tag that was moved",
        lambda: gate(
            source=with_tag(NEW, "svc-admin", digest=DIGEST),
            running=runs(with_tag(NEW, "svc-admin", digest=DIGEST)),
            verified=verified(with_tag(NEW, "svc-admin", digest=DIGEST)),
            target=with_tag(TARGET, "svc-admin", digest=OTHER_DIGEST),
        ),
        "svc-admin:2.1.15 is sha256:aaaaaaaaaaaa on testnet and sha256:bbbbbbbbbbbb on mainnet: the tag was moved",
    ),
    (
        "a tag that was moved before digests were kept",
        lambda: gate(
            source=with_tag(NEW, "svc-admin", live_digest=DIGEST),
            target=with_tag(TARGET, "svc-admin", live_digest=OTHER_DIGEST),
        ),
        "the tag was moved",
    ),
    ("an expired override", lambda: gate(source=_override("2026-02-28")), "by an override that expired on 2026-02-28"),
]


@pytest.mark.parametrize(("build", "words"), [(b, w) for _, b, w in REFUSALS], ids=[name for name, _, _ in REFUSALS])
def test_the_gate_refuses(build: Callable[[], Gate], words: str) -> None:
    refusals = build().refusals()
    assert any(words in line for line in refusals), refusals


def test_the_failure_of_another_set_holds_nobody() -> None:
    assert gate(verified=withdrawn(verified(NEW), SOURCE.release.hash)).refusals() == []


def test_an_override_that_holds_may_go_on() -> None:
    assert gate(source=_override("2026-03-01")).refusals() == []


def test_an_image_that_is_built_for_each_network_may_have_other_bits() -> None:
    built = {"revision": "0123abc", "digests": {"testnet": DIGEST, "mainnet": OTHER_DIGEST}}
    source = with_tag(NEW, "gx-wallet-frontend", **built)
    target = with_tag(TARGET, "gx-wallet-frontend", digest=OTHER_DIGEST)
    found = gate(source=source, running=runs(source), verified=verified(source), target=target)
    assert found.refusals() == []
    assert source.image("gx-wallet-frontend").endswith(f"@{DIGEST}")
    promoted = Release.model_validate(
        promoted_release(target, source.release.workloads, source.release.platform, how="promotion", origin="x")
    )
    assert dataclasses.replace(target, release=promoted).image("gx-wallet-frontend").endswith(f"@{OTHER_DIGEST}")


def test_a_shorter_soak_is_a_setting(project: Path) -> None:
    edit(project, "mainnet", lambda c: c.update(promotion={"from": "testnet", "soakHours": 1}))
    target = offline_settings("mainnet", project)
    recent = runs(NEW, NOW - timedelta(hours=2))
    assert gate(target=target, running=recent, verified=verified(NEW, at=NOW - timedelta(hours=1))).refusals() == []


def test_the_hash_is_about_bits_and_about_nothing_else() -> None:
    release = SOURCE.release
    assert release.hash == TARGET.release.hash == release.model_copy(update={"origin": "elsewhere"}).hash
    assert with_tag(SOURCE, "svc-tax", live_digest=DIGEST).release.hash == release.hash
    assert len({release.hash, NEW.release.hash, with_tag(SOURCE, "svc-tax", digest=DIGEST).release.hash}) == 3


def test_back_to_the_last_set_or_to_one_by_name() -> None:
    sets = [VerifiedSet.model_validate({**verified(NEW).sets[0].model_dump(), "hash": letter * 16}) for letter in "cba"]
    record = Verified.model_validate({"network": "mainnet", "clusterUid": UID, "sets": tuple(sets)})
    found = earlier(record, "c" * 16, "")
    assert found is not None
    assert found.hash == "b" * 16
    named = earlier(record, "c" * 16, "aaaa")
    assert named is not None
    assert named.hash == "a" * 16
    assert earlier(record, "c" * 16, "ffff") is None
    since = withdrawn(record, "b" * 16)
    passed_over, asked_for = earlier(since, "c" * 16, ""), earlier(since, "c" * 16, "bbbb")
    assert passed_over is not None
    assert passed_over.hash == "a" * 16
    assert asked_for is not None, "by its name: the way back is open at any time"
    assert earlier(withdrawn(record, "a" * 16, "b" * 16), "c" * 16, "") is None
    assert earlier(None, "c" * 16, "") is None


def release(root: Path, network: str, change: Callable[[dict[str, Any]], object]) -> None:
    path = root / f"networks/{network}/release.yaml"
    document = yaml.safe_load(path.read_text())
    change(document)
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def hashed(document: dict[str, Any]) -> str:
    return Release.model_validate({**document, "promoted": None}).hash


def test_the_networks_as_they_were_found_may_run_what_they_run() -> None:
    for network in ("testnet", "mainnet"):
        promoted = offline_settings(network).release.promoted
        assert promoted is not None
        assert promoted.how == "as found"


def _hand_edited(document: dict[str, Any]) -> None:
    document["workloads"]["svc-tax"]["tag"] = "2.2.0"


def _forged(how: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        _hand_edited(document)
        document["promoted"] = {"hash": hashed(document), **how}

    return change


def _origin(document: dict[str, Any]) -> None:
    document["origin"] = "by hand"


FILES: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("a tag changed by hand", _hand_edited, f"promoted.hash = '{TARGET.release.hash}': the set is "),
    ("no record", lambda d: d.pop("promoted"), "promoted: nothing says why the network may run this set"),
    (
        "a promotion that never was",
        _forged({"how": "promotion", "source": "testnet"}),
        "networks/testnet/verified.yaml knows no such set: testnet has not verified it",
    ),
    (
        "a network that was skipped",
        _forged({"how": "promotion", "source": "devnet"}),
        "promoted.source = 'devnet': mainnet takes its versions from testnet: a network was skipped",
    ),
    (
        "a rollback to nothing",
        _forged({"how": "rollback"}),
        "networks/mainnet/verified.yaml knows no such set: mainnet has never verified it",
    ),
    ("an override without a reason", _forged({"how": "override"}), "an override needs a reason and the day it expires"),
    ("an override with a short reason", _forged({"how": "override", "reason": "because"}), "promoted.reason"),
    ("found elsewhere", _origin, "promoted.how = 'as found': but the origin is 'by hand'"),
    ("an unknown service", lambda d: d["workloads"].update({"svc-mail": {"tag": "1"}}), "workloads.svc-mail"),
    ("a missing service", lambda d: d["workloads"].pop("svc-tax"), "workloads.svc-tax: the version is missing"),
    ("another network's file", lambda d: d.update(network="testnet"), "is the set of another network"),
]


@pytest.mark.parametrize(("change", "words"), [(c, w) for _, c, w in FILES], ids=[name for name, _, _ in FILES])
def test_the_program_refuses_a_file_that_breaks_the_rules(
    project: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    release(project, "mainnet", change)
    with pytest.raises(InputError) as caught:
        offline_settings("mainnet", project)
    assert str(caught.value).startswith("networks/mainnet/release.yaml: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_program_takes_a_promoted_set_a_rollback_and_an_override(project: Path) -> None:
    release(project, "mainnet", _forged({"how": "override", "reason": "an urgent repair", "expires": "2020-01-01"}))
    settings = offline_settings("mainnet", project)  # its day is over: only `gx promote` looks at the calendar
    record = verified_set(settings, DEPLOYED, 40, [])
    write_verified(project, settings, UID, record)
    release(project, "mainnet", _forged({"how": "rollback"}))
    assert offline_settings("mainnet", project).release.hash == record.hash

    release(project, "testnet", _forged({"how": "override", "reason": "an urgent repair", "expires": "2020-01-01"}))
    source = offline_settings("testnet", project)
    write_verified(project, source, UID, verified_set(source, DEPLOYED, 40, []))
    release(project, "mainnet", _forged({"how": "promotion", "source": "testnet"}))
    assert offline_settings("mainnet", project).release.promoted is not None


def test_the_program_refuses_a_set_whose_proof_was_withdrawn_before_it_arrived(project: Path) -> None:
    release(project, "testnet", _forged({"how": "override", "reason": "an urgent repair", "expires": "2020-01-01"}))
    source = offline_settings("testnet", project)
    write_verified(project, source, UID, verified_set(source, DEPLOYED, 40, []))
    write_failed(project, source, UID, failed(source.release.hash))
    release(project, "mainnet", _forged({"how": "promotion", "source": "testnet"}))
    with pytest.raises(InputError, match=r"release.yaml: promoted.hash = .* on testnet this set failed at 2026-03-01"):
        offline_settings("mainnet", project)
    ungated = offline_settings("mainnet", project, gated=False)
    write_verified(project, ungated, UID, verified_set(ungated, DEPLOYED, 40, []))
    write_failed(project, ungated, UID, failed(source.release.hash))
    assert offline_settings("mainnet", project).release.hash == source.release.hash, "it arrived: no change is blocked"
    (project / "networks/testnet/verified.yaml").unlink()  # as if ten newer sets had taken its place
    assert offline_settings("mainnet", project).release.hash == source.release.hash


@pytest.mark.parametrize(("source", "words"), [("mainnet", "is the network itself"), ("prodnet", "is no network")])
def test_a_chain_that_leads_nowhere(project: Path, source: str, words: str) -> None:
    edit(project, "mainnet", lambda c: c.update(promotion={"from": source}))
    with pytest.raises(InputError, match=words):
        offline_settings("mainnet", project)


def test_the_first_network_of_the_chain_writes_its_own_versions(project: Path) -> None:
    release(project, "devnet", _hand_edited)
    assert offline_settings("devnet", project).release.workloads["svc-tax"] == Image(tag="2.2.0")
