"""The recorder: the same program, nothing lost, nothing taken from the person's shell."""

import dataclasses
import importlib.metadata
import inspect
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from common.errors import InputError
from common.plan import Plan
from common.values import UNKNOWN_TEXT, Secret, Unknown, decode, plain, walk
from gx.plan.record import RecorderCrashError, record
from settings.project import ROOT


def _content(plan: Plan) -> dict[str, object]:
    return {resource.urn: (resource.inputs, resource.options) for resource in plan.resources}


def test_two_recordings_are_the_same(mainnet: Plan) -> None:
    assert _content(record("mainnet")) == _content(mainnet)


def test_preview_and_up_register_the_same(mainnet: Plan) -> None:
    assert _content(record("mainnet", up=True)) == _content(mainnet)


def test_a_first_preview_loses_nothing(mainnet: Plan) -> None:
    """Generated values are unknown then: every registration is there all the same, and says where it depends on one."""
    first = record("mainnet", unknown=True)
    assert {r.urn for r in first.resources} == {r.urn for r in mainnet.resources}
    depending = {r.object_name for r in first.resources if r.unknown_paths}
    assert {"minio-svc-messaging", "svc-messaging"} <= depending
    assert not {"backend-config", "gx-backend-ingress"} & depending


def test_the_shell_of_a_person_changes_nothing(mainnet: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBECONFIG", "CLOUDFLARE_API_TOKEN", "PULUMI_CONFIG", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"):
        monkeypatch.setenv(name, "{}")
    assert _content(record("mainnet")) == _content(mainnet)


def test_no_variable_of_the_interpreter_changes_anything(
    mainnet: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("program.py", "yaml.py", "sitecustomize.py", "start.py"):
        (tmp_path / name).write_text("raise SystemExit('not this one')\n")
    for name, value in (
        ("PYTHONHASHSEED", "1"),
        ("PYTHONHOME", str(tmp_path)),
        ("PYTHONINSPECT", "1"),
        ("PYTHONOPTIMIZE", "2"),
        ("PYTHONPATH", str(tmp_path)),
        ("PYTHONSAFEPATH", "1"),
        ("PYTHONSTARTUP", str(tmp_path / "start.py")),
        ("PYTHONUTF8", "0"),
        ("PYTHONIOENCODING", "utf-16"),
        ("PYTHONWARNINGS", "error"),
        ("PYTHONVERBOSE", "1"),
        ("LC_ALL", "C"),
        ("LANG", "C"),
        ("TZ", "Asia/Tokyo"),
    ):
        monkeypatch.setenv(name, value)
    assert _content(record("mainnet")) == _content(mainnet)


def test_the_program_of_the_folder_is_run_whatever_the_shell_says(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "program.py").write_text("def build(settings):\n    return {'which': 'this one'}\n")
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert record("devnet", root=project).outputs == {"which": "this one"}


def test_a_record_of_another_program_is_refused(project: Path, tmp_path: Path) -> None:
    """Something in the environment leads Python elsewhere, here the program itself."""
    for folder in (project, tmp_path / "elsewhere"):
        (folder / "components").mkdir(parents=True)
        (folder / "components/__init__.py").touch()
    away = f"import sys\nsys.path.insert(0, {str(tmp_path / 'elsewhere')!r})\nimport components\n"
    (project / "program.py").write_text(away + "def build(settings):\n    return {}\n")
    with pytest.raises(InputError, match=r"components: another program was run, .*elsewhere.*: nothing was recorded"):
        record("devnet", root=project)


def test_main_is_the_same_program(mainnet: Plan) -> None:
    """`__main__.py` under the recorder's monitor exports what the Plan's outputs say."""
    code = """
import json, runpy, pulumi
from pathlib import Path
from typing import Any
from pulumi.runtime import mocks
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await
from gx.plan.recorder import Answers, PlanRecorder
from settings.stackfile import read_stack
config = read_stack("mainnet")
keys = {"backend-mainnet/redis-credentials": ["REDIS_PASSWORD"],
        "backend-mainnet/backend-secrets": ["DATABASE_USER", "DATABASE_PASSWORD"]}
answers = Answers(cluster_uid=config.values["gx-infra:clusterUid"], secret_keys=keys, unknown=False)
recorder = PlanRecorder(answers, lambda _: None)
mocks.set_mocks(answers, project="gx-infra", stack="mainnet", preview=False, monitor=recorder)
pulumi.runtime.set_all_config(config.values, list(config.secrets))
exported = {}
pulumi.export = exported.__setitem__
_sync_await(run_pulumi_func(lambda: runpy.run_path("__main__.py") and None))
print(json.dumps([exported, sorted(entry["urn"] for entry in recorder.entries)]))
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    outputs, urns = json.loads(result.stdout)
    assert outputs == mainnet.outputs
    assert urns == sorted(resource.urn for resource in mainnet.resources)


def test_a_wrong_cluster_ends_the_run_before_any_object() -> None:
    code = """
import pulumi
from pulumi.runtime import mocks
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await
from gx.plan.recorder import Answers, PlanRecorder
from settings.load import load_settings
from settings.stackfile import read_stack
from program import build
config = read_stack("mainnet")
answers = Answers(cluster_uid="11111111-1111-1111-1111-111111111111", secret_keys={}, unknown=False)
recorder = PlanRecorder(answers, lambda _: None)
mocks.set_mocks(answers, project="gx-infra", stack="mainnet", preview=True, monitor=recorder)
pulumi.runtime.set_all_config(config.values, list(config.secrets))
try:
    _sync_await(run_pulumi_func(lambda: build(load_settings()) and None))
except pulumi.RunError as error:
    print(error)
print([e["type"] for e in recorder.entries if e["custom"] and not e["read"] and "providers" not in e["type"]])
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    message, registered = result.stdout.splitlines()
    assert "this cluster is not the one that Pulumi.mainnet.yaml pins" in message
    assert registered == "[]"


def test_a_crash_of_the_program_is_no_persons_mistake(project: Path) -> None:
    (project / "program.py").write_text("def build(settings):\n    raise ZeroDivisionError('boom')\n")
    with pytest.raises(RecorderCrashError, match="boom"):
        record("devnet", root=project)


def test_a_program_that_prints_a_lot_does_not_block(project: Path) -> None:
    noise = "import sys\nprint('x' * 300_000)\nprint('x' * 300_000, file=sys.stderr)\n"
    (project / "program.py").write_text(noise + "def build(settings):\n    return {'a': 1}\n")
    assert record("devnet", root=project).outputs == {"a": 1}


def test_a_resource_that_hangs_on_a_failed_output_is_not_lost(project: Path) -> None:
    """An exception inside an apply must end the recording; otherwise its resource would be missing silently."""
    (project / "program.py").write_text(
        "import pulumi, pulumi_random\n"
        "def build(settings):\n"
        "    bad = pulumi.Output.from_input(1).apply(lambda _: 1 / 0)\n"
        "    pulumi_random.RandomPassword('p', length=bad)\n"
        "    return {}\n"
    )
    with pytest.raises(RecorderCrashError, match="division by zero"):
        record("devnet", root=project)


def test_markers_of_secrets_and_unknown_values() -> None:
    value = decode({"a": {"$secret": {"b": "x", "c": {"$unknown": True}}}, "d": [{"$secret": 1}]})
    assert value == {"a": {"b": Secret("x"), "c": Unknown()}, "d": [Secret(1)]}
    assert plain(value) == {"a": {"b": "(secret)", "c": UNKNOWN_TEXT}, "d": ["(secret)"]}
    assert "x" not in repr(value["a"]["b"])
    assert [path for path, _ in walk(value)] == ["a.b", "a.c", "d[0]"]


def test_retain_on_delete_is_inherited_as_the_engine_does(mainnet: Plan) -> None:
    from common.plan import plan_from  # noqa: PLC0415

    def entry(urn: str, parent: str, retain: bool | None) -> dict[str, object]:
        options = {"retain_on_delete": retain}
        return {
            "urn": urn,
            "type": "t",
            "name": urn,
            "parent": parent,
            "custom": True,
            "read": False,
            "inputs": {},
            "options": options,
        }

    header: dict[str, Any] = {
        **{field.name: getattr(mainnet, field.name) for field in dataclasses.fields(mainnet)},
        "externals": [],
        "external_workloads": [],
        "notes": [],
    }
    entries: list[dict[str, object]] = [
        entry("a", "", True),
        entry("b", "a", None),
        entry("c", "b", False),
        entry("d", "c", None),
        entry("e", "", None),
    ]
    read = plan_from({**header, "resources": entries})
    assert [r.options.retain_on_delete for r in read.resources] == [True, True, False, False, False]


def test_cloudflare_resource_matches_the_providers_package(mainnet: Plan) -> None:
    """We do not import the package, so the test does: token, property names, version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns of its own deprecated resources
        import pulumi_cloudflare  # noqa: PLC0415 two seconds, in this test alone
        from pulumi_cloudflare.dns_record import DnsRecord  # noqa: PLC0415

    record_ = next(r for r in mainnet.resources if r.kind == "DnsRecord")
    known = {_camel(name) for name in inspect.signature(pulumi_cloudflare.DnsRecordArgs.__init__).parameters}
    assert getattr(DnsRecord, "pulumi_type") == record_.type  # noqa: B009 set by a decorator that types do not show
    assert set(record_.inputs) <= known
    assert record_.options.version == importlib.metadata.version("pulumi-cloudflare")
    provider = next(r for r in mainnet.resources if r.type == "pulumi:providers:cloudflare")
    assert provider.options.version == record_.options.version
    assert "apiToken" in {
        _camel(name) for name in inspect.signature(pulumi_cloudflare.ProviderArgs.__init__).parameters
    }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
