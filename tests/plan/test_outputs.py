"""The contract with other teams."""

import json
import re
from typing import get_type_hints

from common.plan import Plan
from settings.outputs import CONTRACT_VERSION, Outputs
from settings.project import ROOT
from tests.helpers.mutate import find

KEYS = {
    "contractVersion",
    "network",
    "namespace",
    "endpoints",
    "services",
    "storage",
    "secrets",
    "versions",
    "edgeNodes",
    "backup",
    "alertsConfigMap",
}
"""Removing or renaming one is a breaking change: raise the contract's version and say so in CHANGELOG.md."""


def test_exported_keys_are_the_contract(plan: Plan) -> None:
    assert set(plan.outputs) == set(get_type_hints(Outputs)) == KEYS
    assert plan.outputs["contractVersion"] == CONTRACT_VERSION == 1


def test_secrets_are_names_that_exist(plan: Plan) -> None:
    known = {r.object_name for r in plan.of_kind("Secret")} | {e.name for e in plan.externals if e.kind == "Secret"}
    assert set(plan.outputs["secrets"].values()) <= known


def test_service_urls_lead_to_ports_that_exist(plan: Plan) -> None:
    for name, url in plan.outputs["services"].items():
        port = int(re.fullmatch(r"http://[^:]+:(\d+)", url)[1])  # type: ignore[index]
        assert port in {entry["port"] for entry in find(plan, "Service", name).spec["ports"]}


def test_endpoints_are_the_hosts_of_ingress_and_dns(plan: Plan) -> None:
    hosts = {rule["host"] for ingress in plan.of_kind("Ingress") for rule in ingress.spec["rules"]}
    named = {r.inputs["name"] for r in plan.resources if r.kind == "DnsRecord"}
    exported = {re.sub(r"^\w+://|/.*$", "", url) for url in plan.outputs["endpoints"].values()}
    assert hosts == named == exported


def test_every_key_is_documented_and_the_example_reads_known_keys() -> None:
    document = (ROOT / "docs/outputs.md").read_text()
    assert {key for key in KEYS if f"`{key}`" in document} == KEYS
    example = (ROOT / "docs/examples/consumer/__main__.py").read_text()
    read = set(re.findall(r'require_output\("(\w+)"\)', example))
    assert read
    assert read <= KEYS


def test_outputs_are_plain_json(plan: Plan) -> None:
    assert json.loads(json.dumps(plan.outputs)) == plan.outputs
