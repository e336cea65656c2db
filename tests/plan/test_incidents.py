"""One test per incident of production (docs/production.md) that a Plan can show, named after its number there."""

import json
import re
from typing import Any

import pytest
import yaml

from catalogue import CATALOGUE
from common.plan import Plan
from common.pods import Pod, matches, pods
from common.values import Secret, walk
from rules.isolation import POD_ADDRESS
from rules.reachability.endpoint import Endpoint, ranges
from rules.reachability.world import endpoints, pod_name
from settings.offline import offline_settings
from settings.project import ROOT
from tests.helpers.mutate import find
from tests.helpers.reach import reaches

REDIS = {
    "devnet": ("redis-secret", "REDIS_PASSWORD"),
    "testnet": ("redis-secret", "password"),
    "mainnet": ("redis-credentials", "REDIS_PASSWORD"),
}
CONTAINER_PORTS = {
    "gx-wallet-frontend": 3000,
    "svc-identity": 3001,
    "svc-tokenomics": 3002,
    "svc-organization": 3003,
    "svc-loanpool": 3004,
    "svc-governance": 3005,
    "svc-admin": 3006,
    "svc-messaging": 3007,
    "svc-tax": 3007,
    "projector": 9091,
    "outbox-submitter": 9090,
}


def pod_of(plan: Plan, name: str) -> Pod:
    return next(pod for pod in pods(plan) if pod.owner.object_name == name)


def env_of(plan: Plan, name: str) -> dict[str, Any]:
    container = pod_of(plan, name).spec["containers"][0]
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}


def test_incident_01_redis_url_uses_the_networks_own_redis(plan: Plan) -> None:
    url = find(plan, "Secret", "gx-connections").inputs["stringData"]["REDIS_URL"].value
    assert url.endswith(f"@redis-master.backend-{plan.network}.svc.cluster.local:6379")
    read = {r.inputs["id"] for r in plan.resources if r.read and r.kind == "Secret"}
    assert f"backend-{plan.network}/{REDIS[plan.network][0]}" in read
    external = next(e for e in plan.externals if e.name == REDIS[plan.network][0])
    assert external.keys == (REDIS[plan.network][1],)


def test_incident_02_no_value_names_another_network(plan: Plan, plans: dict[str, Plan]) -> None:
    others = [name for name in plans if name != plan.network]
    for resource in plan.resources:
        for path, value in walk(resource.inputs):
            text = value.value if isinstance(value, Secret) else value
            assert not any(f"backend-{o}" in str(text) for o in others), f"{resource.urn} {path}"
    assert not any(f"backend-{o}" in json.dumps(plan.outputs) for o in others)


def test_incident_03_passwords_in_urls_are_quoted(plan: Plan) -> None:
    """The recorder's placeholder holds every character that broke production."""
    data = find(plan, "Secret", "gx-connections").inputs["stringData"]
    quoted = "p%40ss%2Fword%2Bwith%3Devery%3Fthing%26%23%25"
    assert data["REDIS_URL"].value.startswith(f"redis://:{quoted}@")
    assert data["DATABASE_URL"].value.startswith(f"postgresql://{quoted}:{quoted}@")


def test_incident_04_no_credential_is_a_literal(plan: Plan) -> None:
    for pod in pods(plan):
        for container in pod.containers:
            for entry in container.get("env", []):
                if re.search(r"PASSWORD|SECRET|ACCESS_KEY|_TOKEN|^(REDIS|DATABASE)_URL", entry["name"]):
                    assert "secretKeyRef" in entry["valueFrom"], f"{pod.location} {entry['name']}"


def test_incident_05_every_secret_key_exists(plan: Plan) -> None:
    credentials = find(plan, "Secret", "minio-credentials").inputs["stringData"]
    assert sorted(credentials) == [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "MINIO_ROOT_PASSWORD",
        "MINIO_ROOT_USER",
    ]
    env = env_of(plan, "svc-messaging")
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert env[key] == {"secretKeyRef": {"name": "minio-credentials", "key": key}}


def test_incident_06_every_ingress_backend_is_admitted(plan: Plan) -> None:
    exposed = [name for name, workload in CATALOGUE.items() if workload.exposed]
    assert len(exposed) == 9
    for name in exposed:
        assert reaches(plan, "ingress-nginx", name, CONTAINER_PORTS[name]), name
        assert not reaches(plan, "ingress-nginx", name, 9999), name
    for name in ("gx-wallet-frontend", "svc-messaging"):
        assert pod_of(plan, name).labels["tier"] == "api"


def test_incident_07_prometheus_reaches_every_metrics_port(plan: Plan) -> None:
    for name, workload in CATALOGUE.items():
        if workload.metrics:
            assert reaches(plan, "monitoring", name, workload.ports[workload.metrics.port]), name
    assert reaches(plan, "monitoring", "minio", 9000)


def test_incident_08_schema_is_a_job_inside_the_cluster(plan: Plan) -> None:
    job = next(pod for pod in pods(plan) if pod.owner.object_name.startswith("database-schema-"))
    host = next(entry["value"] for entry in job.containers[0]["env"] if entry["name"] == "PGHOST")
    assert host == f"postgres-primary.{plan.namespace}.svc.cluster.local"
    assert reaches(plan, "database-schema", "postgres", 5432)
    schema = (ROOT / "components/database/sql/schema.sql").read_text()
    assert schema.index("CREATE TYPE") < schema.index("CREATE TABLE")


def test_incident_09_one_schema_for_all_networks(plans: dict[str, Plan]) -> None:
    texts = {
        next(c for c in plan.of_kind("ConfigMap") if c.object_name.startswith("database-schema-")).inputs["data"][
            "schema.sql"
        ]
        for plan in plans.values()
    }
    assert len(texts) == 1
    assert '"participantProfileId"' in texts.pop()


def test_incident_10_wallet_has_its_secret_and_url(plan: Plan) -> None:
    env = env_of(plan, "gx-wallet-frontend")
    host = "wallet" if plan.network == "mainnet" else plan.network
    assert env["NEXTAUTH_URL"] == f"https://{host}.gxcoin.money"
    assert env["NEXTAUTH_SECRET"] == {"secretKeyRef": {"name": "gx-wallet-auth", "key": "NEXTAUTH_SECRET"}}
    generated = find(plan, "Secret", "gx-wallet-auth").inputs["stringData"]["NEXTAUTH_SECRET"]
    assert isinstance(generated, Secret)
    assert len(generated.value) >= 32


@pytest.mark.parametrize(
    ("variable", "service"), [("IDENTITY_API_URL", "svc-identity"), ("TOKENOMICS_API_URL", "svc-tokenomics")]
)
def test_incident_11_wallet_asks_services_inside_the_cluster(plan: Plan, variable: str, service: str) -> None:
    url = env_of(plan, "gx-wallet-frontend")[variable]
    host, port = re.fullmatch(r"http://([^:]+):(\d+)", url).groups()  # type: ignore[union-attr]
    assert host == f"{service}.{plan.namespace}.svc.cluster.local"
    assert int(port) in {entry["port"] for entry in find(plan, "Service", service).spec["ports"]}
    assert reaches(plan, "gx-wallet-frontend", service, CONTAINER_PORTS[service])


def test_incident_11_ports_of_mainnet(mainnet: Plan) -> None:
    env = env_of(mainnet, "gx-wallet-frontend")
    assert env["IDENTITY_API_URL"] == "http://svc-identity.backend-mainnet.svc.cluster.local:3001"
    assert env["TOKENOMICS_API_URL"] == "http://svc-tokenomics.backend-mainnet.svc.cluster.local:3003"


def test_incident_13_no_address_of_a_pod(plan: Plan) -> None:
    for resource in plan.resources:
        for path, value in walk(resource.inputs):
            text = value.value if isinstance(value, Secret) else value
            assert not POD_ADDRESS.search(str(text)), f"{resource.urn} {path}"


def test_incident_14_dns_comes_from_the_networks_own_nodes(plans: dict[str, Plan]) -> None:
    records = {
        name: sorted((r.inputs["name"], r.inputs["content"]) for r in plan.resources if r.kind == "DnsRecord")
        for name, plan in plans.items()
    }
    assert records == {
        "devnet": [("devnet.gxcoin.money", "217.196.51.190")],
        "testnet": [("testnet.gxcoin.money", "217.196.51.190")],
        "mainnet": [
            ("api.gxcoin.money", "72.60.210.201"),
            ("api.gxcoin.money", "72.61.116.210"),
            ("api.gxcoin.money", "72.61.81.3"),
            ("wallet.gxcoin.money", "72.61.81.3"),
        ],
    }
    for plan in plans.values():
        for record in (r for r in plan.resources if r.kind == "DnsRecord"):
            assert (record.inputs["type"], record.inputs["ttl"], record.inputs["proxied"]) == ("A", 1, True)


def test_incident_15_all_networks_run_the_same_versions(plans: dict[str, Plan]) -> None:
    versions = [plan.outputs["versions"] for plan in plans.values()]
    assert versions[0] == versions[1] == versions[2]


def test_incident_16_all_eleven_workloads_on_every_network(plan: Plan) -> None:
    names = {deployment.object_name for deployment in plan.of_kind("Deployment")} - {"minio", "backup-metrics"}
    assert names == set(CONTAINER_PORTS)
    for name, port in CONTAINER_PORTS.items():
        assert port in pod_of(plan, name).ports.values()


def test_incident_17_projection_lag_is_set_per_network(plans: dict[str, Plan]) -> None:
    lag = {
        name: find(plan, "ConfigMap", "backend-config").inputs["data"]["PROJECTION_LAG_THRESHOLD_MS"]
        for name, plan in plans.items()
    }
    assert lag == {"devnet": "604800000", "testnet": "604800000", "mainnet": "300000"}


def test_incident_18_quota_is_productions(plans: dict[str, Plan]) -> None:
    hard = {name: next(plan.of_kind("ResourceQuota")).spec["hard"] for name, plan in plans.items()}
    assert hard["mainnet"] == {
        "requests.cpu": "16",
        "requests.memory": "32Gi",
        "limits.cpu": "32",
        "limits.memory": "64Gi",
        "pods": "50",
        "persistentvolumeclaims": "15",
    }
    assert hard["testnet"]["services"] == hard["devnet"]["services"] == "20"
    assert hard["testnet"]["persistentvolumeclaims"] == hard["devnet"]["persistentvolumeclaims"] == "5"


def test_incident_19_limit_range_lets_small_pods_in(plan: Plan) -> None:
    limits = {entry["type"]: entry for entry in next(plan.of_kind("LimitRange")).spec["limits"]}
    assert limits["Container"]["min"] == limits["Pod"]["min"] == {"cpu": "10m", "memory": "64Mi"}


def test_incident_20_countries_come_with_the_schema(plan: Plan) -> None:
    config = next(c for c in plan.of_kind("ConfigMap") if c.object_name.startswith("database-schema-"))
    assert len(config.inputs["data"]["countries.csv"].strip().splitlines()) == 235
    users = [c for c in plan.of_kind("Job") if c.object_name.startswith("database-test-users-")]
    assert len(users) == (0 if plan.network == "mainnet" else 1)
    for job in users:
        assert any("database-schema-" in urn for urn in job.options.depends_on)


def test_incident_22_fabric_settings_follow_the_network(plan: Plan) -> None:
    data = find(plan, "ConfigMap", "backend-config").inputs["data"]
    title = plan.network.capitalize()
    assert data["FABRIC_MSP_ID"] == f"Org1{title}MSP"
    assert data["FABRIC_ORG2_MSP_ID"] == f"Org2{title}MSP"
    assert data["FABRIC_PEER_ENDPOINT"] == f"peer0-org1.fabric-{plan.network}.svc.cluster.local:7051"
    assert data["FABRIC_ORG2_PEER_ENDPOINT"] == f"peer0-org2.fabric-{plan.network}.svc.cluster.local:7051"
    assert data["FABRIC_CHANNEL_NAME"] == f"gxchannel-{plan.network}"
    assert data["FABRIC_TLS_SERVER_NAME_OVERRIDE"] == f"peer0.org1.{plan.network}.goodness.exchange"


def test_incident_22_an_absent_fabric_never_blocks_a_run(plan: Plan) -> None:
    for name in ("projector", "outbox-submitter"):
        for kind, object_name in (("Deployment", name), ("Service", f"{name}-metrics")):
            assert find(plan, kind, object_name).metadata["annotations"]["pulumi.com/skipAwait"] == "true"
        assert reaches(plan, name, "fabric", 7051)


def test_incident_25_default_deny_leaves_the_external_workloads_alone(plan: Plan) -> None:
    """Replication, backups and exporters of others keep working."""
    present = {external.name for external in plan.external_workloads}
    flows = [
        ("postgres", "postgres", 5432),
        ("redis", "redis", 6379),
        ("redis-sentinel", "redis", 6379),
        ("redis-sentinel", "redis-sentinel", 26379),
        ("postgres-backup", "postgres", 5432),
        ("redis-backup", "redis", 6379),
        ("clamav", "internet", 443),
        ("gx-admin-frontend", "svc-admin", 3006),
    ]
    asked = [flow for flow in flows if present >= {flow[0]}]
    assert len(asked) >= 2
    for source, target, port in asked:
        assert reaches(plan, source, target, port), f"{source} -> {target}"
    stranger = Endpoint(name="stranger", namespace=plan.namespace, labels={"anything": "else"})
    assert reaches(plan, stranger, stranger, 1234), "what nobody listed goes on among itself"
    known = Endpoint(name="known", namespace=plan.namespace, labels={"app": "clamav"})
    assert "clamav" in present or reaches(plan, known, known, 3310), "known elsewhere, not in this stack file"
    for name, port in (("postgres", 5432), ("redis", 6379)):
        assert reaches(plan, "monitoring", name, port)
        assert not reaches(plan, "acme-solver", name, port), "a solver needs nothing of the data"


def test_incident_26_certificate_challenges_get_through(plan: Plan) -> None:
    assert reaches(plan, "ingress-nginx", "acme-solver", 8089)
    policy = find(plan, "NetworkPolicy", "gx-acme-solver")
    assert "from" not in policy.spec["ingress"][0]


def test_incident_29_backup_reads_as_a_user_that_cannot_write(plan: Plan) -> None:
    env = env_of(plan, "minio-backup")
    assert env["AWS_ACCESS_KEY_ID"]["secretKeyRef"]["name"] == "minio-backup-reader"
    assert "MINIO_ROOT_PASSWORD" not in env
    provision = next(c for c in plan.of_kind("ConfigMap") if c.object_name.startswith("minio-provision-"))
    statements = json.loads(provision.inputs["data"]["backup.json"])["Statement"]
    writing = [s for s in statements if any(re.search(r"Put|Delete|\*", action) for action in s["Action"])]
    assert [s["Resource"] for s in writing] == [["arn:aws:s3:::gx-backup-status/*.json"]]


FLOWS = [
    ("svc-messaging", "minio", 9000),
    ("svc-messaging", "redis", 6379),
    ("svc-messaging", "postgres", 5432),
    ("minio-backup", "minio", 9000),
    ("minio-restore-drill", "minio", 9000),
    ("backup-metrics", "minio", 9000),
    ("projector", "postgres", 5432),
    ("svc-identity", "svc-messaging", 3007),
]
CUT = [
    ("svc-tax", "minio", 9000),
    ("gx-wallet-frontend", "postgres", 5432),
    ("minio", "postgres", 5432),
    ("projector", "minio", 9000),
    ("svc-messaging", "backup-metrics", 9108),
]


@pytest.mark.parametrize(("source", "target", "port"), FLOWS)
def test_needed_flows_are_open(plan: Plan, source: str, target: str, port: int) -> None:
    assert reaches(plan, source, target, port)


@pytest.mark.parametrize(("source", "target", "port"), CUT)
def test_other_flows_are_closed(plan: Plan, source: str, target: str, port: int) -> None:
    assert not reaches(plan, source, target, port)


def test_no_pod_of_one_network_reaches_data_of_another(plans: dict[str, Plan]) -> None:
    for name, plan in plans.items():
        other = "testnet" if name == "devnet" else "devnet"
        for pod in pods(plan):
            for app, port in (("redis", 6379), ("postgres", 5432), ("minio", 9000)):
                there = Endpoint(
                    name=app, namespace=f"backend-{other}", labels={"app": app}, ranges=ranges("10.42.0.0/16")
                )
                assert not reaches(plan, pod_name(pod), there, port)


def test_nothing_reaches_the_metadata_service(plan: Plan) -> None:
    for endpoint in endpoints(plan):
        if endpoint.namespace in plan.own_namespaces:
            assert not reaches(plan, endpoint, "cloud-metadata", 80), endpoint.name


def test_only_those_who_need_it_reach_minio(plan: Plan) -> None:
    wanted = {"svc-messaging", "minio-provision", "minio-backup", "minio-restore-drill", "backup-metrics", "monitoring"}
    assert {e.name for e in endpoints(plan) if e.inside and reaches(plan, e, "minio", 9000)} == wanted


def test_the_ingress_has_every_path_of_production(mainnet: Plan) -> None:
    wanted = {
        "svc-messaging:80": "/socket.io /api/v1/conversations /api/v1/messages /api/v1/files "
        "/api/v1/voice /api/v1/keys /api/v1/groups",
        "svc-identity:3001": "/api/v1/auth /api/v1/users /api/v1/registration /api/v1/beneficiaries "
        "/api/v1/relationships "
        "/api/v1/documents /api/v1/validation /api/v1/notifications /health",
        "svc-tokenomics:3003": "/api/v1/wallets /api/v1/transactions /api/v1/balances "
        "/api/v1/transfers /api/v1/commands",
        "svc-organization:3004": "/api/v1/organizations",
        "svc-loanpool:3005": "/api/v1/loans",
        "svc-governance:3006": "/api/v1/proposals /api/v1/votes",
        "svc-admin:3002": "/api/v1/admin",
        "svc-tax:3007": "/api/v1/fees /api/v1/velocity-tax",
    }
    found: dict[str, set[str]] = {}
    for path in find(mainnet, "Ingress", "gx-backend-ingress").spec["rules"][0]["http"]["paths"]:
        service = path["backend"]["service"]
        found.setdefault(f"{service['name']}:{service['port']['number']}", set()).add(path["path"])
        assert path["pathType"] == ("Exact" if path["path"] == "/health" else "Prefix")
    assert found == {service: set(paths.split()) for service, paths in wanted.items()}


def test_alerts_are_about_their_own_network(plan: Plan) -> None:
    config = find(plan, "ConfigMap", f"prometheus-messaging-alerts-{plan.network}")
    groups = yaml.safe_load(config.inputs["data"]["messaging-alerts.yml"])["groups"]
    rules = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    assert config.namespace == "monitoring"
    assert len({rule["alert"] for rule in rules}) == len(rules) > 16
    for rule in rules:
        assert plan.network in rule["expr"] or rule["alert"] in {"AlertingWatchdog", "NodeNotReady"}
        assert rule["labels"]["network"] == plan.network


def test_services_select_exactly_their_workload(plan: Plan) -> None:
    for service in plan.of_kind("Service"):
        selected = {p.location for p in pods(plan) if matches({"matchLabels": service.spec["selector"]}, p.labels)}
        assert len(selected) == 1, service.object_name


def test_every_setting_that_is_not_confirmed_is_named_in_the_preview(plan: Plan) -> None:
    texts = "\n".join(note.text for note in plan.notes)
    for path in offline_settings(plan.network).stack.unconfirmed:
        assert f"gx-infra:{path} is not confirmed" in texts
