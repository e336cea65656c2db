"""What adoption refuses beyond one object's fields, each planted alone into a network that would be adopted cleanly."""

import copy
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from rich.console import Console

from common.errors import InputError
from common.plan import Plan
from common.values import REDACTED
from gx.adoption.adopt import Decision
from gx.adoption.as_found import release_as_found
from gx.adoption.live import LiveObjects
from gx.adoption.tried import refused_by_server
from gx.adoption.view import item_lines, print_adoption
from gx.cluster.kubernetes_api import ApiError, KubernetesApi, Object
from gx.cluster.zone import Record
from gx.report.sections import adoption_of
from settings.offline import offline_settings
from tests.helpers.adoption import HOST, ZONE, Objects, Plant, add, adoption, clean, names, records


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


def marked(**metadata: Any) -> Plant:
    def plant(objects: Objects) -> None:
        for name in ("svc-tax", "svc-identity"):
            found = objects["Deployment", "backend-mainnet", name]["metadata"]
            for key, entries in metadata.items():
                found[key] = {**found.get(key, {}), **entries} if isinstance(entries, dict) else entries

    return plant


MASTERS = [
    (marked(annotations={"meta.helm.sh/release-name": "backend"}), "master Helm release backend"),
    (
        marked(annotations={"argocd.argoproj.io/tracking-id": "gx:apps/Deployment:backend-mainnet/svc-tax"}),
        "master Argo CD application gx",
    ),
    (marked(labels={"kustomize.toolkit.fluxcd.io/name": "apps"}), "master Flux Kustomization apps"),
    (marked(labels={"app.kubernetes.io/managed-by": "kustomize"}), "master tool kustomize"),
    (marked(ownerReferences=[{"kind": "Rollout", "name": "tax", "controller": True}]), "master controller Rollout/tax"),
]


def test_what_only_refers_to_its_owner_has_no_master(mainnet: Plan) -> None:
    assert names(adoption(mainnet, marked(ownerReferences=[{"kind": "Namespace", "name": "x"}]))) == []


@pytest.mark.parametrize(("plant", "refused"), MASTERS, ids=[name for _, name in MASTERS])
def test_another_master_is_named_once_for_all_its_objects(mainnet: Plan, plant: Plant, refused: str) -> None:
    (found,) = adoption(mainnet, plant).refusals
    assert found.name == refused
    assert "Deployment/svc-identity, Deployment/svc-tax" in found.text
    assert names(adoption(mainnet, plant, accepted=(refused,))) == []


class Server:
    """An API server that refuses every Deployment, or every request."""

    origin = "kubeconfig"

    def __init__(self, error: ApiError, kinds: tuple[str, ...]) -> None:
        self.error, self.kinds, self.tried = error, kinds, list[Object]()

    def apply(self, manifest: Object, *, manager: str, force: bool, dry_run: bool) -> Object:
        """Note what is tried."""
        assert (manager, force, dry_run) == ("gx-infra", True, True), "nothing is changed"
        self.tried.append(manifest)
        if manifest["kind"] in self.kinds:
            raise self.error
        return manifest


def test_what_the_server_refuses_is_refused_in_its_words(mainnet: Plan) -> None:
    objects = clean(mainnet)
    live = LiveObjects(uid="x", namespace=mainnet.namespace, objects=objects)
    server = Server(ApiError(422, "Invalid", "valueFrom: may not be specified when `value` is not empty"), ("Service",))
    found = list(refused_by_server(cast("KubernetesApi", server), mainnet, live))
    assert len(server.tried) == len(objects), "each live object is tried, and nothing that is not there"
    assert [refusal.name for refusal in found] == [f"{r.location} server" for r in mainnet.of_kind("Service")]
    assert "valueFrom: may not be specified" in found[0].text
    assert REDACTED not in str([one for one in server.tried if one["kind"] == "Secret"])


def test_a_missing_right_to_try_is_one_line(mainnet: Plan) -> None:
    live = LiveObjects(uid="x", namespace=mainnet.namespace, objects=clean(mainnet))
    server = Server(ApiError(403, "Forbidden", "cannot patch"), ("Service",))
    with pytest.raises(InputError, match="cannot patch; fix: bind the user to a role that may get, list and patch"):
        list(refused_by_server(cast("KubernetesApi", server), mainnet, live))


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


def test_pods_of_external_workloads_are_no_strangers(mainnet: Plan) -> None:
    labels = {"app": "postgres"}
    assert names(adoption(mainnet, add("StatefulSet", "postgres", spec=controller(labels, "postgres-data")))) == []


def test_old_policies_are_orphans(mainnet: Plan) -> None:
    everybody: dict[str, Any] = {
        "podSelector": {},
        "ingress": [{"from": [{"podSelector": {}}]}],
        "egress": [{"to": [{"podSelector": {}}]}],
    }
    found = adoption(mainnet, add("NetworkPolicy", "allow-self", spec=everybody))
    assert found.orphans == ("NetworkPolicy/allow-self",)
    console = Console(record=True, width=1000)
    print_adoption(found, console)
    said = r"default deny is not in force: policies made by hand \(allow-self\) open \d\d+ connections "
    assert re.search(said, console.export_text())


CLOSED: list[dict[str, Any]] = [
    {"podSelector": {}},
    {"podSelector": {"matchLabels": {"app": "nobody"}}, "ingress": [{}]},
]


@pytest.mark.parametrize("spec", CLOSED)
def test_an_old_policy_that_opens_nothing_leaves_default_deny_in_force(mainnet: Plan, spec: dict[str, Any]) -> None:
    assert adoption(mainnet, add("NetworkPolicy", "old", spec=spec)).not_in_force == ""


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


def test_a_record_that_the_program_wrote_is_not_imported_again(mainnet: Plan) -> None:
    found = records(mainnet)
    found[HOST] = [replace(record, comment="managed by gx-infra, mainnet") for record in found[HOST]]
    decided = adoption(mainnet, zone=found)
    owned = {item.key for item in decided.items if item.decision is Decision.OWNED}
    assert owned == {f"DnsRecord/{HOST}-{record.content}" for record in found[HOST]}
    assert not owned & set(decided.imports)
    found[HOST] = [replace(record, comment="managed by gx-infra, testnet") for record in found[HOST]]
    assert owned <= set(adoption(mainnet, zone=found).imports)


SECRET = "hunter2-of-the-live-object"
PODS = ("StatefulSet", "backend-mainnet", "minio")
LEAKS: list[tuple[str, Callable[[Any], object]]] = [
    ("command", lambda spec: spec["containers"][0].update(command=["sh", "-c", f"mc alias set m http://m u {SECRET}"])),
    ("args", lambda spec: spec["containers"][0].update(args=[SECRET])),
    ("env", lambda spec: spec["containers"][0].update(env=[{"name": "A", "value": SECRET}])),
    (
        "a probe's path",
        lambda spec: spec["containers"][0]["livenessProbe"]["httpGet"].update(path=f"/h?token={SECRET}"),
    ),
    ("a probe's header", lambda spec: _probe(spec).update(httpHeaders=[{"name": "A", "value": SECRET}])),
    ("a probe's command", lambda spec: spec["containers"][0].update(livenessProbe={"exec": {"command": [SECRET]}})),
    ("a volume", lambda spec: spec["volumes"][0].update(nfs={"server": "x", "path": SECRET})),
    ("a folder of the host", lambda spec: spec.update(volumes=[{"name": "data", "hostPath": {"path": SECRET}}])),
    ("a hook", lambda spec: spec["containers"][0].update(lifecycle={"preStop": {"exec": {"command": [SECRET]}}})),
]


def _probe(spec: Any) -> dict[str, Any]:
    return spec["containers"][0]["livenessProbe"]["httpGet"]


@pytest.mark.parametrize("leak", [leak for _, leak in LEAKS], ids=[name for name, _ in LEAKS])
def test_a_key_that_stands_in_a_live_object_is_not_printed(mainnet: Plan, leak: Callable[[Any], object]) -> None:
    def plant(objects: Objects) -> None:
        leak(objects[PODS]["spec"]["template"]["spec"])
        objects[PODS]["metadata"]["annotations"] = {"note": SECRET}
        fields: dict[str, Any] = {"f:spec": {"f:template": {"f:spec": {"f:containers": {}, "f:volumes": {}}}}}
        entry: dict[str, Any] = {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": fields}
        objects[PODS]["metadata"]["managedFields"] = [entry]

    found = adoption(mainnet, plant)
    console = Console(record=True, width=1000)
    print_adoption(found, console)
    page = adoption_of(offline_settings("mainnet", adopting=False), found)
    assert SECRET not in console.export_text() + repr(page)
    assert any(item.key == "StatefulSet/minio" and (item.changed or item.pruned) for item in found.items)


def test_values_that_are_known_to_be_harmless_are_shown(mainnet: Plan) -> None:
    def plant(objects: Objects) -> None:
        container = objects[PODS]["spec"]["template"]["spec"]["containers"][0]
        container.update(image="minio/minio:old")
        container["resources"]["limits"]["memory"] = "7Gi"
        _probe(objects[PODS]["spec"]["template"]["spec"]).update(path="/old")
        objects["Service", "backend-mainnet", "minio"]["spec"]["selector"] = {"app": "old"}

    lines = [line for item in adoption(mainnet, plant).items for line in item_lines(item)]
    for text in ("image: minio/minio:old -> ", "limits.memory: 7Gi -> ", "selector.app: old -> "):
        assert any(text in line for line in lines), text
    assert any(line.endswith("livenessProbe.httpGet.path: differs") for line in lines)


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
    live = LiveObjects(uid="x", namespace=mainnet.namespace, objects=objects)
    current = {"network": "mainnet", "origin": "x", "workloads": {"svc-tax": {"tag": "2.1.5"}}, "platform": {}}
    found = release_as_found(current, live)
    assert found["workloads"]["svc-tax"] == {"tag": "2.1.9", "liveDigest": digest}
    assert found["origin"] == "as found"
