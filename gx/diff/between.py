"""Compares two networks; expected per-network differences are hidden."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from catalogue import CATALOGUE
from common.fields import Difference, differences
from common.plan import Plan, Resource
from common.values import plain
from gx.diff.rules import comparable
from settings.settings import Settings

EXPECTED: tuple[tuple[str, str], ...] = (
    (r"spec\.replicas$|\.(min|max)Replicas$", "replicas"),
    (r"topologySpreadConstraints", "more than one replica"),
    (r"_API_URL\.value$", "Service ports as they are live"),
    (r"NEXTAUTH_URL|secretName$|\.hosts\[|\.host$", "hosts and issuers"),
    (r"resources\.(requests|limits)|spec\.hard|spec\.limits|\.storage$|sizeLimit$", "sizes"),
    (r"nodeSelector|tolerations", "nodes"),
    (r"spec\.schedule$", "schedules"),
    (r"spec\.type$|\.nodePort$|spec\.ports|\.port\.number$", "Service ports as they are live"),
    (r"metadata\.labels\.(environment|component|name)$", "labels of the namespace"),
    (r"^options\.", "guards of production"),
    (r"config-checksum|checksum", "checksums of what differs"),
    (r"^data\[|^data\.|^stringData", "settings and texts"),
    (r"cors-allow-origin|cluster-issuer", "hosts and issuers"),
    (r"redis-sentinel|clamav|gx-admin-frontend|test-?users|testUsers", "external workloads and test users"),
    (r"MINIO_BROWSER", "no console in production"),
)
"""Paths of fields that stack files set per network (docs/differences.md), and what a user calls them."""

EXPECTED_OBJECTS: tuple[tuple[str, str], ...] = (
    (r"edge", "the edge is production's alone"),
    (r"test-?users|testUsers", "test users are refused in production"),
    (r"^(Deployment|StatefulSet)/minio$", "MinIO's kind as it was found"),
    (r"^(PodDisruptionBudget|HorizontalPodAutoscaler)/", "more than one replica"),
    (r"redis-sentinel|clamav|gx-admin-frontend", "external workloads"),
    (r"^DnsRecord/", "hosts and nodes"),
)
"""Objects that one network alone has for a reason that is known."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One object of two networks.

    Attributes:
        location: Kind and name, without the network.
        only: The network that alone has it; empty where both do.
        reason: Why it alone has it, where that is known.
        unexpected: Fields that differ without a reason that is known.
        expected: How many fields differ, by reason.
    """

    location: str
    only: str
    reason: str
    unexpected: tuple[Difference, ...]
    expected: Mapping[str, int]


def between(left: Plan, right: Plan, settings: Mapping[str, Settings]) -> list[Pair]:
    """Return what differs between two networks, object by object.

    Args:
        left: The Plan of one.
        right: The Plan of the other.
        settings: Settings by network: what derives from a network's name is made the same first.
    """
    one, other = (_normalised(plan, settings[plan.network]) for plan in (left, right))
    found: list[Pair] = []
    for location in sorted({*one, *other}):
        if location not in one or location not in other:
            only, lacks = (left.network, right.network) if location in one else (right.network, left.network)
            reason = next((text for pattern, text in EXPECTED_OBJECTS if re.search(pattern, location)), "")
            reason = reason or _absence(location, settings[lacks])
            found.append(Pair(location=location, only=only, reason=reason, unexpected=(), expected={}))
            continue
        unexpected: list[Difference] = []
        expected: dict[str, int] = {}
        for difference in differences(one[location], other[location]):
            reason = _reason(location, difference)
            if reason:
                expected[reason] = expected.get(reason, 0) + 1
            else:
                unexpected.append(difference)
        if unexpected or expected:
            found.append(Pair(location=location, only="", reason="", unexpected=tuple(unexpected), expected=expected))
    return found


def _absence(location: str, settings: Settings) -> str:
    """Return that an object belongs to a workload that a network does not run; empty where it belongs to none."""
    name = location.split("/", 1)[1].removeprefix("gx-")
    owners = (one for one in settings.release.absent if name in {one, CATALOGUE[one].service})
    return next((f"{one} is absent on {settings.network.name}" for one in owners), "")


def _reason(location: str, difference: Difference) -> str:
    if location.startswith(("RandomPassword", "DnsRecord", "ResourceQuota", "LimitRange")):
        return "numbers of the network"
    shown = f"{difference.text} {json.dumps([difference.old, difference.new])}"
    for pattern, reason in EXPECTED:
        if re.search(pattern, shown if reason.startswith("external workloads") else difference.text):
            return reason
    return ""


def _normalised(plan: Plan, settings: Settings) -> dict[str, Any]:
    """Return inputs and options by a name without the network, with everything that derives from it made the same."""
    found: dict[str, Any] = {}
    for resource in plan.resources:
        if resource.custom and not resource.read and not resource.type.startswith("pulumi:"):
            content = {**comparable(plain(resource.manifest)), "options": _options(resource)}
            found[_rename(_location(resource), settings)] = _renamed(content, settings)
    return found


def _location(resource: Resource) -> str:
    name = re.sub(r"-[0-9a-f]{8}$", "-(hash)", resource.object_name) if resource.kind in {"Job", "ConfigMap"} else ""
    return f"{resource.kind}/{name or resource.object_name}"


def _options(resource: Resource) -> dict[str, object]:
    return {"protect": resource.options.protect, "retainOnDelete": resource.options.retain_on_delete}


def _renamed(value: Any, settings: Settings) -> Any:  # noqa: ANN401 any JSON
    if isinstance(value, str):
        return _rename(value, settings)
    if isinstance(value, Mapping):
        return {
            _rename(str(key), settings): _renamed(entry, settings)
            for key, entry in cast("Mapping[Any, Any]", value).items()
        }
    if isinstance(value, list):
        return [_renamed(entry, settings) for entry in cast("list[Any]", value)]
    return value


def _rename(text: str, settings: Settings) -> str:
    for name, common in _names(settings):
        text = text.replace(name, common)
    return re.sub(r"-[0-9a-f]{8}\b", "-(hash)", text)


def _names(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield what derives from a network, the longest first, and what stands for it."""
    network = settings.network
    yield network.api_host, "(API host)"
    yield network.wallet_host, "(wallet host)" if network.wallet_host != network.api_host else "(API host)"
    for node in settings.stack.nodes:
        yield str(node.address), "(node)"
    yield f"{settings.stack.redis.secret}", "(Redis Secret)"
    yield network.name.capitalize(), "(Network)"
    yield network.name, "(network)"
