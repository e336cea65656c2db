"""A live network as it was at one moment: every object of its namespace, read by one list per kind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from common.errors import InputError
from common.naming import MONITORING_NAMESPACE
from common.objects import Object, mapping, sequence
from gx.cluster.deletion import deletion
from gx.cluster.kinds import MONITORING, NAMESPACED
from gx.cluster.kubernetes_api import ApiError, KubernetesApi, Reason, UnreachableError
from gx.cluster.refusals import unreadable
from gx.cluster.zone import Record, Zone
from settings.dns import wanted_records
from settings.settings import Settings

POD_CONTROLLERS = ("DaemonSet", "Deployment", "StatefulSet", "CronJob", "Job")

Key = tuple[str, str, str]
"""Kind, namespace, name."""


@dataclass(frozen=True, kw_only=True)
class LiveObjects:
    """What was found.

    Attributes:
        uid: Uid of the cluster.
        namespace: The backend's namespace.
        objects: Objects by kind, namespace and name.
        records: Records of the zone by name; None when the zone was not looked at.
        pod_security: What Pod Security restricted would refuse, in the server's words.
        ingresses_elsewhere: The Ingresses of every other namespace: all of them share one controller.
    """

    uid: str
    namespace: str
    objects: Mapping[Key, Object]
    records: Mapping[str, list[Record]] | None = None
    pod_security: tuple[str, ...] = field(default=())
    ingresses_elsewhere: tuple[Object, ...] = ()

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """Return an object, or None."""
        return self.objects.get((kind, namespace, name))

    def of_kind(self, *kinds: str) -> Iterator[Object]:
        """Yield the objects of kinds in the backend's namespace."""
        return (o for (kind, namespace, _), o in self.objects.items() if kind in kinds and namespace == self.namespace)

    @cached_property
    def controllers(self) -> list[Object]:
        """Everything that makes pods and is not itself made by something else."""
        return [o for o in self.of_kind(*POD_CONTROLLERS) if not o["metadata"].get("ownerReferences")]


def pod_template(controller: Object) -> dict[str, Any]:
    """Return the pod template of a controller."""
    job = ("spec", "jobTemplate") if controller["kind"] == "CronJob" else ()
    return mapping(controller, *job, "spec", "template")


def claims_of(controller: Object) -> set[str]:
    """Return the names of the claims that a controller's pods mount, those of its templates by their prefix."""
    volumes = sequence(pod_template(controller), "spec", "volumes")
    mounted = {
        str(volume["persistentVolumeClaim"]["claimName"]) for volume in volumes if "persistentVolumeClaim" in volume
    }
    templates = sequence(controller, "spec", "volumeClaimTemplates")
    return mounted | {f"{template['metadata']['name']}-{controller['metadata']['name']}-0" for template in templates}


def read_live(api: KubernetesApi, settings: Settings, zone: Zone | None) -> LiveObjects:
    """Read a network. Nothing is changed.

    Raises:
        InputError: The cluster or the zone cannot be read; the line names the right that is missing.
    """
    namespace = settings.network.namespace
    try:
        uid = api.uid()
        objects = {(o["kind"], "", o["metadata"]["name"]): o for o in _listed(api, "v1", "Namespace", "")}
        found = objects.get(("Namespace", "", namespace))
        if found is not None and (state := deletion(found)):
            raise InputError(
                file=api.origin,
                key=f"namespace {namespace}",
                consequence=f"is {state}: everything in it goes, and nothing was changed",
                fix="find out who deleted it; its claims may still be saved",
            )
        for api_version, kind in NAMESPACED if found else ():
            for live in _listed(api, api_version, kind, namespace):
                objects[kind, namespace, live["metadata"]["name"]] = live
        edge = settings.network.edge_namespace
        for other, kinds in ((MONITORING_NAMESPACE, MONITORING), (edge, NAMESPACED)):
            for api_version, kind in kinds if ("Namespace", "", other) in objects else ():
                for live in _listed(api, api_version, kind, other):
                    objects[kind, other, live["metadata"]["name"]] = live
        elsewhere = [
            one
            for one in _listed(api, "networking.k8s.io/v1", "Ingress", "")
            if one["metadata"].get("namespace") != namespace
        ]
        warnings = api.warnings_of(found, _ENFORCE) if found else []
    except UnreachableError as error:
        raise InputError(
            file=api.origin,
            consequence=f"{error}; nothing was compared",
            fix="restore the connection; note that `pulumi preview` would still succeed",
        ) from None
    except ApiError as error:
        raise unreadable(api, error) from None
    records = {host: zone.records(host) for host in dict(wanted_records(settings))} if zone else None
    return LiveObjects(
        uid=uid,
        namespace=namespace,
        objects=objects,
        records=records,
        pod_security=tuple(warnings),
        ingresses_elsewhere=tuple(elsewhere),
    )


_ENFORCE = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}


def _listed(api: KubernetesApi, api_version: str, kind: str, namespace: str) -> list[Object]:
    try:
        return list(api.list_objects(api_version, kind, namespace))
    except ApiError as error:
        if error.reason == Reason.NOT_FOUND:
            return []  # the server serves no such kind, so there is none
        raise
