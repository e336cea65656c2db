"""Renovate sees every version that is pinned outside a package manager's files: its patterns are run over them."""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

import pytest
import yaml

from settings.project import ROOT, networks

CONFIG = cast("dict[str, Any]", json.loads((ROOT / ".github/renovate.json").read_text()))
DIGEST = f"sha256:{'0a' * 32}"
PUBLIC = {"haproxy", "postgres", "silo"}
"""What is copied from a public registry; the rest of the platform images is built here."""


def python(pattern: str) -> re.Pattern[str]:
    """Return a pattern of Renovate as Python writes it."""
    return re.compile(pattern.replace("(?<", "(?P<"))


def manager(part: str) -> dict[str, Any]:
    (found,) = [one for one in CONFIG["customManagers"] if part in one["description"]]
    return found


def applies(rule: dict[str, Any], file: str) -> bool:
    return any(python(pattern.strip("/")).search(file) for pattern in rule["managerFilePatterns"])


def images(text: str) -> Iterator[dict[str, str | None]]:
    """Yield what the recursive patterns find: each one is searched in what the one before has matched."""
    outer, inner = map(python, manager("Platform images")["matchStrings"])
    for part in outer.finditer(text):
        yield from (found.groupdict() for found in inner.finditer(part[0]))


def planned(text: str) -> list[dict[str, str | None]]:
    platform = yaml.safe_load(text)["platform"].values()
    return [
        {"depName": one["repository"], "currentValue": one["tag"], "currentDigest": one.get("digest")}
        for one in platform
    ]


@pytest.mark.parametrize("network", networks())
def test_every_platform_image_of_every_network_is_seen_and_nothing_else(network: str) -> None:
    file = f"networks/{network}/release.yaml"
    assert applies(manager("Platform images"), file)
    text = (ROOT / file).read_text()
    assert list(images(text)) == planned(text) != []


def test_other_files_of_a_network_are_not_searched() -> None:
    rule = manager("Platform images")
    assert [path for path in (ROOT / "networks").rglob("*") if path.name != "release.yaml" and path.is_file()]
    for path in ROOT.glob("networks/*/*"):
        assert applies(rule, str(path.relative_to(ROOT))) == (path.name == "release.yaml")


def test_a_file_that_a_command_wrote_is_seen_too() -> None:
    document = yaml.safe_load((ROOT / "networks/devnet/release.yaml").read_text())
    document["workloads"]["svc-tax"] = {"repository": "svc-tax-next", "tag": "2.10"}
    document["platform"]["backup"]["tag"] = "1.10"  # YAML needs quotes here
    document["platform"]["haproxy"]["digest"] = DIGEST
    text = yaml.safe_dump(document, sort_keys=False)
    assert list(images(text)) == planned(text)
    assert DIGEST in text


def test_a_digest_that_somebody_wrote_beside_the_tag_is_seen_too() -> None:
    text = re.sub(
        r"(haproxy, tag: [\d.]+)", rf"\1, digest: {DIGEST}", (ROOT / "networks/devnet/release.yaml").read_text()
    )
    assert [one["currentDigest"] for one in images(text) if one["depName"] == "haproxy"] == [DIGEST]


def rules(file: str, name: str) -> dict[str, Any]:
    """Return what the rules that hold for every update of one image say together."""
    said: dict[str, Any] = {}
    for rule in CONFIG["packageRules"]:
        folders = tuple(glob.removesuffix("**") for glob in rule.get("matchFileNames", []))
        if "matchUpdateTypes" in rule or not file.startswith(folders):
            continue
        names = rule.get("matchDepNames", [name])
        if any(re.search(one[1:-1], name) if one.startswith("/") else one == name for one in names):
            said |= rule
    return said


def test_an_image_of_the_private_registry_is_not_looked_up() -> None:
    found = {str(one["depName"]) for one in images((ROOT / "networks/mainnet/release.yaml").read_text())}
    enabled = {name for name in found if rules("networks/devnet/release.yaml", name).get("enabled", True)}
    assert enabled == PUBLIC
    assert "gx-backup" in found
    assert rules("networks/devnet/release.yaml", "silo")["overridePackageName"] == "pgsty/silo"


def test_only_the_first_network_gets_pull_requests_the_others_are_promoted() -> None:
    for network in networks():
        said = rules(f"networks/{network}/release.yaml", "haproxy")
        assert said.get("dependencyDashboardApproval", False) == (network != "devnet")
        assert said.get("additionalBranchPrefix", "") == ("" if network == "devnet" else "promoted-")


@pytest.mark.parametrize(
    ("part", "files"),
    [
        ("uv, ", ("Makefile", ".github/actions/setup/action.yml")),
        ("Pulumi CLI", ("Pulumi.yaml", ".github/actions/setup/action.yml")),
    ],
)
def test_a_tool_is_pinned_to_one_version_and_seen_in_each_file(part: str, files: tuple[str, ...]) -> None:
    rule, versions = manager(part), set[str]()
    for file in files:
        assert applies(rule, file)
        text = (ROOT / file).read_text()
        found = [one["currentValue"] for pattern in rule["matchStrings"] for one in python(pattern).finditer(text)]
        assert len(found) == 1, file
        versions.update(found)
    assert len(versions) == 1
    assert re.fullmatch(r"\d+\.\d+\.\d+", versions.pop())
