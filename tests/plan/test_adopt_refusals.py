"""What adoption refuses beyond one object's fields, each planted alone into a network that would be adopted cleanly."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from gx.live.kubernetes_api import Object
from gx.operate.adopt import Adoption, decide, filled
from gx.operate.as_found import release_as_found
from gx.operate.live import Key, Live
from gx.operate.zone import Record
from gx.plan.model import Plan

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
) -> Adoption:
    objects = clean(plan)
    plant(objects)
    live = Live(uid="x", namespace=plan.namespace, objects=objects, records=records(plan) if zone is None else zone)
    return decide(plan, live, zone_id=ZONE, accepted=accepted, kept_secrets=kept)


def names(found: Adoption) -> list[str]:
    return [refusal.name for refusal in found.refusals]


def add(kind: str, name: str, **content: Any) -> Plant:
    def plant(objects: Objects) -> None:
        namespace = "backend-mainnet"
        manifest = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **content}
        objects[kind, namespace, name] = manifest

    return plant


def controller(labels: dict[str, str], claim: str = "") -> dict[str, Any]:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}] if claim else []
    return {"template": {"metadata": {"labels": labels}, "spec": {"containers": [], "volumes": volumes}}}


def other_kind(objects: Objects) -> None:
    found = objects.pop(("StatefulSet", "backend-mainnet", "minio"))
    objects["Deployment", "backend-mainnet", "minio"] = {**found, "kind": "Deployment"}


def other_claim(objects: Objects) -> None:
    pod = objects["StatefulSet", "backend-mainnet", "minio"]["spec"]["template"]["spec"]
    for volume in pod["volumes"]:
        if "persistentVolumeClaim" in volume:
            volume["persistentVolumeClaim"]["claimName"] = "minio-data"


def by_kubectl(objects: Objects) -> None:
    found = objects["Deployment", "backend-mainnet", "svc-identity"]
    found["spec"]["replicas"] = 3
    entry: Object = {
        "manager": "kubectl-client-side-apply",
        "operation": "Update",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
    }
    found["metadata"]["managedFields"] = [entry]


def scaled_by_the_autoscaler(objects: Objects) -> None:
    by_kubectl(objects)
    entries = objects["Deployment", "backend-mainnet", "svc-identity"]["metadata"]["managedFields"]
    entries.append({**entries[0], "manager": "kube-controller-manager", "subresource": "scale"})


def smaller_claim(objects: Objects) -> None:
    spec = objects["PersistentVolumeClaim", "backend-mainnet", "minio-pvc"]["spec"]
    spec["resources"]["requests"]["storage"] = "20Gi"


def no_claim(objects: Objects) -> None:
    del objects["PersistentVolumeClaim", "backend-mainnet", "minio-pvc"]


def test_a_clean_network_is_adopted(mainnet: Plan) -> None:
    found = adoption(mainnet)
    assert names(found) == []
    assert found.imports["StatefulSet/minio"] == "backend-mainnet/minio"
    assert found.imports[f"DnsRecord/{HOST}-72.61.81.3"] == f"{ZONE}/72.61.81.3"
    assert found.orphans == ()


@pytest.mark.parametrize(
    ("plant", "refused"),
    [
        (other_kind, "StatefulSet/minio kind"),
        (other_claim, "StatefulSet/minio claims"),
        (no_claim, "PersistentVolumeClaim/minio-pvc created"),
        (smaller_claim, "PersistentVolumeClaim/minio-pvc spec.resources.requests.storage"),
        (add("Deployment", "old", spec=controller({"app": "minio"})), "Service/minio selects Deployment/old"),
        (
            add("Deployment", "old", spec=controller({}, "minio-pvc")),
            "PersistentVolumeClaim/minio-pvc mounted by Deployment/old",
        ),
        (add("ResourceQuota", "old"), "ResourceQuota/old second"),
        (add("LimitRange", "old"), "LimitRange/old second"),
        (add("Secret", "gx-connections"), "Secret/gx-connections values"),
        (by_kubectl, "Deployment/svc-identity spec.replicas"),
    ],
)
def test_each_danger_is_refused_by_its_name(mainnet: Plan, plant: Plant, refused: str) -> None:
    found = adoption(mainnet, plant)
    assert refused in names(found)
    assert all(refusal.fix for refusal in found.refusals)
    assert refused not in names(adoption(mainnet, plant, accepted=(refused,)))


def test_a_route_that_another_ingress_serves_is_refused(mainnet: Plan) -> None:
    planned = next(r for r in mainnet.of_kind("Ingress"))
    rules = copy.deepcopy(planned.spec["rules"])
    assert "Ingress/old routes" in names(adoption(mainnet, add("Ingress", "old", spec={"rules": rules})))


def test_what_the_autoscaler_wrote_stays(mainnet: Plan) -> None:
    assert names(adoption(mainnet, scaled_by_the_autoscaler)) == []


def test_live_secrets_are_asked_for_once_each(mainnet: Plan) -> None:
    found = names(adoption(mainnet, kept=frozenset[str]()))
    assert sorted(found) == ["setting minioRootPassword", "setting minioRootUser", "setting nextauthSecret"]


def test_pods_of_neighbours_are_no_strangers(mainnet: Plan) -> None:
    labels = {"app": "postgres"}
    assert names(adoption(mainnet, add("StatefulSet", "postgres", spec=controller(labels, "postgres-data")))) == []


def test_old_policies_are_orphans(mainnet: Plan) -> None:
    found = adoption(mainnet, add("NetworkPolicy", "allow-self"))
    assert found.orphans == ("NetworkPolicy/allow-self",)


@pytest.mark.parametrize(
    ("record", "refused"),
    [
        (("A", "192.0.2.7"), f"DnsRecord/{HOST}-192.0.2.7 extra"),
        (("CNAME", "elsewhere.example"), f"DnsRecord/{HOST} CNAME"),
    ],
)
def test_other_records_of_a_managed_name_are_refused(mainnet: Plan, record: tuple[str, str], refused: str) -> None:
    found = records(mainnet)
    found[HOST].append(Record(identifier="1", name=HOST, type=record[0], content=record[1], ttl=1, proxied=True))
    assert names(adoption(mainnet, zone=found)) == [refused]


def test_the_release_as_found_holds_what_runs(mainnet: Plan) -> None:
    objects = clean(mainnet)
    container = objects["Deployment", mainnet.namespace, "svc-tax"]["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "10.43.75.195:5000/svc-tax:2.1.9"
    digest = f"sha256:{'a' * 64}"
    status = {"containerStatuses": [{"name": "svc-tax", "imageID": f"10.43.75.195:5000/svc-tax@{digest}"}]}
    objects["Pod", mainnet.namespace, "svc-tax-1"] = {
        "kind": "Pod",
        "metadata": {"name": "svc-tax-1"},
        "status": status,
    }
    live = Live(uid="x", namespace=mainnet.namespace, objects=objects)
    current = {"network": "mainnet", "origin": "x", "workloads": {"svc-tax": {"tag": "2.1.5"}}, "platform": {}}
    found = release_as_found(current, live)
    assert found["workloads"]["svc-tax"] == {"tag": "2.1.9", "liveDigest": digest}
    assert found["origin"] == "as found"
