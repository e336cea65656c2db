"""A live network that would be adopted cleanly, and one thing planted into it."""

import copy
from collections.abc import Callable
from typing import Any

from common.plan import Plan
from gx.adoption.adopt import AdoptionReport, decide, filled
from gx.adoption.live import Key, LiveObjects
from gx.cluster.kubernetes_api import Object
from gx.cluster.zone import Record

ZONE = "0" * 32
KEPT = frozenset({"minioRootUser", "minioRootPassword", "nextauthSecret"})
Objects = dict[Key, Object]
Plant = Callable[[Objects], object]
HOST = "api.gxcoin.money"


def clean(plan: Plan) -> Objects:
    """Return every planned object as kubectl would have made it, without what the program generates."""
    found: Objects = {}
    for resource in plan.objects:
        if resource.kind in {"Secret", "Job"} and resource.object_name != "minio-credentials":
            continue
        manifest = copy.deepcopy(filled(resource.manifest, None))
        found[resource.kind, resource.namespace, resource.object_name] = manifest
    return found


def records(plan: Plan) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for resource in plan.resources:
        if resource.kind == "DnsRecord":
            name, content = str(resource.inputs["name"]), str(resource.inputs["content"])
            record = Record(identifier=content, name=name, type="A", content=content, ttl=1, proxied=True)
            found.setdefault(name, []).append(record)
    return found


def adoption(
    plan: Plan,
    plant: Plant = lambda _: None,
    *,
    zone: dict[str, list[Record]] | None = None,
    accepted: tuple[str, ...] = (),
    kept: frozenset[str] = KEPT,
) -> AdoptionReport:
    objects = clean(plan)
    plant(objects)
    live = LiveObjects(
        uid="x", namespace=plan.namespace, objects=objects, records=records(plan) if zone is None else zone
    )
    return decide(plan, live, zone_id=ZONE, accepted=accepted, kept_secrets=kept)


def names(found: AdoptionReport) -> list[str]:
    return [refusal.name for refusal in found.refusals]


def add(kind: str, name: str, **content: Any) -> Plant:
    def plant(objects: Objects) -> None:
        namespace = "backend-mainnet"
        manifest = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **content}
        objects[kind, namespace, name] = manifest

    return plant
