"""The real Plans have no finding; checks of more than one object: what is double, missing, leaked, or shared."""

import dataclasses
import re
from collections.abc import Callable, Iterator

import pytest

from catalogue.managed_components import ManagedComponent
from common.plan import Plan
from common.values import Secret
from rules import RULES, run_checks
from rules.components import COMPONENTS, check_components
from rules.cut_off import check_reachability
from rules.finding import Finding, Severity
from rules.ingress_annotations import PREFIX
from rules.isolation import check_foreign_names, check_node_ports, check_overlap
from rules.quota import check_quota
from rules.references import check_references
from rules.security import check_images, check_secrets
from rules.traffic import check_annotations, check_issuer, check_precedence
from settings.offline import offline_settings
from settings.policy_context import context_of
from settings.project import ROOT
from settings.settings import Settings
from tests.helpers.mutate import changed, find, in_container, put, with_resource, without

Check = Callable[[Plan], Iterator[Finding]]
DEPLOYMENT, SERVICE, INGRESS, POLICY = "Deployment", "Service", "Ingress", "NetworkPolicy"
MESSAGING = "svc-messaging"


def test_no_errors_in_the_real_plans(plan: Plan) -> None:
    assert [f for f in run_checks(plan) if f.severity is Severity.ERROR] == []


def test_the_warnings_are_minio_as_found_and_one_disk(plan: Plan) -> None:
    warnings = [f for f in run_checks(plan) if f.severity is Severity.WARNING]
    found = [(f.check, f.location.split("/")[1]) for f in warnings if "feature gate" not in f.text]
    edge = [("pod-security", "edge-proxy")] if plan.production else []
    assert sorted(found) == sorted([("pod-security", "minio"), *edge, ("backup", "minio-backup")])
    assert "set gx-infra:backup.offsite" in next(f.text for f in warnings if f.check == "backup")


@pytest.mark.parametrize(
    ("controller", "key"),
    [("nginx", "use-forwarded-headers"), ("traefik", "proxy-body-size"), ("traefik", "limit-rps")],
)
def test_annotations_without_effect_are_named(mainnet: Plan, controller: str, key: str) -> None:
    assert list(check_annotations(mainnet)) == []
    planted = changed(
        mainnet, INGRESS, "gx-wallet-ingress", put("metadata", "annotations", f"{PREFIX}{key}", value="1")
    )
    texts = [f.text for f in check_annotations(dataclasses.replace(planted, controller=controller))]
    assert f"{PREFIX}{key} has no effect: {controller} does not read it" in texts


def test_an_issuer_for_trials_is_named(mainnet: Plan) -> None:
    assert list(check_issuer(mainnet)) == []
    staging = put("metadata", "annotations", "cert-manager.io/cluster-issuer", value="letsencrypt-staging")
    found = list(check_issuer(changed(mainnet, INGRESS, "gx-backend-ingress", staging)))
    assert [(f.location, f.severity) for f in found] == [("Ingress/gx-backend-ingress", Severity.WARNING)]


def test_a_path_that_traefik_would_send_elsewhere_is_found(plans: dict[str, Plan]) -> None:
    """Both rules are fifteen letters long, and Traefik orders by length: seen with a real one."""
    shared = dataclasses.replace(plans["devnet"], controller="traefik")
    assert [f.location for f in check_precedence(shared)] == ["route /health"]
    assert list(check_precedence(plans["devnet"])) == [], "ingress-nginx tries exact paths first"


def test_a_pod_that_no_policy_selects_is_found(mainnet: Plan) -> None:
    """Default deny covers whatever is new; without it a pod that nobody thought of would be open to everybody."""
    forgotten = changed(
        mainnet,
        DEPLOYMENT,
        "svc-tax",
        lambda inputs: inputs["spec"]["template"]["metadata"]["labels"].update(app="svc-forgotten"),
    )
    assert not [f for f in check_reachability(forgotten) if f.location == "pod svc-forgotten"]
    opened = without(forgotten, find(forgotten, POLICY, "default-deny-all"))
    assert "no policy selects it for ingress: everybody gets through" in [
        f.text for f in check_reachability(opened) if f.location == "pod svc-forgotten"
    ]


def test_duplicate_object_is_found(mainnet: Plan) -> None:
    twin = dataclasses.replace(find(mainnet, SERVICE, MESSAGING), urn="urn:other")
    texts = [f.text for f in check_references(with_resource(mainnet, twin))]
    assert "stands 2 times in backend-mainnet" in texts


def test_duplicate_urn_is_found(mainnet: Plan) -> None:
    texts = [f.text for f in check_references(with_resource(mainnet, find(mainnet, SERVICE, MESSAGING)))]
    assert any("is registered 2 times" in text for text in texts)


def test_second_quota_is_found(mainnet: Plan) -> None:
    """A second quota adds up with the first."""
    quota = find(mainnet, "ResourceQuota", "backend-mainnet-quota")
    twin = dataclasses.replace(quota, inputs={**quota.inputs, "metadata": {**quota.metadata, "name": "other"}})
    assert any("two ResourceQuotas" in f.text for f in check_quota(with_resource(mainnet, twin)))


def test_missing_service_of_an_ingress_is_found(mainnet: Plan) -> None:
    broken = without(mainnet, find(mainnet, SERVICE, "svc-tax"))
    assert any("Service svc-tax exists neither" in f.text for f in check_references(broken))


FORMS = {
    "plain": "p@ss/word+with=every?thing&#%",
    "quoted": "p%40ss%2Fword%2Bwith%3Devery%3Fthing%26%23%25",
    "base64": "cEBzcy93b3JkK3dpdGg9ZXZlcnk/dGhpbmcmIyU",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_planted_leak_is_found_in_any_form(mainnet: Plan, form: str) -> None:
    planted = changed(mainnet, "Secret", "gx-connections", put("stringData", "PASSWORD", value=Secret(FORMS["plain"])))
    assert list(check_secrets(planted)) == []
    leaked = changed(planted, "ConfigMap", "backend-config", put("data", "URL", value=f"redis://:{form}@redis-master"))
    assert [(f.location, f.text) for f in check_secrets(leaked)] == [
        ("ConfigMap/backend-config", "data.URL shows a secret in clear text")
    ]


def test_leak_into_an_output_is_found(mainnet: Plan) -> None:
    secret = find(mainnet, "Secret", "minio-credentials").inputs["stringData"]["MINIO_ROOT_PASSWORD"].value
    leaked = dataclasses.replace(mainnet, outputs={**mainnet.outputs, "key": secret})
    assert [f.location for f in check_secrets(leaked)] == ["outputs"]


def test_same_object_in_two_plans_is_found(plans: dict[str, Plan]) -> None:
    assert list(check_overlap(list(plans.values()))) == []
    shared = find(plans["devnet"], "ConfigMap", "prometheus-messaging-alerts-devnet")
    found = list(check_overlap([plans["devnet"], with_resource(plans["mainnet"], shared)]))
    assert ["devnet and mainnet" in f.text for f in found] == [True]


def test_same_dns_record_in_two_plans_is_found(plans: dict[str, Plan]) -> None:
    record = next(r for r in plans["mainnet"].resources if r.kind == "DnsRecord")
    found = list(check_overlap([plans["mainnet"], with_resource(plans["testnet"], record)]))
    assert len(found) == 1


def on_node_port(plan: Plan, service: str, number: int) -> Plan:
    return changed(plan, "Service", service, put("spec", "ports", 0, "nodePort", value=number))


def test_a_node_port_that_two_networks_ask_for_is_found(plans: dict[str, Plan]) -> None:
    both = [on_node_port(plans["devnet"], "svc-tax", 30123), on_node_port(plans["testnet"], "svc-admin", 30123)]
    assert [f.location for f in check_overlap(both)] == ["node port 30123/TCP"]


def test_a_public_host_that_two_networks_serve_is_found(plans: dict[str, Plan]) -> None:
    host = next(plans["mainnet"].of_kind("Ingress")).spec["rules"][0]["host"]
    name = next(plans["testnet"].of_kind("Ingress")).object_name
    taken = changed(plans["testnet"], "Ingress", name, put("spec", "rules", 0, "host", value=host))
    assert [f.location for f in check_overlap([plans["mainnet"], taken])] == [f"public host {host}"]


def test_a_node_port_that_two_services_ask_for_is_found(plan: Plan) -> None:
    assert list(check_node_ports(plan)) == []
    twice = on_node_port(on_node_port(plan, "svc-tax", 30123), "svc-admin", 30123)
    (found,) = check_node_ports(twice)
    assert {found.location, found.text.rpartition(", which ")[2].removesuffix(" has")} == {
        "Service/svc-tax",
        "Service/svc-admin",
    }


@pytest.mark.parametrize(
    "text",
    ["redis://x@redis-master.backend-mainnet.svc.cluster.local", "https://mainnet.gxcoin.money", "Org1MainnetMSP"],
)
def test_text_that_names_another_network_is_found(plans: dict[str, Plan], text: str) -> None:
    for value in (text, Secret(text)):
        broken = changed(plans["testnet"], "Secret", "gx-connections", put("stringData", "REDIS_URL", value=value))
        assert any("names another network" in f.text for f in check_foreign_names(broken))


def test_a_pods_address_is_found_where_there_is_no_other_network(mainnet: Plan) -> None:
    alone = dataclasses.replace(mainnet, others=())
    assert list(check_foreign_names(alone)) == []
    planted = changed(alone, "ConfigMap", "backend-config", put("data", "URL", value="http://10.42.1.7:3007"))
    assert [f.text for f in check_foreign_names(planted)] == ["data.URL holds a pod's address, which will move"]


def test_a_secret_beside_the_content_of_a_secret_is_found(mainnet: Plan) -> None:
    """Who lists or describes Secrets sees their annotations."""
    planted = changed(
        mainnet, "Secret", "minio-credentials", put("metadata", "annotations", "key", value=Secret("p4ssw0rd-p4ssw0rd"))
    )
    assert [(f.location, f.text) for f in check_secrets(planted)] == [
        ("Secret/minio-credentials", "metadata.annotations.key holds a secret")
    ]


def test_an_adopted_component_that_is_planned_no_more_is_found(plan: Plan) -> None:
    adopted = [component for component in ManagedComponent if component is not ManagedComponent.EDGE or plan.production]
    for component in adopted:
        sure = dataclasses.replace(plan, adopted=(component.value,))
        assert list(check_components(sure)) == []
        gone = [r for r in sure.resources if r.urn.split("::")[2].split("$")[0] == COMPONENTS[component]]
        found = list(check_components(without(sure, *gone)))
        assert [(f.location, f.severity) for f in found] == [(f"component {component.value}", Severity.ERROR)]
        assert "networks/" in found[0].text


def test_the_edge_counts_as_adopted_where_it_is_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "adopted", (ManagedComponent.EDGE, ManagedComponent.DNS))
    for network, adopted in (("devnet", ["dns"]), ("mainnet", ["edge", "dns"])):
        assert list(context_of(offline_settings(network)).adopted) == adopted


def test_accepted_shortfall_is_a_note_and_needs_its_reason(mainnet: Plan) -> None:
    noted = [f for f in check_quota(mainnet) if "limits.cpu" in f.text]
    assert [f.severity for f in noted] == [Severity.NOTE]
    bare = dataclasses.replace(mainnet, accepted_at_peak={})
    assert [f.severity for f in check_quota(bare) if "limits.cpu" in f.text] == [Severity.ERROR]


def test_images_without_a_digest_are_counted(mainnet: Plan) -> None:
    assert [f.severity for f in check_images(mainnet)] == [Severity.NOTE]
    pinned = mainnet
    kinds = {DEPLOYMENT, "StatefulSet", "DaemonSet", "Job", "CronJob"}
    for resource in [r for r in mainnet.objects if r.kind in kinds]:
        digest = in_container("image", f"r:5000/a:1@sha256:{'0' * 64}")
        pinned = changed(pinned, resource.kind, resource.object_name, digest)
    assert list(check_images(pinned)) == []


def test_every_rule_is_registered_under_one_name_and_reports_under_it(mainnet: Plan) -> None:
    written = [
        name
        for file in (ROOT / "rules").glob("*.py")
        for name in re.findall(r'@rule\(\s*"([a-z-]+)"', file.read_text())
    ]
    assert sorted(written) == sorted(rule.name for rule in RULES)
    assert len(set(written)) == len(written)
    assert {finding.check for finding in run_checks(mainnet)} <= {*written, "settings"}


def test_steady_shortfall_is_never_accepted(mainnet: Plan) -> None:
    small = changed(mainnet, "ResourceQuota", "backend-mainnet-quota", put("spec", "hard", "limits.cpu", value="16"))
    assert [f.severity for f in check_quota(small) if "limits.cpu" in f.text] == [Severity.ERROR]
