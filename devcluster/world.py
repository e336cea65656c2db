"""What production has and the program does not own, as far as the program needs it: made again on the local cluster."""

import secrets
from collections.abc import Callable, Iterator

from catalogue.external_workloads import EXTERNAL_WORKLOADS
from catalogue.nodes import NODES
from common.naming import BACKEND_SECRETS
from common.objects import Object
from devcluster.folder import DataFolder
from devcluster.manifest import manifest
from devcluster.marker import MANAGER, SIMULATED, marker
from devcluster.node.surroundings import RUNNING, surroundings
from devcluster.pki import web_certificate
from gx.cluster.kubernetes_api import KubernetesApi
from settings.externals import externals
from settings.fields import Resources
from settings.settings import Settings

STORAGE_CLASS = "local-path"  # production.md#cluster-and-networks
VOLUMES = 8
"""Empty volumes for the claims of one network: nothing provisions them here."""


def apply_cluster(api: KubernetesApi, *, simulated_nodes: bool) -> None:
    """Create what exists once per cluster: marker, nodes, storage class, ingress class."""
    api.apply(marker(api.uid()), manager=MANAGER, force=True)
    if simulated_nodes:
        for node in _nodes():
            api.apply(node, manager=MANAGER, force=True)
    storage = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "rancher.io/local-path",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    if api.get("storage.k8s.io/v1", "StorageClass", "", STORAGE_CLASS) is None:
        api.apply(storage, manager=MANAGER)


def label_nodes(api: KubernetesApi, settings: Settings) -> None:
    """Give the nodes of a user's own cluster the labels by which the network chooses its nodes."""
    for node in api.list_objects("v1", "Node"):
        api.patch(node, {"metadata": {"labels": settings.stack.scheduling.node_selector}}, manager=MANAGER)


def apply_world(api: KubernetesApi, settings: Settings, folder: DataFolder, report: Callable[[str], None]) -> None:
    """Create one network's surroundings; what exists already stays as it is, generated values above all."""
    objects = list(_manifests(settings, folder))
    if folder.pods:
        objects += surroundings(settings)
    for number, wanted in enumerate(objects, 1):
        meta = wanted["metadata"]
        if api.get(wanted["apiVersion"], wanted["kind"], meta.get("namespace", ""), meta["name"]) is None:
            report(f"{number} of {len(objects)}: {wanted['kind']} {meta['name']}")
            api.apply(wanted, manager=MANAGER)


def _nodes() -> Iterator[Object]:
    for node in NODES:
        yield {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": node.name,
                "labels": {**node.labels, "kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux"},
                "annotations": {SIMULATED: "fake"},
            },
            "spec": {"taints": node.taint_specs()},
        }


def _manifests(settings: Settings, folder: DataFolder) -> Iterator[Object]:
    """Yield the objects in an order in which each finds what it needs."""
    namespace = settings.network.namespace
    yield manifest("v1", "Namespace", "", namespace, metadata_labels=settings.stack.namespace_labels)
    wanted = externals(settings)
    for external in wanted:
        if external.kind == "Namespace":
            yield manifest("v1", "Namespace", "", external.name)
        elif external.kind == "IngressClass":
            yield manifest(
                "networking.k8s.io/v1",
                "IngressClass",
                "",
                external.name,
                spec={"controller": f"k8s.io/ingress-{external.name}"},
            )
        elif external.kind == "Secret":
            data = {key: _generated(external.name, key) for key in external.keys}
            if "tls.crt" in data and folder.pods:
                data = web_certificate(folder.pki, settings.network)
            yield manifest("v1", "Secret", namespace, external.name, stringData=data)
        elif external.kind == "ServiceAccount":
            yield manifest("v1", "ServiceAccount", namespace, external.name)
    for number in range(0 if folder.docker else VOLUMES):  # in Docker the tool's own provisioner makes volumes
        yield _volume(settings, number, folder)
    yield from _external_pods(settings, running=folder.pods)


def _generated(secret: str, key: str) -> str:
    """Return a new value; passwords hold every letter that a URL must quote."""
    if secret == BACKEND_SECRETS and key == "DATABASE_USER":
        return "gx_admin"
    if key.endswith((".crt", ".pem", ".key")):
        return f"local placeholder of {key}\n"
    return f"{secrets.token_urlsafe(24)}@/:?#%"


def _volume(settings: Settings, number: int, folder: DataFolder) -> Object:
    """Return a volume on this machine; with real pods its folder is made as local-path makes one: open to all."""
    name = f"local-{settings.network.name}-{number}"
    if folder.pods:
        (folder.volumes / name).mkdir(parents=True, exist_ok=True)
        (folder.volumes / name).chmod(0o777)
    return manifest(
        "v1",
        "PersistentVolume",
        "",
        name,
        spec={
            "capacity": {"storage": "200Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": STORAGE_CLASS,
            "hostPath": {"path": str(folder.volumes / name)},
        },
    )


def _external_pods(settings: Settings, *, running: bool) -> Iterator[Object]:
    """Yield pods, Services and claims of those who share the namespace: quota and selectors see them."""
    namespace = settings.network.namespace
    for name, configured in settings.stack.external_workloads.items():
        external = EXTERNAL_WORKLOADS[name]
        labels = dict(external.labels) or {"app": name}
        for service in configured.services:
            ports = [{"name": f"port-{port}", "port": port} for port in external.ports] or [{"name": "none", "port": 1}]
            yield manifest("v1", "Service", namespace, service, spec={"selector": labels, "ports": ports})
        for number in range(configured.persistent_volume_claims):
            spec = {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": STORAGE_CLASS,
                "resources": {"requests": {"storage": "1Gi"}},
            }
            yield manifest("v1", "PersistentVolumeClaim", namespace, f"{name}-data-{number}", spec=spec)
        if running and name in RUNNING:
            resources = configured.resources.model_dump() if configured.resources else {}
            yield RUNNING[name](settings, labels, resources)
        elif not running and configured.replicas and not name.endswith("-backup"):  # backups run as Jobs, minutes a day
            yield _pods(settings, name, labels, configured.replicas, configured.resources)


def _pods(settings: Settings, name: str, labels: dict[str, str], replicas: int, resources: Resources | None) -> Object:
    scheduling = settings.stack.scheduling
    container: Object = {"name": name, "image": f"local/{name}"}
    if resources is not None:
        container["resources"] = resources.model_dump()
    pod: Object = {
        "nodeSelector": scheduling.node_selector,
        "tolerations": [toleration.model_dump(exclude_none=True) for toleration in scheduling.tolerations],
        "containers": [container],
    }
    return manifest(
        "apps/v1",
        "Deployment",
        settings.network.namespace,
        name,
        spec={
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    )
