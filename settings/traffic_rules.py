"""Rules between settings of traffic: nodes, hosts, routes, edge and DNS."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, ip_network
from urllib.parse import urlsplit

from catalogue.managed_components import ManagedComponent
from common.cluster import LOAD_BALANCER_ADDRESS, SERVICE_RANGE
from common.errors import InputError
from settings.dns import declared_records, wanted_records
from settings.fields import PRIVATE
from settings.kubernetes_fields import ZONE
from settings.project import release_file
from settings.rule import Case, Rule, problem_of
from settings.settings import Settings

LARGEST_REMOVAL_PERCENT = 30
"""As octoDNS has it: a change that withdraws more of a zone is more likely a slip than a wish."""
PAYS_FROM = (2, 2, 3)
"""The first outbox-submitter that sends Q_SEND_PAY (production.md#workloads); an older one leaves it unsent."""


def _nodes(case: Case) -> Iterator[InputError]:
    settings = case.settings
    for field, values in (
        ("id", [node.id for node in settings.stack.nodes]),
        ("address", [node.address for node in settings.stack.nodes]),
    ):
        for value, count in Counter(values).items():
            if count > 1:
                index = len(values) - 1 - values[::-1].index(value)
                yield problem_of(
                    settings,
                    f"nodes[{index}].{field}",
                    value,
                    f"stands {count} times: one node would be listed as two",
                    "remove one entry",
                )
    for host in ("wallet", "api"):
        yield from _each_node_once(settings, f"dns.{host}", getattr(settings.stack.dns, host))


def _each_node_once(settings: Settings, key: str, ids: Sequence[str]) -> Iterator[InputError]:
    """Find what is no node's id in a list, or stands in it twice."""
    known = [node.id for node in settings.stack.nodes]
    for index, node in enumerate(ids):
        if node not in known or ids.index(node) != index:
            yield problem_of(
                settings,
                f"{key}[{index}]",
                node,
                "is listed twice" if node in known else "no node of this network has that id",
                f"use each of {', '.join(known)} at most once",
            )


def _drain(case: Case) -> Iterator[InputError]:
    """A node leaves DNS before it is worked on; a name never loses its last address by it."""
    settings = case.settings
    active = settings.stack.edge.active_nodes
    if active is None:
        return
    yield from _each_node_once(settings, "edge.activeNodes", active)
    declared, wanted = declared_records(settings), wanted_records(settings)
    for host in sorted({host for host, _ in declared} - {host for host, _ in wanted}):
        field = "wallet" if host == settings.network.wallet_host else "api"
        yield problem_of(
            settings,
            "edge.activeNodes",
            list(active),
            f"{host} would lose its last address: nobody could reach it",
            f"list an active node under gx-infra:dns.{field} first",
        )
    gone = len(declared) - len(wanted)
    several = len(settings.stack.nodes) - len(active) > 1
    if several and gone * 100 > len(declared) * LARGEST_REMOVAL_PERCENT and not settings.stack.dns.accepted_removal:
        yield problem_of(
            settings,
            "edge.activeNodes",
            list(active),
            f"{gone} of {len(declared)} records would go at once, more than {LARGEST_REMOVAL_PERCENT} %",
            "drain one node after the other, or say why under gx-infra:dns.acceptedRemoval",
        )


def _edge(case: Case) -> Iterator[InputError]:
    settings = case.settings
    edge = settings.stack.edge
    if edge.enabled and not settings.stack.production and not settings.stack.local:
        yield problem_of(
            settings,
            "edge.enabled",
            True,  # noqa: FBT003 the value that is shown
            "the nodes' ports 80 and 443 belong to the production network alone",
            "set it to false",
        )
    for index, node in enumerate(settings.stack.nodes if edge.enabled else ()):
        if node.address == LOAD_BALANCER_ADDRESS:
            yield problem_of(
                settings,
                f"nodes[{index}].address",
                node.address,
                "is the load balancer's: its traffic is taken before it reaches a port of the node",
                "leave this node out of the edge",
            )
    if edge.controller_address and edge.controller_address not in ip_network(SERVICE_RANGE):
        yield problem_of(
            settings,
            "edge.controllerAddress",
            str(edge.controller_address),
            f"is no address of a Service ({SERVICE_RANGE}): what moves with a pod broke production's edge",
            "write the ClusterIP of the controller's Service, or leave the key out",
        )


def _local(case: Case) -> Iterator[InputError]:
    """Private addresses mean nothing on a real network, and a local one must not name real ones."""
    settings = case.settings
    local, edge = settings.stack.local, settings.stack.edge
    for index, node in enumerate(settings.stack.nodes):
        if _is_private(f"{node.address}/32") is not local:
            here = "a local network has the local node alone" if local else "is no public IPv4 address"
            fix = "write the node's private address" if local else "write the address that the node has in DNS"
            yield problem_of(settings, f"nodes[{index}].address", node.address, here, fix)
    for key, ranges in (("edge.ranges", edge.ranges or ()), ("edge.allowFrom", edge.allow_from)):
        for index, text in enumerate(ranges):
            if _is_private(text) is not local:
                here = (
                    "is public: nobody from there reaches a local node" if local else "is no range of public addresses"
                )
                yield problem_of(settings, f"{key}[{index}]", text, here, "name whose addresses the proxy sees")
    if local and settings.stack.production:
        yield problem_of(settings, "local", "true", "production runs on its own nodes", "remove the key")


def _is_private(text: str) -> bool:
    found = ip_network(text)
    return isinstance(found, IPv4Network) and any(found.subnet_of(network) for network in PRIVATE)


def _hosts(case: Case) -> Iterator[InputError]:
    settings = case.settings
    zone = settings.network.zone
    for index, origin in enumerate(settings.stack.ingress.cors_origins):
        parts = urlsplit(origin)
        host = parts.hostname or ""
        key = f"ingress.corsOrigins[{index}]"
        if origin != f"https://{host}" or ZONE.fullmatch(host) is None:
            text = "is no origin of the form https://host: no browser matches it, or it stands for many hosts"
            yield problem_of(settings, key, origin, text, f"write https://<host in {zone}>, one by one")
        elif host != zone and not host.endswith(f".{zone}"):
            consequence = f"lies outside the zone {zone}: a stranger's page could act for our users"
            yield problem_of(settings, key, origin, consequence, "name only the app's own origins")
    if settings.network.wallet_url not in settings.stack.ingress.cors_origins:
        yield problem_of(
            settings,
            "ingress.corsOrigins",
            list(settings.stack.ingress.cors_origins),
            f"lacks {settings.network.wallet_url}: browsers would refuse the API's answers to the wallet",
            "add it",
        )


def _routes(case: Case) -> Iterator[InputError]:
    settings = case.settings
    stack = settings.stack
    if stack.ingress.https_redirect and stack.cloudflare.ssl_mode not in {"full", "strict"}:
        yield problem_of(
            settings,
            "ingress.httpsRedirect",
            True,  # noqa: FBT003 the value that is shown
            f"with the zone's SSL mode {stack.cloudflare.ssl_mode!r} every request would be redirected forever",
            "set the zone to full or strict, or the redirect to false",
        )
    submitter = settings.release.workloads.get("outbox-submitter")
    tag = submitter.tag if submitter else "(absent)"
    if stack.ingress.qsend_route and (submitter is None or (stack.production and not pays(tag))):
        yield problem_of(
            settings,
            "ingress.qsendRoute",
            True,  # noqa: FBT003 the value that is shown
            f"outbox-submitter {tag} does not know Q_SEND_PAY: payments would stay unsent "
            f"({release_file(settings.network.name)})",
            f"set it to false until outbox-submitter is {'.'.join(map(str, PAYS_FROM))} or newer",
        )
    if settings.manages(ManagedComponent.DNS) and stack.cloudflare.zone_id is None:
        yield problem_of(
            settings,
            "cloudflare.zoneId",
            None,
            "is not set: no DNS record can be managed",
            f"pulumi config set -s {settings.network.name} --path cloudflare.zoneId <id of the zone>",
        )


def pays(tag: str) -> bool:
    """Return whether an outbox-submitter of a tag can pay; a tag that is no version counts as one that cannot."""
    found = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)", tag)
    return found is not None and tuple(int(part) for part in found.groups()) >= PAYS_FROM


TRAFFIC_RULES: tuple[Rule, ...] = (_nodes, _drain, _edge, _local, _hosts, _routes)
