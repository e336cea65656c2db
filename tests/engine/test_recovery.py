"""An engine that was killed, two at once, input that the engine refuses: what a user meets on a bad day."""

import contextlib
import json
import os
import re
import runpy
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml
from pulumi import automation

from devcluster.binaries import KUBERNETES_PLUGIN
from devcluster.engine import EngineError, Event
from devcluster.network import ZONE_ID
from devcluster.plugins import official
from devcluster.recovery import recover
from settings.project import ROOT, stack_file
from tests.engine.conftest import Stack

NETWORK = "devnet"


@pytest.fixture(scope="module")
def stack(make_stack: Callable[..., Stack]) -> Stack:
    """Return a network that nothing was done to yet."""
    return make_stack(NETWORK)


def _engines(stack: Stack) -> list[psutil.Process]:
    """Return the engine's own processes of this stack."""
    found: list[psutil.Process] = []
    for child in psutil.Process().children(recursive=True):
        try:
            if child.name() == "pulumi" and str(stack.network.project) == child.cwd():
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def _no_plugin_is_left(stack: Stack) -> None:
    """A plugin whose engine is dead ends by itself."""
    deadline = time.monotonic() + 15
    while left := _plugins(stack.network.project):
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.5)


def _plugins(project: Path) -> list[str]:
    """Return the processes of plugins that work in a project; a downloaded one may take five minutes to notice."""
    ours = ["tools.plugins", *([] if official("kubernetes") else [KUBERNETES_PLUGIN])]
    listed = subprocess.run(["pgrep", "-f", "|".join(ours)], capture_output=True, text=True, check=False).stdout
    found: list[str] = []
    for process in listed.split():
        with contextlib.suppress(OSError):  # it has just ended
            if Path(f"/proc/{process}/cwd").readlink() == project:
                found.append(process)
    return found


def test_1_an_engine_killed_in_the_middle_recovers_as_the_runbook_says(stack: Stack) -> None:
    """Kill -9 while objects are being created: a lock and half-noted operations stay, `recover` clears them up."""
    killed = threading.Event()

    def kill(event: Event) -> None:
        if event["kind"] == "resource_pre_event" and "Deployment" in event["type"] and not killed.is_set():
            killed.set()
            time.sleep(0.2)
            for engine in _engines(stack):
                engine.kill()

    stack.network.prepare(stack.api, lambda _: None)
    with pytest.raises(EngineError):
        stack.network.run("up", kill)
    assert killed.is_set()
    _no_plugin_is_left(stack)
    assert list(stack.network.locks.glob("*.json")), "the lock of the dead engine"
    assert stack.network.pending(), "operations whose end nobody noted"
    said: list[str] = []
    recover(stack.network, stack.api, said.append)
    assert "removing the lock" in said[0]
    assert "cut off" in said[1]
    assert stack.network.pending() == []
    stack.run()
    assert set(stack.run("preview").changes) == {"same"}


def test_1_an_engine_that_ended_by_itself_when_its_program_died_leaves_no_lock_but_strays(stack: Stack) -> None:
    """Its lock is gone, its state is whole, and an object was made that it never heard of."""
    labels = {"app.kubernetes.io/managed-by": "gx-infra", "gxcoin.money/network": stack.network.stack}
    stray = {"name": "stray", "namespace": stack.namespace, "labels": labels}
    stack.api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": stray})
    assert not stack.network.unfinished.exists(), "the last run came to its end"
    recover(stack.network, stack.api, lambda _: None)
    assert stack.api.get("v1", "ServiceAccount", stack.namespace, "stray"), "nobody looked, and nobody should"
    stack.network.unfinished.touch()
    recover(stack.network, stack.api, lambda _: None)
    assert stack.api.get("v1", "ServiceAccount", stack.namespace, "stray") is None
    assert set(stack.run().changes) == {"same"}
    assert not stack.network.unfinished.exists()


def test_1_a_sidecar_that_was_cut_off_does_not_make_the_state_unreadable(stack: Stack) -> None:
    """An engine with another backend address writes one; killed while doing so, it leaves an empty file."""
    beside = stack.network.state_file.with_name(f"{stack.network.state_file.name}.attrs")
    assert not beside.exists(), "no run of ours makes one"
    beside.touch()
    with pytest.raises(EngineError, match="EOF"):
        stack.network.run("up")
    recover(stack.network, stack.api, lambda _: None)
    assert set(stack.run().changes) == {"same"}
    assert not beside.exists()


def test_2_the_second_of_two_runs_is_told_who_holds_the_lock(stack: Stack) -> None:
    refused: list[str] = []

    def second() -> None:
        try:
            stack.network.run("up")
        except EngineError as error:
            refused.append(str(error))

    started = threading.Event()
    threads: list[threading.Thread] = []

    def on_event(_event: Event) -> None:
        if not started.is_set():
            started.set()
            threads.append(threading.Thread(target=second))
            threads[0].start()
            threads[0].join()

    stack.network.run("up", on_event)
    assert len(refused) == 1
    assert "locked by 1 lock" in refused[0]
    assert re.search(r"created by \S+ \(pid \d+\)", refused[0])


@pytest.mark.usefixtures("automation_api")
def test_3_outputs_are_read_by_the_example_consumer(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = stack.network.environment()
    monkeypatch.setenv("PATH", environment["PATH"])
    settings = automation.ProjectSettings(name="consumer", runtime="python")
    example = ROOT / "docs" / "examples" / "consumer" / "__main__.py"
    options = automation.LocalWorkspaceOptions(work_dir=str(tmp_path), env_vars=environment, project_settings=settings)

    def program() -> None:
        runpy.run_path(str(example))

    consumer = automation.create_or_select_stack("prod", project_name="consumer", program=program, opts=options)
    consumer.set_config("network", automation.ConfigValue(NETWORK))
    consumer.up(on_output=lambda _: None)
    outputs = {name: output.value for name, output in consumer.outputs().items()}
    assert f"backend-{NETWORK}" in json.dumps(outputs)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("quota", None, "is missing configuration value 'quota'"),
        ("testUsers", "perhaps", "must be of type 'boolean'"),
        ("quotas", {}, "unknown key"),
        ("clusterUid", "11111111-1111-1111-1111-111111111111", "this cluster is not the one"),
    ],
)
def test_4_the_engine_reports_wrong_settings(stack: Stack, key: str, value: object, words: str) -> None:
    stack.network.prepare(stack.api, lambda _: None)
    before = _objects(stack)
    path = stack.network.project / stack_file(NETWORK)
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    document["config"][f"gx-infra:{key}"] = value
    if value is None:
        del document["config"][f"gx-infra:{key}"]
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(EngineError, match=re.escape(words)):
        stack.network.run("up")
    assert _objects(stack) == before


def _objects(stack: Stack) -> dict[str, str]:
    """Return the revision of every live object of the program, and the id of everything in the state."""
    found = {str(resource["urn"]): str(resource.get("id")) for resource in stack.network.resources()}
    for api_version, kind in (("v1", "Secret"), ("v1", "ConfigMap"), ("apps/v1", "Deployment"), ("v1", "Service")):
        for live in stack.api.list_objects(api_version, kind, stack.namespace):
            found[f"{kind}/{live['metadata']['name']}"] = live["metadata"]["resourceVersion"]
    return found


def test_5_a_lost_passphrase_is_an_error_and_changes_nothing(stack: Stack) -> None:
    stack.network.prepare(stack.api, lambda _: None)
    passphrase = stack.cluster.folder.path / "passphrase"
    kept, before = passphrase.read_text(), stack.network.state_file.read_text()
    passphrase.write_text("another")
    try:
        with pytest.raises(EngineError, match="incorrect passphrase"):
            stack.network.run("up")
    finally:
        passphrase.write_text(kept)
    assert stack.network.state_file.read_text() == before


def test_6_plain_pulumi_works_on_the_same_stack(stack: Stack) -> None:
    environment = {**os.environ, **stack.network.environment()}
    command = ["pulumi", "stack", "--show-urns", "-s", NETWORK]
    done = subprocess.run(
        command, cwd=stack.network.project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "gx:storage:MinioStorage" in done.stdout


def test_6_plain_destroy_refuses_before_it_deletes_anything(stack: Stack) -> None:
    environment = {**os.environ, **stack.network.environment()}
    before = _objects(stack)
    command = ["pulumi", "destroy", "--yes", "--non-interactive", "-s", NETWORK]
    done = subprocess.run(
        command, cwd=stack.network.project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "protect" in done.stdout + done.stderr
    assert _objects(stack) == before


def test_7_rebuilt_on_an_empty_cluster(stack: Stack) -> None:
    """After adoption no import id is left: state and namespace gone, one run makes everything again."""
    stack.api.delete("v1", "Namespace", "", stack.namespace, propagation="Background")
    deadline = time.monotonic() + 60
    while stack.api.get("v1", "Namespace", "", stack.namespace) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    for found in list(stack.api.list_objects("v1", "ConfigMap", "monitoring")):
        stack.api.delete("v1", "ConfigMap", "monitoring", found["metadata"]["name"], propagation="Background")
    zone = f"{stack.cluster.zone_url}/zones/{ZONE_ID}/dns_records"
    for entry in httpx.get(zone, headers={"Authorization": "Bearer x"}).json()["result"]:
        httpx.delete(f"{zone}/{entry['id']}", headers={"Authorization": "Bearer x"}).raise_for_status()
    stack.network.state_file.unlink()
    assert stack.run().changes["create"] > 100
