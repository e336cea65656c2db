"""The command as a user meets it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import yaml

from settings.project import ROOT
from tests.helpers.command import gx_words, run_gx
from tests.helpers.stack import edit

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("stack", ["devnet", "testnet", "mainnet"])
def test_preview_shows_everything(gx: Run, stack: str) -> None:
    result = gx("preview", stack)
    assert result.returncode == 0, result.stderr
    for word in (
        "svc-messaging",
        "minio-pvc",
        "gx-backend-ingress",
        "default-deny-all",
        "DnsRecord",
        "minio-backup",
        "Outputs",
        "Findings",
    ):
        assert word in result.stdout
    assert "nothing was contacted" in result.stdout
    assert "\x1b" not in result.stdout + result.stderr


@pytest.mark.parametrize("group", [(), ("local",), ("edge",)], ids=["gx", "local", "edge"])
def test_the_list_of_commands_cuts_no_summary(gx: Run, group: tuple[str, ...]) -> None:
    done = gx(*group, "--help")
    assert done.returncode == 0
    listed = done.stdout.split("Commands:")[1].split("\n\n")[0].strip().splitlines()
    assert len(listed) >= 3
    assert not [line for line in listed if "..." in line]


def test_without_arguments_it_says_how_to_begin(gx: Run) -> None:
    assert "Begin with `gx preview devnet`" in gx().stdout + gx().stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("gx preview ma", "mainnet"),
        ("gx local up dev", "devnet"),
        ("gx promote testnet m", "mainnet"),
        ("gx veri", "verify"),
    ],
)
def test_the_shell_completes_commands_and_networks(words: str, expected: str) -> None:
    request = {"_GX_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = run_gx(env=request, first="import sys; sys.argv[0] = 'gx'")
    assert done.stdout.split() == [expected], done.stderr


def test_json_is_for_programs(gx: Run) -> None:
    result = gx("preview", "testnet", "--json")
    document = json.loads(result.stdout)
    assert document["network"] == "testnet"
    assert {"urn", "type", "inputs", "options"} <= set(document["resources"][0])
    assert {"severity", "check", "place", "text"} == set(document["findings"][0])
    assert "p@ss" not in result.stdout


def test_render_writes_manifests(gx: Run, tmp_path: Path) -> None:
    result = gx("preview", "devnet", "--render", str(tmp_path / "out"))
    assert result.returncode == 0
    files = sorted((tmp_path / "out").glob("*.yaml"))
    assert yaml.safe_load(files[0].read_text())["kind"] == "Namespace"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["preview", "prod"], "Pulumi.prod.yaml: there is no stack 'prod'"),
        (["preview", "../etc"], "there is no stack"),
        (["preview", "devnet", "--render", "/proc/x/y"], "cannot be written"),
        (["preview"], "STACK"),
        (["preview", "devnet", "--rander", "x"], "rander"),
    ],
)
def test_wrong_call_ends_with_2_and_no_traceback(gx: Run, arguments: list[str], expected: str) -> None:
    result = gx(*arguments)
    assert result.returncode == 2
    assert expected in result.stderr
    assert "Traceback" not in result.stderr


def test_bad_setting_ends_with_2_one_line_and_nothing_written(gx: Run, project: Path) -> None:
    edit(project, "mainnet", lambda config: config["backup"].update(schedule="often"))
    result = gx("preview", "mainnet", "--render", "out", cwd=project)
    assert result.returncode == 2
    errors = [line for line in result.stderr.splitlines() if not line.startswith("recording")]
    assert len(errors) == 1
    assert errors[0].startswith("Pulumi.mainnet.yaml: gx-infra:backup.schedule = 'often': ")
    assert not (project / "out").exists()
    assert result.stdout == ""


def test_quota_below_the_need_ends_with_2(gx: Run, project: Path) -> None:
    edit(project, "mainnet", lambda config: config["quota"].update(requestsMemory="8Gi"))
    result = gx("preview", "mainnet", cwd=project)
    assert result.returncode == 2
    assert "gx-infra:quota.requestsMemory = '8Gi': the network needs" in result.stderr


def test_finding_of_a_check_ends_with_2_and_nothing_written(gx: Run, project: Path) -> None:
    edit(project, "devnet", lambda config: config["limitRange"]["container"]["min"].update(cpu="100m"))
    result = gx("preview", "devnet", "--render", "out", cwd=project)
    assert result.returncode == 2
    assert "error limit-range Deployment/svc-messaging: requests 50m of cpu" in result.stdout
    assert not (project / "out").exists()


def test_check_compares_all_networks(gx: Run) -> None:
    result = gx("check")
    assert result.returncode == 0
    assert all(name in result.stdout for name in ("devnet", "testnet", "mainnet"))


def test_schema_check_notices_an_old_file(gx: Run, project: Path) -> None:
    result = gx("schema", "--check", cwd=project)
    assert result.returncode == 2
    assert "run `gx schema`" in result.stderr


def test_without_arguments_it_shows_the_commands(gx: Run) -> None:
    result = gx()
    assert "preview" in result.stdout + result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupt_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    command = gx_words("preview", "mainnet", "--render", str(tmp_path / "out"))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        assert "recording" in child.stderr.readline()
        time.sleep(0.2)
        recorders = psutil.Process(child.pid).children(recursive=True)
        child.send_signal(number)
        _, errors = child.communicate(timeout=300)
    assert child.returncode == 128 + number
    assert errors == "interrupted; nothing was changed\n"
    assert not any(recorder.is_running() for recorder in recorders)
    assert list(tmp_path.iterdir()) == []


def test_nohup_keeps_a_closed_terminal_from_ending_it() -> None:
    code = "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\nfrom gx.cli.main import main\n"
    code += "import gx.cli.main\ngx.cli.main.app = lambda: os.kill(os.getpid(), signal.SIGHUP)\nmain()"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=60).returncode == 0


def test_an_interruption_after_a_file_was_written_says_so(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\nimport gx.preview.tree\nfrom gx.cli.main import main\n"
        "gx.preview.tree.print_plan = lambda *_: os.kill(os.getpid(), signal.SIGTERM)\nmain()"
    )
    command = [sys.executable, "-c", code, "preview", "devnet", "--render", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr.splitlines()[-1] == f"interrupted; {tmp_path / 'out'} was written"
    assert (tmp_path / "out").is_dir()


def test_a_full_disk_below_standard_output_is_one_line() -> None:
    for arguments in (("--help",), ("preview", "devnet")):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                gx_words(*arguments), cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60
            )
        assert done.returncode == 2, done.stderr
        assert done.stderr.splitlines()[-1].startswith("standard output: cannot be written (No space left on device)")
        assert "Traceback" not in done.stderr


def test_a_reader_that_has_enough_ends_it_without_a_word() -> None:
    with subprocess.Popen(
        gx_words("preview", "devnet"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        errors = child.stderr.read()
    assert child.returncode == 1
    assert "Traceback" not in errors + str(child.returncode)
    assert "standard output" not in errors


def test_ctrl_c_while_it_loads_is_one_line() -> None:
    first = (
        "import importlib.abc, os, signal, sys\n"
        "class Slow(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Slow())\n"
    )
    done = run_gx("preview", "devnet", first=first)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted; nothing was changed\n")
