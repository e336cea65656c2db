"""What is being deleted is not taken for living: it is still listed, and gone as soon as nothing holds it."""

import copy
from collections.abc import Iterator
from typing import Any, cast

import pytest

from catalogue import CATALOGUE
from common.errors import InputError
from common.plan import Plan
from gx.adoption.adopt import decide, filled
from gx.adoption.as_found import running_digests
from gx.adoption.live import LiveObjects, read_live
from gx.check.live import live_findings
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.one_off import one_off
from gx.cluster.readiness import job_ended, pod_ready
from gx.cluster.session import Prepared
from gx.verify.running import running
from settings.offline import offline_settings

SINCE = "2026-01-02T03:04:05Z"
NAMESPACE = "backend-mainnet"
SETTINGS = offline_settings("mainnet", adopting=False)
KEPT = frozenset({"minioRootUser", "minioRootPassword", "nextauthSecret"})
Object = dict[str, Any]


class Api:
    """Answers as an API server does that holds some objects."""

    origin = "kubeconfig"

    def __init__(self, objects: list[Object]) -> None:
        self.objects = objects

    def uid(self) -> str:
        """Return the cluster's uid."""
        return SETTINGS.stack.cluster_uid

    def list_objects(self, api_version: str, kind: str, namespace: str = "", *, labels: str = "") -> Iterator[Object]:
        """Yield the objects of a kind."""
        del api_version, labels
        for found in self.objects:
            if found["kind"] == kind and (not namespace or found["metadata"].get("namespace") == namespace):
                yield found

    def request(self, *_: str) -> Object:
        """Serve no other group."""
        return {"groups": []}

    def warnings_of(self, target: Object, body: object) -> list[str]:
        """Warn of nothing."""
        del target, body
        return []


def api(objects: list[Object]) -> KubernetesApi:
    return cast("KubernetesApi", Api(objects))


def living(plan: Plan) -> list[Object]:
    found = [copy.deepcopy(filled(r.manifest, None)) for r in plan.objects if r.kind not in {"Secret", "Job"}]
    there = {o["metadata"]["name"] for o in found if o["kind"] == "Namespace"}
    used = {o["metadata"].get("namespace") for o in found} - {None} - there
    return [*found, *({"kind": "Namespace", "metadata": {"name": name}} for name in sorted(used))]


def one(objects: list[Object], kind: str, name: str) -> Object:
    return next(o for o in objects if (o["kind"], o["metadata"]["name"]) == (kind, name))


def delete(found: Object, *held_by: str) -> None:
    found["metadata"].update(deletionTimestamp=SINCE, finalizers=list(held_by))


def refusals(plan: Plan, objects: list[Object], accepted: tuple[str, ...] = ()) -> dict[str, str]:
    keyed = {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in objects}
    live = LiveObjects(uid="x", namespace=NAMESPACE, objects=keyed)
    found = decide(plan, live, zone_id="0" * 32, accepted=accepted, kept_secrets=KEPT)
    return {refusal.name: refusal.text for refusal in found.refusals}


def errors(plan: Plan, objects: list[Object]) -> list[tuple[str, str]]:
    prepared = Prepared(settings=SETTINGS, api=api(objects), zone=None, before=None, kept_secrets=())
    return [(f.location, f.text) for f in live_findings(prepared, plan) if f.check == "live" and f.severity == "error"]


DYING = [
    ("PersistentVolumeClaim", "minio-pvc"),
    ("StatefulSet", "minio"),
    ("Deployment", "svc-tax"),
    ("Service", "minio"),
    ("Namespace", "gx-edge-mainnet"),
]


@pytest.mark.parametrize(("kind", "name"), DYING)
def test_adoption_refuses_it_and_the_checks_call_it_an_error(mainnet: Plan, kind: str, name: str) -> None:
    objects = living(mainnet)
    assert (refusals(mainnet, objects), errors(mainnet, objects)) == ({}, [])
    delete(one(objects, kind, name), "kubernetes.io/pvc-protection")
    ((key, text),) = refusals(mainnet, objects).items()
    assert key == f"{kind}/{name} deletion {SINCE}"
    assert f"being deleted since {SINCE}, held by kubernetes.io/pvc-protection" in text
    ((location, text),) = errors(mainnet, objects)
    assert location == f"{kind}/{name}"
    assert SINCE in text


def test_a_namespace_that_terminates_says_so_in_its_phase_alone(mainnet: Plan) -> None:
    objects = living(mainnet)
    one(objects, "Namespace", "gx-edge-mainnet")["status"] = {"phase": "Terminating"}
    assert list(refusals(mainnet, objects)) == ["Namespace/gx-edge-mainnet deletion"]
    one(objects, "Namespace", NAMESPACE)["status"] = {"phase": "Terminating"}
    with pytest.raises(InputError, match=f"namespace {NAMESPACE}: is being deleted"):
        read_live(api(objects), SETTINGS, None)


def test_a_secret_that_the_program_only_reads_counts_too(mainnet: Plan) -> None:
    objects = [*living(mainnet), {"kind": "Secret", "metadata": {"name": "backend-secrets", "namespace": NAMESPACE}}]
    delete(objects[-1])
    assert list(refusals(mainnet, objects)) == [f"Secret/backend-secrets deletion {SINCE}"]


def test_what_nobody_plans_may_go(mainnet: Plan) -> None:
    objects = [*living(mainnet), {"kind": "ConfigMap", "metadata": {"name": "old", "namespace": NAMESPACE}}]
    delete(objects[-1])
    assert (refusals(mainnet, objects), errors(mainnet, objects)) == ({}, [])


def test_a_deletion_that_was_accepted_does_not_cover_a_later_one(mainnet: Plan) -> None:
    objects = living(mainnet)
    claim = one(objects, "PersistentVolumeClaim", "minio-pvc")
    delete(claim)
    accepted = tuple(refusals(mainnet, objects))
    assert refusals(mainnet, objects, accepted) == {}
    claim["metadata"]["deletionTimestamp"] = "2026-02-02T03:04:05Z"
    assert len(refusals(mainnet, objects, accepted)) == 1


def test_a_finalizer_that_the_update_would_prune_is_accepted_by_name(mainnet: Plan) -> None:
    objects = living(mainnet)
    claim = one(objects, "PersistentVolumeClaim", "minio-pvc")
    claim["metadata"]["finalizers"] = ["example.com/hold", "kubernetes.io/pvc-protection"]
    claim["metadata"]["managedFields"] = [
        {"manager": manager, "operation": "Update", "fieldsV1": {"f:metadata": {"f:finalizers": {".": {}, own: {}}}}}
        for manager, own in (
            ("kubectl-edit", 'v:"example.com/hold"'),
            ("kube-controller-manager", 'v:"kubernetes.io/pvc-protection"'),
        )
    ]
    name = "PersistentVolumeClaim/minio-pvc finalizer example.com/hold"
    assert list(refusals(mainnet, objects)) == [name]
    assert refusals(mainnet, objects, (name,)) == {}


def deployments() -> list[Object]:
    return [
        {
            "kind": "Deployment",
            "metadata": {
                "name": name,
                "namespace": NAMESPACE,
                "generation": 1,
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
            "spec": {
                "replicas": 1,
                "template": {"spec": {"containers": [{"name": name, "image": SETTINGS.image(name)}]}},
            },
            "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1},
        }
        for name in CATALOGUE
    ]


def test_a_workload_that_is_being_deleted_does_not_run_what_was_verified() -> None:
    objects = deployments()
    before = running(api(objects), SETTINGS)
    assert before.problems(SETTINGS) == []
    delete(one(objects, "Deployment", "svc-tax"))
    after = running(api(objects), SETTINGS)
    assert after.problems(SETTINGS) == [f"svc-tax is being deleted since {SINCE}"]
    assert before.changed(after) == ["svc-tax"]


def test_a_job_is_not_made_from_what_would_take_it_along() -> None:
    owner: Object = {"kind": "CronJob", "metadata": {"name": "minio-backup", "uid": "1"}, "spec": {}}
    delete(owner)
    with pytest.raises(InputError, match=f"minio-backup: is being deleted since {SINCE}"):
        one_off(owner, "restore", NAMESPACE, command=[], env=[])


def pod(digest: str) -> Object:
    image = f"10.43.75.195:5000/svc-tax@sha256:{digest * 64}"
    status = {
        "containerStatuses": [{"name": "svc-tax", "imageID": image}],
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    return {"kind": "Pod", "metadata": {"name": f"svc-tax-{digest}"}, "status": status}


def test_a_pod_on_its_way_out_is_neither_ready_nor_what_runs() -> None:
    old, new = pod("a"), pod("b")
    delete(old)
    assert (pod_ready(old), pod_ready(new)) == (False, True)
    assert running_digests([old, new]) == {"svc-tax": {f"sha256:{'b' * 64}"}}


def test_a_job_on_its_way_out_has_not_ended_well() -> None:
    job: Object = {"kind": "Job", "metadata": {}, "status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    assert job_ended(job).ready
    delete(job)
    assert job_ended(job).failed
