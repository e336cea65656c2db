"""What only the live network has and the plan would lose, or be changed by: refused by its name."""

from dataclasses import replace
from typing import Any

import pytest

from common.cluster import INGRESS_PREFIX
from common.objects import mapping
from common.plan import Plan
from gx.adoption.adopt import decide
from gx.adoption.live import LiveObjects
from gx.adoption.refusals import foreign_routes
from gx.cluster.kubernetes_api import Object
from tests.helpers.adoption import HOST, KEPT, ZONE, Objects, Plant, adoption, clean, names, records

ALLOW_LIST = f"{INGRESS_PREFIX}whitelist-source-range"


def change(kind: str, name: str, **content: Any) -> Plant:
    """Return a change by a hand tool: what it adds is its own, as kubectl's managers are."""

    def plant(objects: Objects) -> None:
        ((_, found),) = ((key, one) for key, one in objects.items() if (key[0], key[2]) == (kind, name))
        for key, value in content.items():
            found.setdefault(key, {}).update(value)
        entry = {
            "manager": "kubectl-edit",
            "operation": "Update",
            "apiVersion": found["apiVersion"],
            "fieldsType": "FieldsV1",
        }
        found["metadata"]["managedFields"] = [{**entry, "fieldsV1": _owned(content)}]

    return plant


def _owned(value: object) -> dict[str, Any]:
    return {f"f:{key}": _owned(below) for key, below in mapping(value).items()}


@pytest.mark.parametrize(
    ("kind", "content", "refused"),
    [
        ("Ingress", {"metadata": {"annotations": {ALLOW_LIST: "192.0.2.0/24"}}}, f"annotation {ALLOW_LIST}"),
        ("Ingress", {"spec": {"defaultBackend": {"service": {"name": "x"}}}}, "spec.defaultBackend"),
        ("Service", {"metadata": {"annotations": {"example.com/shared": "yes"}}}, "annotation example.com/shared"),
        ("Service", {"spec": {"loadBalancerSourceRanges": ["192.0.2.0/24"]}}, "spec.loadBalancerSourceRanges"),
    ],
)
def test_a_guard_that_only_the_live_object_has_goes_by_name_alone(
    mainnet: Plan, kind: str, content: dict[str, Any], refused: str
) -> None:
    name = next(r.object_name for r in mainnet.of_kind(kind))
    found = names(adoption(mainnet, change(kind, name, **content)))
    assert [one for one in found if one.startswith(f"{kind}/{name} {refused}")], found
    assert names(adoption(mainnet, change(kind, name, **content), accepted=tuple(found))) == []


def test_what_a_tool_notes_for_itself_needs_no_name(mainnet: Plan) -> None:
    noted = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "deployment.kubernetes.io/revision": "7"}
    assert names(adoption(mainnet, change("Deployment", "svc-tax", metadata={"annotations": noted}))) == []


def test_a_label_with_such_a_prefix_is_asked_for(mainnet: Plan) -> None:
    planted = change("Deployment", "svc-tax", metadata={"labels": {"deployment.kubernetes.io/owner": "x"}})
    assert names(adoption(mainnet, planted)) == ["Deployment/svc-tax label deployment.kubernetes.io/owner"]


def test_a_route_that_another_namespace_serves_is_refused(mainnet: Plan) -> None:
    ours = next(ingress for ingress in mainnet.of_kind("Ingress"))
    other = {**ours.manifest, "metadata": {"name": "other", "namespace": "elsewhere"}}
    live = LiveObjects(
        uid="x",
        namespace=mainnet.namespace,
        objects=clean(mainnet),
        records=records(mainnet),
        ingresses_elsewhere=(other,),
    )
    assert [one.name for one in foreign_routes(mainnet, live)] == ["Ingress/elsewhere/other routes"]


@pytest.mark.parametrize("annotation", ["use-regex", "rewrite-target"])
@pytest.mark.parametrize("namespace", ["backend-mainnet", "elsewhere"])
def test_a_foreign_ingress_that_makes_our_paths_regular_expressions_is_refused(
    mainnet: Plan, annotation: str, namespace: str
) -> None:
    rules = [{"host": HOST, "http": {"paths": [{"path": "/new(/|$)(.*)", "pathType": "ImplementationSpecific"}]}}]
    metadata = {"name": "other", "namespace": namespace, "annotations": {f"{INGRESS_PREFIX}{annotation}": "true"}}
    other: Object = {"apiVersion": "v1", "kind": "Ingress", "metadata": metadata, "spec": {"rules": rules}}
    objects, elsewhere = clean(mainnet), namespace == "elsewhere"
    if not elsewhere:
        objects["Ingress", namespace, "other"] = other
    live = LiveObjects(
        uid="x",
        namespace=mainnet.namespace,
        objects=objects,
        records=records(mainnet),
        ingresses_elsewhere=(other,) if elsewhere else (),
    )

    def refused(plan: Plan) -> list[str]:
        return names(decide(plan, live, zone_id=ZONE, accepted=(), kept_secrets=KEPT))

    assert refused(mainnet) == [f"Ingress/{'elsewhere/' if elsewhere else ''}other regex"]
    assert refused(replace(mainnet, controller="traefik")) == []
    metadata["annotations"] = {}
    assert refused(mainnet) == []
