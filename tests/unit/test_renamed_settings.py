"""Keys of stack files under their old names: read for one release, with one warning each, never guessed."""

import json
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from common.errors import InputError
from gx.plan.record import record
from rules import run_checks
from rules.finding import Severity
from settings.adoption import read_adoption
from settings.load import load_settings
from settings.offline import offline_settings
from settings.project import PROJECT, adoption_file, read_mapping
from settings.renamed import RENAMED
from settings.stackfile import read_stack
from tests.helpers.stack import edit

NEW = {"featureGates": ["long-sockets"], "managedComponents": ["environment", "storage"]}


@pytest.fixture
def old(project: Path) -> Path:
    """Return a project whose devnet says under the old names what the others say under the new ones."""

    def rename(config: dict[str, Any]) -> None:
        config.update(NEW)
        config.update({old: config.pop(new) for old, new in RENAMED.items()})

    edit(project, "devnet", rename)
    return project


def test_old_names_mean_what_the_new_ones_mean(old: Path) -> None:
    stack = offline_settings("devnet", old).stack
    assert [gate.value for gate in stack.feature_gates] == NEW["featureGates"]
    assert [component.value for component in stack.managed_components] == NEW["managedComponents"]
    assert stack.external_workloads == offline_settings("devnet").stack.external_workloads


def test_each_old_name_is_one_warning_that_names_the_new_one(old: Path) -> None:
    plan = record("devnet", root=old)
    settings = [f for f in run_checks(plan) if f.check == "settings" and f.severity is Severity.WARNING]
    warned = [f for f in settings if "feature gate" not in f.text]
    assert [f.text for f in warned] == [
        f"gx-infra:{old} is called gx-infra:{new} now: the next release refuses the old name; fix: rename the key"
        for old, new in RENAMED.items()
    ]
    assert {f.location for f in warned} == {"Pulumi.devnet.yaml"}


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_a_setting_under_both_names_is_refused(project: Path, old: str, new: str) -> None:
    edit(project, "devnet", lambda config: config.update({old: [], new: []}))
    with pytest.raises(InputError) as refused:
        read_stack("devnet", project)
    assert str(refused.value) == (
        f"Pulumi.devnet.yaml: gx-infra:{old}: is the old name of gx-infra:{new}, which is there as well: "
        f"nothing says which one counts; fix: keep gx-infra:{new} alone"
    )


def from_engine(monkeypatch: pytest.MonkeyPatch, root: Path) -> list[str]:
    """Hand the stack file of devnet over as the engine does, defaults included; return what is logged as a warning."""
    warned: list[str] = []
    monkeypatch.setattr(pulumi, "get_stack", lambda: "devnet")
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    config = yaml.safe_load((root / "Pulumi.devnet.yaml").read_text())["config"]
    for key, entry in read_mapping("Pulumi.yaml", fix="")["config"].items():
        if "default" in entry:
            config.setdefault(f"{PROJECT}:{key}", entry["default"])
    config[f"{PROJECT}:clusterUid"] = "11111111-1111-1111-1111-111111111111"
    config[f"{PROJECT}:cloudflare"]["zoneId"] = "0" * 32
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    monkeypatch.setattr(pulumi.runtime.config, "CONFIG", ContextVar[dict[str, str]]("config", default=text))
    return warned


def test_the_engine_s_defaults_do_not_count_as_said(monkeypatch: pytest.MonkeyPatch, old: Path) -> None:
    warned = from_engine(monkeypatch, old)
    stack = load_settings(old).stack
    assert [gate.value for gate in stack.feature_gates] == NEW["featureGates"]
    assert [component.value for component in stack.managed_components] == NEW["managedComponents"]
    assert [line.split(" is called ")[0] for line in warned] == [
        f"Pulumi.devnet.yaml: gx-infra:{old}" for old in RENAMED
    ]


def test_a_file_with_the_new_names_warns_of_nothing(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    assert read_stack("devnet", project).warnings == ()
    warned = from_engine(monkeypatch, project)
    load_settings(project)
    assert warned == []


def test_with_the_engine_both_names_are_refused_as_well(monkeypatch: pytest.MonkeyPatch, old: Path) -> None:
    edit(old, "devnet", lambda config: config.update(managedComponents=["dns"]))
    from_engine(monkeypatch, old)
    with pytest.raises(InputError, match="gx-infra:waves: is the old name of gx-infra:managedComponents"):
        load_settings(old)


def test_a_record_of_adoption_is_read_under_the_old_name(project: Path) -> None:
    uid = "11111111-1111-1111-1111-111111111111"
    document: dict[str, object] = {"clusterUid": uid, "imports": {}, "waves": ["environment"]}
    (project / adoption_file("devnet")).write_text(yaml.safe_dump(document))
    adoption = read_adoption("devnet", project)
    assert adoption is not None
    assert adoption.managed_components == ("environment",)


def test_a_stack_without_external_workloads_is_refused(project: Path) -> None:
    edit(project, "devnet", lambda config: config.pop("externalWorkloads"))
    with pytest.raises(InputError, match=r"Pulumi\.devnet\.yaml: gx-infra:externalWorkloads = .*PostgreSQL or Redis"):
        offline_settings("devnet", project)
