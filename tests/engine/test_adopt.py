"""A namespace made by hand is taken over: nothing replaced, nothing lost, and what would be lost is named first."""

import base64
import html
import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import yaml

from catalogue.managed_components import ManagedComponent
from common.errors import InputError
from devcluster.engine import EngineError
from devcluster.network import ZONE_ID
from gx.adoption.live import read_live
from gx.adoption.pruning import also_removed, not_accepted, removals, remove
from gx.cluster.kubernetes_api import ApiError
from gx.diff.changes import changes as changes_between
from gx.diff.changes import updated
from gx.plan.record import record
from settings.offline import offline_settings
from tests.engine.by_hand import EXTRA, PRUNED, RELEASE, SECRETS, Way, make, make_by_hand
from tests.engine.conftest import Stack
from tests.engine.hand_made import (
    HOST,
    NETWORK,
    HandMade,
    ask_zone,
    delete_held,
    give_back,
    import_by_hand,
    pod_templates,
    pod_uids,
    set_containers,
    set_live_secrets,
    stranger,
)
from tests.engine.takeover import Objects, Said, differences, objects, removed, said
from tests.helpers.stack import edit


@pytest.fixture(scope="module")
def hand_made(make_stack: Callable[..., Stack]) -> HandMade:
    """Make the network by hand: kubectl's and others' fields, extra variables, a stale DNS record."""
    made = HandMade(make_stack(NETWORK))
    made.ways = make_by_hand(made.api, record(NETWORK, root=made.root))
    for address in ("217.196.51.190", "192.0.2.7"):
        entry = {"name": HOST, "type": "A", "content": address, "ttl": 1, "proxied": True}
        ask_zone(made.stack.cluster, "POST", json=entry)
    return made


def deployments(hand_made: HandMade) -> Iterator[tuple[str, Way]]:
    """Yield the Deployments with how each was made."""
    return ((key, way) for key, way in hand_made.ways.items() if key.startswith("Deployment/"))


def test_1_what_would_be_lost_is_refused_by_name(hand_made: HandMade) -> None:
    result = hand_made.adopt("--write")
    assert result.returncode == 3, result.stdout + result.stderr
    refused = hand_made.refused(result)
    lost = {f"{key} variable {key.split('/')[1]}/{EXTRA['name']}": way for key, way in deployments(hand_made)}
    assert {name for name in lost if name in refused} == {name for name, way in lost.items() if way in PRUNED}
    assert f"master Helm release {RELEASE}" in refused
    assert "setting minioRootPassword" in refused
    assert f"DnsRecord/{HOST}-192.0.2.7 extra" in refused
    assert not (hand_made.root / "networks" / NETWORK / "adoption.yaml").exists(), "nothing is written"
    assert SECRETS["minio-credentials"]["MINIO_ROOT_PASSWORD"] not in result.stdout + result.stderr
    assert EXTRA["value"] not in result.stdout


def test_1_the_page_shows_what_adoption_would_change(hand_made: HandMade) -> None:
    before = hand_made.uids()
    result = hand_made.gx("preview", "--html", "report.html")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "the cluster of gx-local was read, nothing was changed" in result.stdout
    page = html.unescape((hand_made.root / "report.html").read_text())
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert re.search(r"Compared with the live network: \d\d+ of \d\d+ objects exist", text)
    assert re.search(r"Deployment/svc-tax take over (pods restart )?.*stays, and its next update prunes it: ", text)
    assert f"Deployment/svc-tax variable svc-tax/{EXTRA['name']}: " in text  # to be settled first
    assert "PersistentVolumeClaim/minio-pvc take over" in text
    secrets = [*SECRETS["minio-credentials"].values(), EXTRA["value"]]
    assert not [value for value in secrets if value in page]
    assert hand_made.uids() == before


def test_2_another_manager_a_stranger_and_a_second_quota_are_refused(hand_made: HandMade) -> None:
    api, namespace = hand_made.api, hand_made.stack.namespace
    config = hand_made.stack.get("v1", "ConfigMap", "backend-config")
    api.patch(config, {"data": {"LOG_LEVEL": "trace"}}, manager="helm")
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"pods": "99"}}}
    make(api, {**quota, "metadata": {"name": "older-quota", "namespace": namespace}})
    make(api, stranger(namespace))
    wallet = hand_made.stack.get("apps/v1", "Deployment", "gx-wallet-frontend")
    containers = wallet["spec"]["template"]["spec"]["containers"]
    literal = [{"name": "NEXTAUTH_SECRET", "value": "live-nextauth-secret-of-32-letters"}]
    set_containers(api, wallet, [{**containers[0], "env": literal}, *containers[1:]])
    try:
        refused = hand_made.refused(hand_made.adopt())
        assert "Deployment/gx-wallet-frontend server" in refused, "a literal beside a reference"
        assert "ConfigMap/backend-config data.LOG_LEVEL" in refused
        assert "ResourceQuota/older-quota second" in refused
        assert "PersistentVolumeClaim/minio-pvc mounted by Deployment/old-minio" in refused
        assert "Service/minio selects Deployment/old-minio" in refused
    finally:
        set_containers(api, wallet, containers)
        api.patch(config, {"data": {"LOG_LEVEL": config["data"]["LOG_LEVEL"]}}, manager="kubectl-client-side-apply")
        api.delete("v1", "ResourceQuota", namespace, "older-quota", propagation="Background")
        api.delete("apps/v1", "Deployment", namespace, "old-minio", propagation="Background")
    give_back(api, namespace)


def test_3_other_claim_templates_are_refused_and_named(hand_made: HandMade) -> None:
    api, namespace = hand_made.api, hand_made.stack.namespace
    found = hand_made.stack.get("apps/v1", "StatefulSet", "minio")
    delete_held(api, found)
    template = {
        "metadata": {"name": "other"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    metadata = {"name": "minio", "namespace": namespace, "labels": found["metadata"].get("labels", {})}
    keep = {key: value for key, value in found["spec"].items() if key != "volumeClaimTemplates"}
    base = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata}
    make(api, {**base, "spec": {**keep, "volumeClaimTemplates": [template]}})
    try:
        result = hand_made.adopt("--write")
        refused = hand_made.refused(result)
        assert result.returncode == 3
        assert "StatefulSet/minio spec.volumeClaimTemplates" in refused
        assert "StatefulSet/minio claims" in refused
    finally:
        delete_held(api, found)
        make(api, {**base, "spec": keep}, hand_made.ways["StatefulSet/minio"])


def test_4_accepted_by_name_and_with_the_live_secrets_the_map_is_written(hand_made: HandMade) -> None:
    stack = hand_made.stack
    for entry in ask_zone(stack.cluster, "GET", params={"name": HOST}):
        if entry["content"] == "192.0.2.7":
            ask_zone(stack.cluster, "DELETE", f"/{entry['id']}")
    set_live_secrets(stack)
    refused = hand_made.refused(hand_made.adopt())
    assert [name for name in refused if f"/{EXTRA['name']}" in name]
    assert not [name for name in refused if name.endswith((" server", " deletion")) or "setting " in name], refused
    accepted = [argument for name in refused for argument in ("--accept", name)]
    result = hand_made.adopt("--write", *accepted)
    assert result.returncode == 0, result.stdout
    written = yaml.safe_load((hand_made.root / "networks" / NETWORK / "adoption.yaml").read_text())
    assert written["clusterUid"] == hand_made.uid
    assert written["managedComponents"] == [], "nothing was taken over yet"
    assert written["accepted"] == refused
    assert written["imports"]["StatefulSet/minio"] == f"{stack.namespace}/minio"
    assert written["imports"][f"DnsRecord/{HOST}-217.196.51.190"].startswith(f"{ZONE_ID}/")
    volumes = yaml.safe_load((hand_made.root / "networks" / NETWORK / "volumes.yaml").read_text())
    assert set(volumes) == {"minio-pvc", "minio-backup-pvc"}
    assert hand_made.adopt().returncode == 0, "what was accepted once need not be said again"


@dataclass
class Taken:
    """A network that was taken over: what was said before, and its objects before and after."""

    network: HandMade
    expected: dict[str, Said]
    before: Objects
    after: Objects


@pytest.fixture(scope="module")
def taken(hand_made: HandMade) -> Taken:
    """Take the network over, component by component."""
    plan = record(NETWORK, root=hand_made.root, whole=True)
    expected, live = said(hand_made.adopt().stdout), objects(hand_made.api, plan)
    before, templates, pods = hand_made.uids(), pod_templates(hand_made), pod_uids(hand_made)
    edit(hand_made.root, NETWORK, lambda config: config.update(adopt=True))
    managed: list[str] = []
    for component in ManagedComponent:
        managed.append(component.value)
        edit(hand_made.root, NETWORK, lambda config: config.update(managedComponents=list(managed)))
        if component.value in {"environment", "storage", "workloads", "dns"}:  # one run for a few of them
            written = hand_made.adopt("--write")
            assert written.returncode == 0, written.stdout + written.stderr
            assert not {what for what in hand_made.stack.run().changes if "replace" in what or "delete" in what}
        if component is ManagedComponent.ENVIRONMENT:
            assert pod_templates(hand_made) == templates, "the first component changes no pod template"
            assert pod_uids(hand_made) == pods, "and starts no pod again"
    with pytest.raises(InputError, match="imported once more, the live record would be deleted"):
        _closed(hand_made)
    assert hand_made.adopt("--write").returncode == 0
    _closed(hand_made)
    after = hand_made.uids()
    assert {name: after[name] for name in before} == before, "nothing replaced, nothing lost"
    return Taken(hand_made, expected, live, objects(hand_made.api, plan))


def _closed(hand_made: HandMade) -> None:
    """Say that adoption is over, and read the settings as every command does."""
    edit(hand_made.root, NETWORK, lambda config: config.update(adopt=False))
    offline_settings(NETWORK, hand_made.root)


@pytest.fixture(scope="module")
def adopted(taken: Taken) -> HandMade:
    """Return the network as it was taken over."""
    return taken.network


def test_5_what_was_said_is_what_happened(taken: Taken, capsys: pytest.CaptureFixture[str]) -> None:
    found = {
        key: differences(expected, taken.before[key], taken.after[key])
        for key, expected in taken.expected.items()
        if expected.decision == "take over"
    }
    assert [(key, line) for key, lines in found.items() for line in lines] == []
    created = {key for key, expected in taken.expected.items() if expected.decision == "create"}
    assert created == set(taken.after) - set(taken.before)
    assert set(taken.before) == {*found, "Namespace/backend-testnet"} - created
    counted = Counter(taken.network.ways.values())
    fields = Counter(dict.fromkeys(Way, 0))
    for key, way in taken.network.ways.items():
        fields[way] += len(taken.expected[key].paths)
    assert set(counted) == set(Way)
    assert all(fields.values()), "every way has fields that change"
    with capsys.disabled():
        for way in Way:
            print(f"\n{way}: {counted[way]} objects, {fields[way]} fields said, differences 0", end="")  # noqa: T201 what it is run for


def test_5_after_the_waves_only_the_provider_s_flag_goes(adopted: HandMade) -> None:
    before, templates = adopted.uids(), pod_templates(adopted)
    changes = adopted.stack.run().changes
    assert changes == {"same": changes["same"], "update": 1}, "the provider, which no longer takes over what it finds"
    assert set(adopted.stack.run("preview").changes) == {"same"}
    assert (adopted.uids(), pod_templates(adopted)) == (before, templates)


def test_5_a_wave_cannot_leave_an_adopted_network(adopted: HandMade) -> None:
    every = [component.value for component in ManagedComponent]
    document = yaml.safe_load((adopted.root / "networks" / NETWORK / "adoption.yaml").read_text())
    assert document["managedComponents"] == every
    before = adopted.uids()
    part = [name for name in every if name != "workloads"]
    edit(adopted.root, NETWORK, lambda config: config.update(managedComponents=part))
    with pytest.raises(EngineError, match="leaves out workloads: the network is adopted"):
        adopted.stack.run()
    assert adopted.uids() == before
    edit(adopted.root, NETWORK, lambda config: config.update(managedComponents=every))


def test_6_live_secrets_are_kept_and_nothing_secret_is_in_map_or_state(adopted: HandMade) -> None:
    live = adopted.stack.get("v1", "Secret", "minio-credentials")["data"]
    values = SECRETS["minio-credentials"]
    assert base64.b64decode(live["MINIO_ROOT_PASSWORD"]).decode() == values["MINIO_ROOT_PASSWORD"]
    forms = {values["MINIO_ROOT_PASSWORD"], live["MINIO_ROOT_PASSWORD"], EXTRA["value"]}
    files = [path for path in (adopted.stack.cluster.folder.path / "state").rglob("*") if path.is_file()]
    files.append(adopted.root / "networks" / NETWORK / "adoption.yaml")
    for path in files:
        assert not [form for form in forms if form in path.read_text(errors="replace")], path


def test_7_what_only_the_live_object_has_stays_until_its_next_update_as_adopt_says(adopted: HandMade) -> None:
    def variables() -> list[str]:
        live = adopted.stack.get("apps/v1", "Deployment", "svc-tax")
        return [variable["name"] for variable in live["spec"]["template"]["spec"]["containers"][0]["env"]]

    assert EXTRA["name"] in variables()
    lines = re.split(r"\n(?! )", adopted.adopt().stdout)
    (said,) = (line for line in lines if line.startswith("take over Deployment/svc-tax"))
    assert said.splitlines()[1:] == [
        f'  stays, and its next update prunes it: spec.template.spec.containers["svc-tax"].env.{EXTRA["name"]}'
    ]
    requests = {"cpu": "90m", "memory": "256Mi"}
    plans = [record(NETWORK, root=adopted.root)]
    edit(adopted.root, NETWORK, lambda config: config["workloads"]["svc-tax"]["resources"].update(requests=requests))
    plans.append(record(NETWORK, root=adopted.root))
    live = read_live(adopted.api, offline_settings(NETWORK, adopted.root), None)
    (loss,) = also_removed(updated(changes_between(*plans)), live)
    assert loss.location == "Deployment/svc-tax"
    assert loss.names == (f"Deployment/svc-tax variable svc-tax/{EXTRA['name']}",)
    assert not_accepted([loss], ()) == list(loss.names)
    assert not_accepted([loss], loss.names) == []
    changes = adopted.stack.run().changes
    assert changes == {"same": changes["same"], "update": 1}
    assert EXTRA["name"] not in variables()
    live_fields = adopted.stack.get("apps/v1", "Deployment", "svc-tax")["metadata"]["managedFields"]
    assert "kubectl-client-side-apply" not in {entry["manager"] for entry in live_fields}
    live = read_live(adopted.api, offline_settings(NETWORK, adopted.root), None)
    assert list(also_removed(updated(changes_between(*plans)), live)) == [], "nobody else owns a field of it any more"


def test_8_adopted_once_more_nothing_would_change(adopted: HandMade) -> None:
    result = adopted.adopt()
    assert result.returncode == 0, result.stdout
    assert "0 workloads would restart" in result.stdout
    assert "will change" not in result.stdout
    assert "create    Deployment" not in result.stdout
    assert "Pod Security restricted would refuse:" in result.stdout
    assert "minio-0: " in result.stdout, "as found it runs as root"


def test_8_what_only_live_objects_have_is_removed_on_purpose(adopted: HandMade) -> None:
    def now() -> Objects:
        return objects(adopted.api, record(NETWORK, root=adopted.root))

    before = now()
    tried = adopted.gx("prune")
    assert tried.returncode == 3, tried.stdout + tried.stderr
    assert "because its pods would start again" in tried.stdout
    assert now() == before, "without --write nothing happens"
    file = adopted.root / "networks" / NETWORK / "adoption.yaml"
    recorded = yaml.safe_load(file.read_text())["liveOnly"]
    done = adopted.gx("prune", "--write", "--restart")
    after = now()
    told = removed(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(told) == set(recorded) - {"Deployment/svc-tax"}, "its update has removed it"
    for key, live in after.items():
        gone = told.get(key, [])
        notes = [field for field in gone if field.startswith(("metadata.annotations", "metadata.labels"))]
        expected = Said("", [field for field in gone if field not in notes], own=len(notes))
        assert differences(expected, before[key], live) == [], key
    assert "no object has such a field" in adopted.gx("prune").stdout
    assert set(adopted.stack.run("preview").changes) == {"same"}


def test_8_an_object_whose_status_moves_all_the_time_is_pruned(adopted: HandMade) -> None:
    """A quota's status, or a Deployment's, is written while the command works."""
    path = f"/api/v1/namespaces/backend-{NETWORK}/resourcequotas/backend-{NETWORK}-quota"
    quota = adopted.api.request("GET", path)
    adopted.api.patch(quota, {"metadata": {"annotations": {"note": "by hand"}}}, manager="kubectl-edit")
    live = read_live(adopted.api, offline_settings(NETWORK, adopted.root), None)
    (one,) = removals(record(NETWORK, root=adopted.root), live, [], restart=False)
    status = {"status": {"used": {"pods": "99"}}}
    moved = adopted.api.request("PATCH", f"{path}/status", body=status, content_type="application/merge-patch+json")
    assert moved["metadata"]["resourceVersion"] != one.found["metadata"]["resourceVersion"]
    remove(adopted.api, one, dry_run=False)
    assert "note" not in adopted.api.request("GET", path)["metadata"].get("annotations", {})


def test_8_an_object_that_changed_meanwhile_is_left_as_it_is(adopted: HandMade) -> None:
    config = adopted.stack.get("v1", "ConfigMap", "backend-config")
    adopted.api.patch(config, {"data": {"ANOTHER": "key"}}, manager="kubectl-edit")
    live = read_live(adopted.api, offline_settings(NETWORK, adopted.root), None)
    (one,) = removals(record(NETWORK, root=adopted.root), live, ["ConfigMap/backend-config key ANOTHER"], restart=False)
    adopted.api.patch(config, {"data": {"ANOTHER": "value"}}, manager="kubectl-edit")
    with pytest.raises(ApiError, match="modified"):
        remove(adopted.api, one, dry_run=False)
    refused = adopted.gx("prune", "--write")
    assert refused.returncode == 3
    assert "because ConfigMap/backend-config key ANOTHER: is set live and not planned" in refused.stdout
    done = adopted.gx("prune", "--write", "--accept", "ConfigMap/backend-config key ANOTHER")
    assert done.returncode == 0, done.stdout
    assert adopted.stack.get("v1", "ConfigMap", "backend-config")["data"] == config["data"]


def test_9_an_object_that_the_state_forgot_is_taken_in_as_the_runbook_says(adopted: HandMade) -> None:
    """docs/runbooks/engine-killed.md, step 4: an engine that died had made it and never noted it."""
    stack = adopted.stack
    urn = next(r["urn"] for r in stack.network.resources() if r["urn"].endswith("Deployment::svc-tax"))
    command = ["pulumi", "state", "delete", urn, "--yes", "--target-dependents", "-s", NETWORK]
    environment = {**os.environ, **stack.network.environment()}
    subprocess.run(command, cwd=stack.network.project, env=environment, check=True, capture_output=True)
    before = adopted.uids()
    result = adopted.adopt("--write")
    assert result.returncode == 0, result.stdout
    edit(adopted.root, NETWORK, lambda config: config.update(adopt=True))
    changes = stack.run().changes
    assert changes == {"same": changes["same"], "create": 1, "update": 1}, "the Deployment, and the provider's flag"
    _close(adopted, before)


def test_10_a_state_that_is_gone_is_made_anew(adopted: HandMade) -> None:
    """docs/runbooks/engine-killed.md, last section: nothing that runs is made again, nothing is lost."""
    stack, before = adopted.stack, adopted.uids()
    environment = {**os.environ, **stack.network.environment()}
    for words in (("stack", "rm", "--force", "--yes", "--preserve-config", NETWORK), ("stack", "init", NETWORK)):
        command = ["pulumi", *words]
        subprocess.run(command, cwd=stack.network.project, env=environment, check=True, capture_output=True)
    result = adopted.adopt("--write")
    assert result.returncode == 0, result.stdout
    assert f"owned     DnsRecord/{HOST}-217.196.51.190" in result.stdout
    edit(adopted.root, NETWORK, lambda config: config.update(adopt=True))
    import_by_hand(adopted, before)
    changes = stack.run().changes
    assert not [what for what in changes if "replace" in what or "delete" in what], changes
    _close(adopted, before)


def _close(adopted: HandMade, before: dict[str, str]) -> None:
    """End adoption: the same objects live, and nothing is left to do."""
    assert adopted.adopt("--write").returncode == 0
    edit(adopted.root, NETWORK, lambda config: config.update(adopt=False))
    adopted.stack.run()
    assert adopted.uids() == before
    assert set(adopted.stack.run("preview").changes) == {"same"}
