"""The edge in the Plan: on production's nodes alone, with one exception from Pod Security."""

from typing import Any

import pytest
import yaml

from common.cloudflare_ranges import CLOUDFLARE_RANGES
from common.plan import Plan
from common.pods import pods
from gx.plan.record import record
from rules.security import check_pod_security
from tests.helpers.mutate import changed, find
from tests.helpers.reach import reaches
from tests.helpers.stack import edit, put

EDGE = "edge-proxy"
FIXED = (3, 2, 12)
"""The first 3.2 with the fixes of CVE-2025-11230 (3.2.6) and CVE-2026-26080 (3.2.12)."""


@pytest.fixture
def pod(mainnet: Plan) -> dict[str, Any]:
    return find(mainnet, "DaemonSet", EDGE).spec["template"]["spec"]


def test_incident_12_every_production_node_answers_on_its_own_ports(pod: dict[str, Any]) -> None:
    ports = {port["name"]: port for port in pod["containers"][0]["ports"]}
    assert {name: port.get("hostPort") for name, port in ports.items()} == {"http": 80, "https": 443, "status": None}
    assert pod["nodeSelector"] == {"backend-environment": "mainnet"}
    assert "tolerations" not in pod, "the load balancer's node has a taint"


def test_public_ports_run_no_proxy_with_a_known_hole(pod: dict[str, Any]) -> None:
    tag = pod["containers"][0]["image"].partition("@")[0].rpartition(":")[2]
    assert tuple(map(int, tag.split("."))) >= FIXED


def test_it_belongs_to_production_alone(plans: dict[str, Plan]) -> None:
    for network, plan in plans.items():
        assert bool(list(plan.of_kind("DaemonSet"))) == (network == "mainnet")
        assert any(r.object_name.startswith("gx-edge-") for r in plan.of_kind("Namespace")) == (network == "mainnet")


def test_one_node_after_the_other(mainnet: Plan) -> None:
    strategy = find(mainnet, "DaemonSet", EDGE).spec["updateStrategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}


def test_a_changed_file_rolls_no_pod(mainnet: Plan) -> None:
    annotations = find(mainnet, "DaemonSet", EDGE).spec["template"]["metadata"]["annotations"]
    assert set(annotations) == {"prometheus.io/scrape", "prometheus.io/port", "prometheus.io/path"}


def test_host_ports_are_the_only_exception_from_pod_security(mainnet: Plan, pod: dict[str, Any]) -> None:
    labels = find(mainnet, "Namespace", "gx-edge-mainnet").metadata["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"
    assert labels["pod-security.kubernetes.io/warn"] == "baseline"

    def without_host_ports(inputs: dict[str, Any]) -> None:
        for port in inputs["spec"]["template"]["spec"]["containers"][0]["ports"]:
            port.pop("hostPort", None)

    closed = changed(mainnet, "DaemonSet", EDGE, without_host_ports)
    assert [f for f in check_pod_security(closed) if EDGE in f.location] == []
    assert pod["automountServiceAccountToken"] is False
    assert "hostNetwork" not in pod


def test_policies_admit_whom_the_proxy_admits(mainnet: Plan) -> None:
    data = find(mainnet, "ConfigMap", EDGE).inputs["data"]
    policy = find(mainnet, "NetworkPolicy", EDGE)
    admitted = [peer["ipBlock"]["cidr"] for peer in policy.spec["ingress"][0]["from"]]
    assert data["sources.lst"].splitlines() == admitted == sorted(CLOUDFLARE_RANGES)
    assert reaches(mainnet, "cloudflare", EDGE, 8443)
    assert not reaches(mainnet, "internet", EDGE, 8443)
    assert reaches(mainnet, EDGE, "ingress-nginx", 443)
    for pod in pods(mainnet):
        if pod.owner.namespace == mainnet.namespace and pod.labels["app"] != EDGE:
            assert not any(reaches(mainnet, EDGE, pod.labels["app"], number) for number in pod.ports.values())


def test_with_traefik_the_edge_and_the_policies_follow(project: Any) -> None:
    edit(project, "mainnet", put("ingress/controller", "traefik"))
    plan = record("mainnet", root=project)
    assert "traefik.traefik.svc.cluster.local:443" in find(plan, "ConfigMap", EDGE).inputs["data"]["haproxy.cfg"]
    assert reaches(plan, EDGE, "traefik", 8443)
    for controller in ("traefik", "ingress-nginx"):
        assert reaches(plan, controller, "svc-messaging", 3007), "both, while one takes over from the other"
    annotations = find(plan, "Ingress", "gx-backend-ingress").metadata["annotations"]
    nginx = {key.split("/")[1] for key in annotations if key.startswith("nginx.ingress")}
    everywhere = {
        "enable-cors",
        "cors-allow-origin",
        "cors-allow-methods",
        "cors-allow-headers",
        "ssl-redirect",
        "force-ssl-redirect",
    }
    assert nginx == everywhere | {"service-upstream"}, (
        "an affinity here would have every Service set the sockets' cookie"
    )
    sockets = find(plan, "Ingress", "gx-socket-ingress")
    annotations = sockets.metadata["annotations"]
    assert {key.split("/")[1] for key in annotations if key.startswith("nginx.ingress")} == everywhere | {
        "affinity",
        "session-cookie-name",
        "session-cookie-path",
        "session-cookie-secure",
        "session-cookie-samesite",
    }
    assert "cert-manager.io/cluster-issuer" not in annotations, "a second order for one Secret would be refused"
    assert [path["path"] for rule in sockets.spec["rules"] for path in rule["http"]["paths"]] == ["/socket.io"]


def test_for_nginx_the_whole_set_of_production_but_what_has_no_effect(mainnet: Plan) -> None:
    annotations = find(mainnet, "Ingress", "gx-backend-ingress").metadata["annotations"]
    nginx = {key.split("/")[1]: value for key, value in annotations.items() if key.startswith("nginx.ingress")}
    assert nginx == {
        "enable-cors": "true",
        "cors-allow-origin": "https://gxcoin.money, https://www.gxcoin.money, https://wallet.gxcoin.money",
        "cors-allow-methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
        "cors-allow-headers": "Authorization, Content-Type, X-Idempotency-Key",
        "ssl-redirect": "true",
        "force-ssl-redirect": "true",
        "proxy-body-size": "50m",
        "proxy-connect-timeout": "300",
        "proxy-read-timeout": "300",
        "proxy-send-timeout": "300",
        "proxy-http-version": "1.1",
        "upstream-hash-by": "$remote_addr",
        "limit-rps": "100",
        "limit-burst-multiplier": "5",
    }


def test_the_q_send_route_is_a_setting(plans: dict[str, Plan]) -> None:
    for network, plan in plans.items():
        paths = [
            path["path"]
            for ingress in plan.of_kind("Ingress")
            for rule in ingress.spec["rules"]
            for path in rule["http"]["paths"]
        ]
        assert ("/api/v1/qsend" in paths) == (network != "mainnet")


def test_the_configuration_names_no_pod_and_is_plain_text(mainnet: Plan) -> None:
    data = find(mainnet, "ConfigMap", EDGE).inputs["data"]
    assert set(data) == {"haproxy.cfg", "sources.lst", "run.sh"}
    assert "10.42." not in yaml.safe_dump(data)
