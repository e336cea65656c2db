"""A network made by hand, and the command that looks at it."""

import os
import subprocess
import time
from typing import Any

import httpx
import yaml

from common.objects import Object
from devcluster.network import ZONE_ID
from gx.cluster.kubernetes_api import KubernetesApi
from settings.project import PROJECT
from tests.engine.by_hand import SECRETS, Way, make
from tests.engine.conftest import Cluster, Stack
from tests.helpers.command import run_gx
from tests.helpers.stack import edit

NETWORK = "testnet"
HOST = "testnet.gxcoin.money"


class HandMade:
    """The network as found, and the command that looks at it.

    Attributes:
        ways: How each object was made, by "Kind/name".
    """

    def __init__(self, stack: Stack) -> None:
        stack.network.prepare(stack.api, lambda _: None)
        self.stack, self.api, self.root = stack, stack.api, stack.root
        self.uid = self.api.uid()
        self.ways: dict[str, Way] = {}
        zone = {"sslMode": "full", "zoneId": ZONE_ID}
        edit(self.root, NETWORK, lambda config: config.update(clusterUid=self.uid, cloudflare=zone))

    def adopt(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `gx adopt`."""
        return self.gx("adopt", *arguments, **environment)

    def gx(self, name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the network and its cluster."""
        environment = {
            "KUBECONFIG": str(self.stack.cluster.folder.kubeconfig),
            "CLOUDFLARE_BASE_URL": self.stack.cluster.zone_url,
            "CLOUDFLARE_API_TOKEN": "local",
            **environment,
        }
        return run_gx(name, NETWORK, "--context", "gx-local", *arguments, cwd=self.root, env=environment)

    def refused(self, result: subprocess.CompletedProcess[str]) -> list[str]:
        """Return the names of what was refused."""
        lines = [line for line in result.stdout.splitlines() if line.startswith("refused: ")]
        return [line.removeprefix("refused: ").split(": ")[0] for line in lines]

    def uids(self) -> dict[str, str]:
        """Return the uid of everything that must survive."""
        found: dict[str, str] = {}
        kinds = (
            ("apps/v1", "Deployment"),
            ("apps/v1", "StatefulSet"),
            ("v1", "PersistentVolumeClaim"),
            ("v1", "Secret"),
        )
        for api_version, kind in (*kinds, ("v1", "Service")):
            for live in self.api.list_objects(api_version, kind, self.stack.namespace):
                found[f"{kind}/{live['metadata']['name']}"] = live["metadata"]["uid"]
        records = ask_zone(self.stack.cluster, "GET", params={"name": HOST})
        return found | {f"DnsRecord/{record['content']}": str(record["id"]) for record in records}


def ask_zone(cluster: Cluster, method: str, path: str = "", **arguments: Any) -> Any:
    """Ask the zone's API, as anybody with a token does."""
    url = f"{cluster.zone_url}/zones/{ZONE_ID}/dns_records{path}"
    answer = httpx.request(method, url, headers={"Authorization": "Bearer x"}, **arguments)
    return answer.raise_for_status().json()["result"]


def set_live_secrets(stack: Stack) -> None:
    """Give the live values to the stack's encrypted settings, as the refusal's fix says."""
    values = SECRETS["minio-credentials"]
    pairs = {
        "minioRootUser": values["MINIO_ROOT_USER"],
        "minioRootPassword": values["MINIO_ROOT_PASSWORD"],
        "nextauthSecret": "live-nextauth-secret-of-32-letters",
    }
    environment = {**os.environ, **stack.network.environment()}
    project = stack.network.project

    def run(*arguments: str, text: str = "") -> None:
        subprocess.run(
            ["pulumi", *arguments], cwd=project, env=environment, input=text, text=True, check=True, capture_output=True
        )

    run("stack", "init", NETWORK)
    for key, value in pairs.items():
        run("config", "set", "--secret", "-s", NETWORK, key, text=value)
    config = yaml.safe_load((project / f"Pulumi.{NETWORK}.yaml").read_text())["config"]
    encrypted = {key: config[f"{PROJECT}:{key}"] for key in pairs}
    edit(stack.root, NETWORK, lambda settings: settings.update(encrypted))


def stranger(namespace: str) -> dict[str, Any]:
    """Return a Deployment of nobody's that mounts MinIO's claim and that its Service selects."""
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "minio-pvc"}}
    pod = {"containers": [{"name": "minio", "image": "minio"}], "volumes": [volume]}
    labels = {"app": "minio"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "old-minio", "namespace": namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def give_back(api: KubernetesApi, namespace: str) -> None:
    """Make the other tool's ConfigMap kubectl's alone again, as the person would who ends that tool's work."""
    config = api.get("v1", "ConfigMap", namespace, "backend-config")
    assert config is not None
    api.delete("v1", "ConfigMap", namespace, "backend-config", propagation="Background")
    metadata = {"name": "backend-config", "namespace": namespace, "labels": config["metadata"].get("labels", {})}
    make(api, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": config["data"]})


def delete_held(api: KubernetesApi, manifest: Object) -> None:
    """Delete an object, also one that an operator holds with a finalizer."""
    api.patch(manifest, {"metadata": {"finalizers": None}})
    metadata = manifest["metadata"]
    location = (manifest["apiVersion"], manifest["kind"], metadata["namespace"], metadata["name"])
    api.delete(*location, propagation="Background")
    while api.get(*location) is not None:
        time.sleep(0.1)


def pod_uids(hand_made: HandMade) -> set[str]:
    found = hand_made.api.list_objects("v1", "Pod", hand_made.stack.namespace)
    return {pod["metadata"]["uid"] for pod in found}


def pod_templates(hand_made: HandMade) -> dict[str, Any]:
    found = hand_made.api.list_objects("apps/v1", "Deployment", hand_made.stack.namespace)
    return {live["metadata"]["name"]: live["spec"]["template"] for live in found}


def set_containers(api: KubernetesApi, target: dict[str, Any], containers: list[Any]) -> None:
    api.patch(target, {"spec": {"template": {"spec": {"containers": containers}}}}, manager="kubectl-edit")


def import_by_hand(adopted: HandMade, before: dict[str, str]) -> None:
    """Name the records of the zone that a lost state knew."""
    file = adopted.root / "networks" / NETWORK / "adoption.yaml"
    document = yaml.safe_load(file.read_text())
    ids = {name: value for name, value in before.items() if name.startswith("DnsRecord/")}
    document["imports"] |= {f"DnsRecord/{HOST}-{name.split('/')[1]}": f"{ZONE_ID}/{ids[name]}" for name in ids}
    file.write_text(yaml.safe_dump(document))
