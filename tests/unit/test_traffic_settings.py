"""Settings of traffic: nodes, edge, hosts, DNS; the line that each mistake gets, and what a drain does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.cloudflare_ranges import CLOUDFLARE_RANGES
from common.errors import InputError
from settings.dns import wanted_records
from settings.edge import allowed_sources
from settings.offline import offline_settings
from tests.helpers.edge import planned_edge
from tests.helpers.stack import Change, edit, edit_release, mistake, put


def both(*changes: Change) -> Change:
    def change(config: dict[str, Any]) -> None:
        for one in changes:
            one(config)

    return change


MISTAKES: list[tuple[str, str, Change, list[str]]] = [
    ("edge elsewhere", "devnet", put("edge", {"enabled": True}), ["edge.enabled = true", "production network alone"]),
    (
        "edge on the load balancer's node",
        "mainnet",
        put("nodes/0/address", "217.196.51.190"),
        ["nodes[0].address = '217.196.51.190'", "is the load balancer's"],
    ),
    ("no ranges", "mainnet", put("edge/ranges", []), ["edge.ranges", "admits nobody"]),
    ("everybody", "mainnet", put("edge/ranges", ["0.0.0.0/0"]), ["edge.ranges[0] = '0.0.0.0/0'", "admits everybody"]),
    ("half the world", "mainnet", put("edge/allowFrom", ["128.0.0.0/1"]), ["edge.allowFrom[0]", "so wide"]),
    ("no range", "mainnet", put("edge/ranges", ["cloudflare"]), ["edge.ranges[0] = 'cloudflare'", "no address range"]),
    ("host bits", "mainnet", put("edge/ranges", ["173.245.48.1/20"]), ["edge.ranges[0]", "has host bits set"]),
    ("private source", "mainnet", put("edge/allowFrom", ["10.42.0.0/16"]), ["edge.allowFrom[0]", "public"]),
    (
        "a pod's address",
        "mainnet",
        put("edge/controllerAddress", "10.42.2.204"),
        ["edge.controllerAddress = '10.42.2.204'", "what moves with a pod"],
    ),
    ("no address", "mainnet", put("edge/controllerAddress", "ingress"), ["edge.controllerAddress = 'ingress'"]),
    ("no node left", "mainnet", put("edge/activeNodes", []), ["edge.activeNodes"]),
    ("unknown node", "mainnet", put("edge/activeNodes", ["vps9"]), ["edge.activeNodes[0] = 'vps9'", "no node"]),
    (
        "active twice",
        "mainnet",
        put("edge/activeNodes", ["vps1", "vps1"]),
        ["edge.activeNodes[1] = 'vps1'", "listed twice"],
    ),
    (
        "the last address of a name",
        "mainnet",
        put("edge/activeNodes", ["vps1", "vps2"]),
        ["wallet.gxcoin.money would lose its last address", "dns.wallet"],
    ),
    (
        "most records at once",
        "mainnet",
        put("edge/activeNodes", ["vps3"]),
        ["edge.activeNodes", "2 of 4 records would go at once", "dns.acceptedRemoval"],
    ),
    (
        "host outside the zone",
        "mainnet",
        put("ingress/corsOrigins", ["https://wallet.gxcoin.money", "https://gxcoin.example"]),
        ["ingress.corsOrigins[1] = 'https://gxcoin.example'", "lies outside the zone gxcoin.money"],
    ),
    (
        "host that only ends like the zone",
        "mainnet",
        put("ingress/corsOrigins", ["https://wallet.gxcoin.money", "https://evilgxcoin.money"]),
        ["ingress.corsOrigins[1]", "lies outside the zone"],
    ),
    (
        "any origin",
        "mainnet",
        put("ingress/corsOrigins", ["https://wallet.gxcoin.money", "*"]),
        ["ingress.corsOrigins[1] = '*'", "no origin"],
    ),
    (
        "origin with a path",
        "mainnet",
        put("ingress/corsOrigins", ["https://wallet.gxcoin.money/"]),
        ["ingress.corsOrigins[0]", "no origin of the form https://host"],
    ),
    (
        "the wallet is no origin",
        "mainnet",
        put("ingress/corsOrigins", ["https://gxcoin.money"]),
        ["ingress.corsOrigins", "lacks https://wallet.gxcoin.money"],
    ),
    (
        "Q Send before the outbox can pay",
        "mainnet",
        put("ingress/qsendRoute", True),
        ["ingress.qsendRoute = true", "outbox-submitter 2.1.6 does not know Q_SEND_PAY"],
    ),
    (
        "unknown controller",
        "mainnet",
        put("ingress/controller", "haproxy"),
        ["ingress.controller = 'haproxy'", "'nginx' or 'traefik'"],
    ),
    ("no connections", "mainnet", put("edge/maxConnectionsPerSource", 0), ["edge.maxConnectionsPerSource = 0"]),
]


@pytest.mark.parametrize(("stack", "change", "expected"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_mistake_gets_one_line(project: Path, stack: str, change: Change, expected: list[str]) -> None:
    line = mistake(project, stack, change)
    for part in expected:
        assert part in line


def test_a_drained_node_leaves_dns_and_comes_back(project: Path) -> None:
    everything = wanted_records(offline_settings("mainnet", project))
    edit(project, "mainnet", put("edge/activeNodes", ["vps2", "vps3"]))
    drained = wanted_records(offline_settings("mainnet", project))
    assert set(everything) - set(drained) == {("api.gxcoin.money", "72.60.210.201")}
    edit(project, "mainnet", put("edge/activeNodes", ["vps1", "vps2", "vps3"]))
    assert wanted_records(offline_settings("mainnet", project)) == everything


def test_the_brake_lets_go_with_a_reason(project: Path) -> None:
    reason = put("dns/acceptedRemoval", "two nodes are replaced at once")
    edit(project, "mainnet", both(put("edge/activeNodes", ["vps3"]), reason))
    assert len(wanted_records(offline_settings("mainnet", project))) == 2


def test_the_wallet_may_have_every_node(project: Path) -> None:
    """An option, off by default: docs/traffic.md says what it costs."""
    assert [a for h, a in wanted_records(offline_settings("mainnet")) if h == "wallet.gxcoin.money"] == ["72.61.81.3"]
    edit(project, "mainnet", put("dns/wallet", ["vps1", "vps2", "vps3"]))
    wallet = [a for h, a in wanted_records(offline_settings("mainnet", project)) if h == "wallet.gxcoin.money"]
    assert wallet == ["72.60.210.201", "72.61.116.210", "72.61.81.3"]


@pytest.mark.parametrize(
    ("tag", "opens"), [("2.1.6", False), ("2.2.2", False), ("2.2.3", True), ("v2.3.0", True), ("newest", False)]
)
def test_q_send_opens_with_an_outbox_that_can_pay(project: Path, tag: str, opens: bool) -> None:
    edit_release(project, "mainnet", lambda release: release["workloads"]["outbox-submitter"].update(tag=tag))
    edit(project, "mainnet", put("ingress/qsendRoute", True))
    if opens:
        assert offline_settings("mainnet", project).stack.ingress.qsend_route
    else:
        with pytest.raises(InputError, match="Q_SEND_PAY"):
            offline_settings("mainnet", project)


def test_sources_are_cloudflares_ranges_and_the_allow_list(project: Path) -> None:
    assert allowed_sources(offline_settings("mainnet")) == sorted(CLOUDFLARE_RANGES)
    edit(project, "mainnet", put("edge/allowFrom", ["198.51.101.7/32"]))
    assert "198.51.101.7/32" in allowed_sources(offline_settings("mainnet", project))
    edit(project, "mainnet", put("edge/ranges", ["173.245.48.0/20"]))
    assert allowed_sources(offline_settings("mainnet", project)) == ["173.245.48.0/20", "198.51.101.7/32"]


def test_the_edge_forwards_to_the_chosen_controller(project: Path) -> None:
    text = planned_edge(offline_settings("mainnet")).text()
    assert "server controller ingress-nginx-controller.ingress-nginx.svc.cluster.local:443 " in text
    assert "send-proxy" not in text, "off unless the controller expects it"
    assert "init-addr none" in text, "it starts while DNS is down"
    edit(project, "mainnet", put("edge/controllerAddress", "10.43.12.34"))
    assert "init-addr 10.43.12.34,none" in planned_edge(offline_settings("mainnet", project)).text()
    edit(project, "mainnet", put("ingress/controller", "traefik"))
    assert (
        "server controller traefik.traefik.svc.cluster.local:80 "
        in planned_edge(offline_settings("mainnet", project)).text()
    )


def test_the_controllers_configuration_is_printed(gx: Callable[..., Any], project: Path) -> None:
    printed = yaml.safe_load(gx("edge", "controller", "mainnet").stdout)
    assert printed["forwarded-for-header"] == "CF-Connecting-IP"
    assert "173.245.48.0/20" in printed["proxy-real-ip-cidr"]
    edit(project, "mainnet", put("ingress/controller", "traefik"))
    shown = gx("edge", "controller", "mainnet", cwd=project)
    assert shown.returncode == 0, shown.stderr
    assert "known-peers@file" in shown.stdout
