"""Routes, edge, alerts, records, namespace and policies by themselves, and the conventions over all."""

import runpy

import pulumi

from common.labels import MANAGED_BY
from components.conventions import Conventions
from components.dns_records import DnsRecords
from components.edge_proxy import EdgeProxy
from components.environment import Environment, LimitRangeArgs
from components.ingress_routes import HostArgs, IngressRoutes
from components.minio_storage import MinioStorage
from components.monitoring_rules import MonitoringRules
from components.network_policies import NetworkPolicies
from settings.project import ROOT
from tests.components.alone import build, only
from tests.components.small import ANYWHERE, SMALL, STORAGE

LIMITS: LimitRangeArgs = {
    "name": "limits",
    "min": {},
    "max": {},
    "default": {},
    "default_request": {},
    "pod_min": {},
}


def surroundings() -> None:
    host: HostArgs = {
        "name": "reports.example.com",
        "tls_secret": "tls",
        "routes": [
            {"path": "/", "service": "reports", "port": 80},
            {"path": "/s", "service": "s", "port": 1, "sticky": True},
        ],
    }
    IngressRoutes(
        "ingress",
        {
            "namespace": "reports",
            "controller": "traefik",
            "issuer": "letsencrypt",
            "api": host,
            "wallet": host,
            "origins": ["https://reports.example.com"],
            "https_redirect": True,
        },
    )
    EdgeProxy(
        "edge",
        {
            "namespace": "edge",
            "image": "haproxy:1",
            "controller": {"namespace": "traefik", "service": "traefik", "pod_ports": [8000, 8443]},
            "sources": ["192.0.2.0/24"],
            "proxy_protocol": False,
            "max_connections": 100,
            "max_connections_per_source": 10,
            "resources": SMALL,
            "scheduling": ANYWHERE,
        },
    )
    MonitoringRules(
        "monitoring",
        {
            "namespace": "monitoring",
            "name": "reports-alerts",
            "rules": {"groups": []},
            "operator_labels": {"release": "prometheus"},
            "dashboards": {"one": "{}"},
            "folder": "Reports",
        },
    )
    DnsRecords(
        "dns", {"zone_id": "zone", "network": "reports", "records": [{"host": "r.example.com", "address": "192.0.2.1"}]}
    )
    Environment(
        "environment",
        {
            "namespace": "reports",
            "labels": {},
            "quota": {"name": "quota", "hard": {"pods": "3"}},
            "limit_range": LIMITS,
            "service_accounts": ["reports"],
            "config": {"A": "b"},
        },
    )
    NetworkPolicies(
        "policies",
        {
            "namespace": "reports",
            "workloads": {
                "reports": {
                    "selector": {"app": "reports"},
                    "http_port": 8080,
                    "exposed": True,
                    "calls": [],
                    "uses": ["postgres"],
                    "minio": True,
                    "fabric": False,
                    "internet": False,
                    "api_server": False,
                }
            },
            "external_workloads": {"postgres": {"labels": {"app": "postgres"}, "ports": [5432]}},
            "database": {"labels": {"app": "postgres"}, "ports": [5432]},
            "flows": [],
            "controller_namespaces": ["traefik"],
            "fabric_namespace": "fabric",
            "messaging": "reports",
            "test_users": False,
        },
    )


def test_routes_edge_rules_records_namespace_and_policies() -> None:
    made = build(surroundings)
    assert {one.name for one in made if one.kind == "Ingress"} == {
        "gx-backend-ingress",
        "gx-wallet-ingress",
        "gx-socket-ingress",
    }
    assert "192.0.2.0/24" in only(made, "ConfigMap", "edge-proxy").inputs["data"]["sources.lst"]
    assert only(made, "PrometheusRule").inputs["metadata"]["labels"]["release"] == "prometheus"
    assert only(made, "DnsRecord").inputs["comment"] == "managed by gx-infra, reports"
    assert only(made, "ResourceQuota").inputs["spec"] == {"hard": {"pods": "3"}}
    egress = only(made, "NetworkPolicy", "gx-reports").inputs["spec"]["egress"]
    assert [rule["ports"][0]["port"] for rule in egress] == [5432, 9000]


def owned() -> None:
    conventions = Conventions(
        network="reports",
        production=True,
        taken_over=True,
        imports={"Service/minio": "reports/minio"},
        namespaces={"namespace": "reports"},
    )
    conventions.register()
    MinioStorage("storage", STORAGE)
    Environment(
        "environment",
        {
            "namespace": pulumi.Output.from_input("reports"),
            "labels": {},
            "quota": {"name": "quota", "hard": {}},
            "limit_range": LIMITS,
            "service_accounts": [],
            "config": {},
        },
    )


def test_conventions_say_whose_every_object_is() -> None:
    made = [one for one in build(owned) if one.type.startswith("kubernetes:")]
    assert len(made) > 10
    for one in made:
        metadata = one.inputs["metadata"]
        assert metadata["labels"][MANAGED_BY] == "gx-infra", one.name
        assert metadata["annotations"]["pulumi.com/patchForce"] == "true", one.name
    pods = only(made, "Deployment").inputs["spec"]["template"]["metadata"]["labels"]
    assert pods["gxcoin.money/network"] == "reports"


def example() -> None:
    pulumi.runtime.set_all_config({"alone:zoneId": "zone-of-the-test"})
    runpy.run_path(str(ROOT / "docs/examples/records/__main__.py"))


def test_the_example_of_another_team_runs() -> None:
    record = only(build(example), "DnsRecord")
    assert (record.inputs["name"], record.inputs["zoneId"]) == ("reports.gxcoin.money", "zone-of-the-test")
