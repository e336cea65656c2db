"""Every path, link, command and setting that the documents name exists."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from catalogue.feature_gates import FeatureGate
from catalogue.managed_components import ManagedComponent
from gx.cli.main import app
from settings.monitoring.rules import alerts
from settings.offline import offline_settings
from settings.project import PROJECT, ROOT
from settings.schema import stack_file_schema
from tests.helpers.documents import PAGES, anchors, blocks, code, named, words
from tests.helpers.repository import STOREYS

SOURCES = sorted(
    path
    for pattern in ("*.py", *(f"{top}/**/*" for top in STOREYS), "Pulumi*.yaml", "tests/**/*.py")
    for path in ROOT.glob(pattern)
    if path.suffix in {".py", ".sql", ".sh", ".js", ".csv", ".yaml", ".yml"}
)
page_by_page = pytest.mark.parametrize("page", PAGES, ids=named)


def test_sections_that_code_points_to_exist() -> None:
    text = (ROOT / "docs/production.md").read_text()
    sections, incidents = (
        anchors(text),
        set(re.findall(r"\d+", " ".join(re.findall(r"^\| ([\d, ]+) \|", text, re.MULTILINE)))),
    )
    rules = set(re.findall(r"^(\d+)\. ", (ROOT / "docs/takeover.md").read_text(), re.MULTILINE))
    assert len(rules) == 29
    for path in SOURCES:
        text = path.read_text()
        assert set(re.findall(r"production\.md#([a-z0-9-]+)", text)) <= sections, path
        listed = re.findall(r"production\.md[:,] incidents? ((?:\d+(?:, | and )?)+)", text)
        assert {number for one in listed for number in re.findall(r"\d+", one)} <= incidents, path
        assert set(re.findall(r"takeover\.md (\d+)", text)) <= rules, path


def linked(text: str) -> list[str]:
    return [one or other for one, other in re.findall(r'\]\(([^)]+)\)|<img [^>]*src="([^"]+)"', text)]


def broken_links(page: Path, text: str) -> list[str]:
    found: list[str] = []
    for target, _, anchor in (link.partition("#") for link in linked(text)):
        if target.startswith("http"):
            continue
        path = (page.parent / target) if target else page
        there = path.exists() and (not anchor or anchor in anchors(path.read_text()))
        if not there:
            found.append(f"{target}#{anchor}")
    return found


@page_by_page
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page, page.read_text()) == []


def test_a_broken_link_is_noticed() -> None:
    page = ROOT / "README.md"
    text = "[a](docs/none.md) [b](docs/local.md#none) [c](docs/local.md#with-real-pods) [d](#three-commands)"
    text += '<img alt="" src="e.png">'
    assert broken_links(page, text) == ["docs/none.md#", "docs/local.md#none", "e.png#"]


TOP = {path.name for path in ROOT.iterdir()} - {".git"}
MADE = {".gx-local", ".site", ".tools", ".venv", "report.html"}
"""What the commands make: it need not be there."""


def missing_paths(text: str) -> list[str]:
    """Return what is written like a path of the project and is none."""
    found: list[str] = []
    for span in code(text):
        for word in re.split(r"[\s,;=:'\"()]+", span):
            first = word.split("/")[0]
            looks = first in TOP and ("/" in word or first not in {"gx", "policy", "tools", "docs", "bench", "images"})
            placeholder = re.search(r"[A-Z]{4,}|[<>{}*$…]|\d{4}-|stagenet|svc.rates", word.removesuffix(".md"))
            if looks and first not in MADE and not placeholder and not (ROOT / word).exists():
                found.append(word)
    return found


MADE_LATER = {f"networks/{name}/{file}.yaml" for name in ("testnet", "mainnet") for file in ("adoption", "verified")}
"""Files that the commands beside them write."""


@page_by_page
def test_paths_exist(page: Path) -> None:
    assert set(missing_paths(page.read_text())) <= MADE_LATER


def test_a_path_that_is_gone_is_noticed() -> None:
    assert missing_paths("`gx/gone.py`, `docs/local.md`, `tests/none/x.py -v`, `networks/NETWORK/x`, `gx up`") == [
        "gx/gone.py",
        "tests/none/x.py",
    ]


def refused(line: list[str]) -> str:
    """Return why `gx` would not take a line's words, as its own parser says it; empty if it would."""
    command = typer.main.get_command(app)
    rest = line[1:]
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        if name not in command.commands:
            return "" if name.isupper() else f"no command {name}"
        command = command.commands[name]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    if command is typer.main.get_command(app) or isinstance(command, TyperGroup):
        known |= {"--install-completion", "--show-completion"}
    known.add("--help")
    wrong = [word for word in rest if word.startswith("--") and word.split("=")[0] not in known]
    takes = isinstance(command, TyperCommand) and any(
        not name.startswith("-") for p in command.params for name in p.opts
    )
    if rest and not rest[0].startswith("-") and not takes:
        return f"no argument {rest[0]}"
    return f"no option {wrong[0]}" if wrong else ""


def gx_lines(text: str) -> Iterator[list[str]]:
    for span in code(text):
        for line in words(span):
            rest = line
            while rest and re.fullmatch(r"sudo|[A-Z_]+=.*", rest[0]):
                rest = rest[1:]
            if rest and rest[0] in {"gx", ".venv/bin/gx"}:
                yield rest


@page_by_page
def test_commands_exist_with_their_options(page: Path) -> None:
    assert [(line, why) for line in gx_lines(page.read_text()) if (why := refused(line))] == []


def test_many_commands_are_looked_at() -> None:
    assert sum(1 for page in PAGES for _ in gx_lines(page.read_text())) > 150


@pytest.mark.parametrize(
    "text",
    [
        "`gx pomote testnet mainnet`",
        "`gx diff --marcdown`",
        "`gx local upp`",
        "`gx schema devnet`",
        "`sudo gx local up --pod`",
    ],
)
def test_a_wrong_command_is_noticed(text: str) -> None:
    assert [why for line in gx_lines(text) if (why := refused(line))]


@page_by_page
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named_ones = {
        line[1] for span in code(page.read_text()) for line in words(span) if line[0] == "make" and len(line) > 1
    }
    assert named_ones <= targets


def test_make_lists_every_target_with_what_it_is_for() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = set(re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE))
    assert phony == set(re.findall(r"^([a-z-]+):.*##", text, re.MULTILINE))


def setting_exists(path: str) -> bool:
    """Return whether a dotted path leads to something that a stack file may hold."""
    schema = stack_file_schema()
    first, *rest = re.sub(r"\[\d+\]", "", path).split(".")
    shape: Any = schema["properties"]["config"]["properties"].get(f"{PROJECT}:{first}")
    for key in rest:
        shapes = [_resolved(option, schema) for option in shape.get("anyOf", [shape])] if shape else []
        found = [s.get("properties", {}).get(key) or s.get("additionalProperties") for s in shapes]
        shape = next((one for one in found if one), None)
    return shape is not None


def _resolved(shape: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    return schema["$defs"][shape["$ref"].rsplit("/", 1)[-1]] if "$ref" in shape else shape


KEYS = {key.removeprefix(f"{PROJECT}:") for key in stack_file_schema()["properties"]["config"]["properties"]}


def settings_of(text: str) -> Iterator[str]:
    """Yield what is written as a setting: with the project's name, in `pulumi config`, or dotted below a key."""
    for span in code(text):
        for path in re.findall(rf"{PROJECT}:([a-zA-Z][\w.\[\]-]*)", span):
            yield path.rstrip(".")
        for line in words(span):
            if line[:2] == ["pulumi", "config"] and line[2:3] in (["set"], ["rm"]):
                stack = line[line.index("-s") + 1] if "-s" in line else ""
                yield from [word for word in line[3:] if not word.startswith("-") and word != stack][:1]
        if re.fullmatch(r"[a-z]\w+(\.[a-z]\w+)+", span) and span.split(".")[0] in KEYS:
            yield span
    for block in blocks(text):
        yield from re.findall(rf"^\s*{PROJECT}:(\w+)", block.body, re.MULTILINE)


@page_by_page
def test_settings_exist(page: Path) -> None:
    assert [path for path in settings_of(page.read_text()) if not setting_exists(path)] == []


def test_many_settings_are_looked_at() -> None:
    assert len({path for page in PAGES for path in settings_of(page.read_text())}) > 25


def test_a_setting_that_is_gone_is_noticed() -> None:
    text = "`gx-infra:bakup.schedule` `backup.shedule` `pulumi config set -s mainnet minioRootPasword` `promotion.from`"
    wrong = [path for path in settings_of(text) if not setting_exists(path)]
    assert wrong == ["bakup.schedule", "backup.shedule", "minioRootPasword"]


@page_by_page
def test_feature_gates_components_and_alerts_exist(page: Path) -> None:
    known = {alert.name for network in ("devnet", "mainnet") for alert in alerts(offline_settings(network))}
    text = page.read_text()
    for span in code(text):
        gate = re.fullmatch(r"(?:the )?feature gate ([a-z0-9-]+)", span)
        assert gate is None or gate[1] in set(FeatureGate)
    assert set(re.findall(r"gate\s+`([a-z0-9-]+)`", text)) <= {gate.value for gate in FeatureGate}
    named = re.findall(r"(?<!managed )component\s+`([a-z-]+)`", text)
    assert set(named) <= {component.value for component in ManagedComponent}
    spans = {span for span in code(text) if re.fullmatch(r"(?:Messaging|MinIO|Edge|Outbox|Volume)[A-Z]\w+", span)}
    assert spans - _KINDS <= known


_KINDS = {"MessagingStack", "EdgeProxy", "VolumeClaimTemplates"}


def test_ci_runs_the_readmes_test_command() -> None:
    assert "$ make test " in (ROOT / "README.md").read_text()
    script = (ROOT / ".ci/run").read_text()
    said = script.replace("make ", "echo make ").replace("tools/install.sh", "true")
    command = ["bash", "-c", said, str(ROOT / ".ci/run")]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    tiers = [tier for line in re.findall(r"^make test TIERS=(.*)$", told.stdout, re.MULTILINE) for tier in line.split()]
    assert sorted(tiers) == sorted({str(file.parent.relative_to(ROOT)) for file in ROOT.glob("tests/*/test_*.py")})


def test_nothing_names_a_machine_or_a_password() -> None:
    for path in [*SOURCES, *PAGES]:
        text = path.read_text()
        assert not re.search(r"/(?:root|home|work)/\w", text), path


def test_the_map_names_every_folder() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text().split("## Where things are")[1].split("\n## ")[0]
    named_ones = {name.rstrip("/") for name in re.findall(r"`([\w./]+)`", text)}
    tracked = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("gx/*/__init__.py")}
    tracked |= {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))}
    assert sorted(tracked - named_ones - {"gx"}) == []


def test_the_outputs_page_names_every_output() -> None:
    text = (ROOT / "docs/outputs.md").read_text()
    golden = (ROOT / "settings/outputs.py").read_text()
    keys = re.findall(r"^    (\w+): ", golden.split("class Outputs")[1].split('"""')[2], re.MULTILINE)
    assert len(keys) == 11
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(keys)


def test_the_schema_that_stack_files_name_is_there() -> None:
    assert json.loads((ROOT / "docs/stack-file.schema.json").read_text())["title"] == "Stack file of gx-infra"
