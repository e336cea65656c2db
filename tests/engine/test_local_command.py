"""`gx local` as a user uses it: up, twice, status, down, and everything that can get in its way."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from gx.cluster.kubernetes_api import KubernetesApi
from settings.project import ROOT
from tests.engine.conftest import needed_binaries
from tests.helpers.command import gx_words

STACK = "testnet"


class Local:
    """The command, on a data folder of the test's own."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        """Start the command."""
        command = gx_words("local", *arguments)
        return subprocess.Popen(
            [*command, "--data", str(self.data)] if "mark" not in arguments else command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """Run the command; return exit code, output, complaints."""
        with self.start(*arguments, **environment) as child:
            output, complaint = child.communicate(timeout=120)
        return child.returncode, output, complaint

    def processes(self) -> list[psutil.Process]:
        """Return every process that belongs to this data folder."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.pid != os.getpid() and any(str(self.data) in word for word in process.cmdline()):
                    found.append(process)
        return found

    def gone(self, seconds: float = 45) -> bool:
        """Whether every process of the folder ends in time."""
        deadline = time.monotonic() + seconds
        while self.processes():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    """Return the command with a folder that is gone afterwards."""
    needed_binaries()
    folder = Path(tempfile.mkdtemp(prefix="gx-local-"))
    local = Local(folder / "data")
    yield local
    local.run("down")
    shutil.rmtree(folder)


def test_01_nothing_is_there_at_first(local: Local) -> None:
    code, output, _ = local.run("status")
    assert (code, "start one with `gx local up`" in output) == (1, True)
    assert local.run("down")[0] == 0


def test_02_ctrl_c_while_it_starts_leaves_no_process(local: Local) -> None:
    with local.start("up", STACK) as child:
        while not any("devcluster.supervisor" in process.cmdline() for process in local.processes()):
            time.sleep(0.1)
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        _, complaint = child.communicate(timeout=60)
    assert child.returncode == 130
    assert complaint == "interrupted; what this command started is stopped; the next `gx local up` goes on from here\n"
    assert local.gone()


def test_03_kill_9_while_the_engine_works_leaves_no_process(local: Local) -> None:
    with local.start("up", STACK) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if "the engine works" in line:
                break
        time.sleep(4)
        child.kill()
        child.communicate(timeout=60)
    assert local.gone()


def test_04_the_next_up_goes_on_from_there(local: Local) -> None:
    code, output, complaint = local.run("up", STACK)
    assert code == 0, complaint
    assert "pods in backend-testnet: 15 ready, 3 completed, 0 waiting" in output
    assert "pulumi stack -s testnet" in output
    assert "output namespace: backend-testnet" in output


def test_05_up_twice_changes_nothing(local: Local) -> None:
    code, output, _ = local.run("up", STACK)
    assert code == 0
    assert re.search(rf"^{STACK}: \d+ same$", output, re.MULTILINE), output


def test_06_status_names_what_runs(local: Local) -> None:
    code, output, _ = local.run("status")
    assert code == 0
    for word in ("etcd", "kube-apiserver", "kwok", "srv1089624.hstgr.cloud", "testnet: 1"):
        assert word in output


def test_07_a_second_command_is_told_who_works(local: Local) -> None:
    with local.start("up", STACK) as child:
        while f"process {child.pid}" not in (local.data / "lock").read_text():
            time.sleep(0.05)
        code, _, complaint = local.run("up", STACK)
        child.communicate(timeout=60)
    assert code == 2
    assert f"another command works on this cluster (process {child.pid})" in complaint


def test_08_its_files_are_for_the_owner_alone(local: Local) -> None:
    assert local.data.stat().st_mode & 0o077 == 0
    for name in ("kubeconfig", "passphrase", "pki/ca.key", "pki/admin.key"):
        assert (local.data / name).stat().st_mode & 0o077 == 0, name


def test_09_no_secret_is_in_an_argument_list_or_a_log(local: Local) -> None:
    passphrase = (local.data / "passphrase").read_text()
    for process in local.processes():
        assert passphrase not in " ".join(process.cmdline())
    for log in (local.data / "logs").iterdir():
        assert passphrase not in log.read_text(errors="replace")


def test_10_a_cluster_of_the_persons_own_must_be_marked(local: Local, tmp_path: Path) -> None:
    """The marker is another command's: without it the very same cluster is refused, with it taken."""
    document = yaml.safe_load((local.data / "kubeconfig").read_text())
    document["contexts"][0]["name"] = document["current-context"] = "mine"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(document))
    environment = {"KUBECONFIG": str(kubeconfig)}
    api = KubernetesApi.connect(kubeconfig)
    api.delete("v1", "ConfigMap", "kube-system", "gx-local", propagation="Background")
    code, _, complaint = local.run("up", STACK, "--context", "mine", **environment)
    assert code == 2
    assert "is not marked as local" in complaint
    code, _, complaint = local.run("mark", "--context", "mine", "--yes", **environment)
    assert code == 0, complaint
    code, output, _ = local.run("status", "--context", "mine", **environment)
    assert (code, "no cluster" in output) == (1, True)


def test_11_one_with_productions_nodes_never(local: Local) -> None:
    api = KubernetesApi.connect(local.data / "kubeconfig")
    name = "srv1089618.hstgr.cloud"
    node = api.get("v1", "Node", "", name)
    assert node is not None
    api.patch(node, {"metadata": {"annotations": {"kwok.x-k8s.io/node": None}}})
    try:
        environment = {"KUBECONFIG": str(local.data / "kubeconfig")}
        for arguments in (("up", STACK, "--context", "gx-local"), ("mark", "--context", "gx-local", "--yes")):
            code, _, complaint = local.run(*arguments, **environment)
            assert code == 2
            assert "is a node of the production cluster" in complaint
    finally:
        api.patch(node, {"metadata": {"annotations": {"kwok.x-k8s.io/node": "fake"}}})


def test_12_a_corrupted_state_is_one_line_and_stays_as_it_is(local: Local) -> None:
    state = local.data / "state/.pulumi/stacks/gx-infra/testnet.json"
    kept = state.read_text()
    state.write_text(kept[:100])
    try:
        code, _, complaint = local.run("up", STACK)
    finally:
        broken = state.read_text()
        state.write_text(kept)
    assert code == 2
    assert complaint.count("\n") == 1
    assert "is no state of the engine" in complaint
    assert broken == kept[:100]


def test_12_a_lost_passphrase_is_one_line(local: Local) -> None:
    passphrase = local.data / "passphrase"
    kept = passphrase.rename(local.data / "elsewhere")
    code, _, complaint = local.run("up", STACK)
    kept.rename(passphrase)
    assert code == 2
    assert complaint.count("\n") == 1
    assert "passphrase: is gone" in complaint


def test_13_down_ends_every_process_and_keeps_the_data(local: Local) -> None:
    code, output, _ = local.run("down")
    assert (code, "the data stays" in output) == (0, True)
    assert local.processes() == []
    assert local.run("down")[1].startswith("nothing ran")


def test_14_a_port_taken_meanwhile_is_replaced(local: Local) -> None:
    port = json.loads((local.data / "running.json").read_text())["ports"]["kube-apiserver"]
    with socket.create_server(("127.0.0.1", port)):  # also while old connections to it fade away
        code, output, complaint = local.run("up", STACK)
    local.run("down")
    assert code == 0, complaint
    assert re.search(rf"^{STACK}: \d+ same$", output, re.MULTILINE), f"data and state were kept: {output}"


def test_15_a_folder_of_another_version_is_refused(local: Local) -> None:
    version = local.data / "version"
    kept = version.read_text()
    version.write_text("0 etcd-3.4\n")
    code, _, complaint = local.run("up", STACK)
    version.write_text(kept)
    assert code == 2
    assert "was made by another version" in complaint


def test_16_a_program_that_cannot_start_is_named_with_its_last_words(local: Local) -> None:
    members = local.data / "etcd" / "member"
    members.rename(members.with_name("kept"))
    members.write_text("no folder")
    code, _, complaint = local.run("up", STACK)
    members.unlink()
    members.with_name("kept").rename(members)
    assert code == 2
    assert "etcd ended with" in complaint
    assert local.gone()


def test_17_a_folder_that_is_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_text("x")
    for arguments in (("up", STACK), ("down", "--delete")):
        code, _, complaint = Local(tmp_path).run(*arguments)
        assert code == 2
        assert "is no data folder of a local cluster" in complaint
    assert (tmp_path / "holiday.jpg").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("up", "stagenet"), "there is no stack 'stagenet'"),
        (("up", STACK, "--context", "nowhere"), "context nowhere"),
    ],
)
def test_18_bad_arguments_start_nothing(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    local = Local(tmp_path / "data")
    code, _, complaint = local.run(*arguments, KUBECONFIG=str(tmp_path / "none"))
    assert code == 2
    assert complaint.count("\n") == 1
    assert words in complaint
    assert not local.data.exists()


def test_19_delete_removes_the_data(local: Local) -> None:
    code, output, _ = local.run("down", "--delete")
    assert (code, output.endswith(f"deleted {local.data}\n")) == (0, True)
    assert not local.data.exists()


def test_20_a_full_disk_leaves_no_process_and_the_next_up_starts(tmp_path: Path) -> None:
    needed_binaries()
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=30m,mode=0700", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk (root)")
    local = Local(disk / "data")
    try:
        code, _, complaint = local.run("up", STACK)
        assert code == 2
        assert complaint.count("\n") == 1
        assert local.gone()
        subprocess.run(["mount", "-o", "remount,size=2g", str(disk)], check=True)
        code, _, complaint = local.run("up", STACK)
        assert code == 0, complaint
    finally:
        local.run("down")
        subprocess.run(["umount", str(disk)], check=True)
