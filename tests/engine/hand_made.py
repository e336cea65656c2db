"""A network made by hand, and the command that looks at it."""

import os
import subprocess
import sys
from typing import Any

import httpx
import yaml

from gx.live.kubernetes_api import KubernetesApi
from gx.local.network import ZONE_ID
from gx.settings.project import PROJECT
from tests.engine.by_hand import SECRETS, Way, make
from tests.engine.conftest import Cluster, Stack
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

    @staticmethod
    def command() -> list[str]:
        """Return `gx` as words."""
        return [sys.executable, "-c", "from gx.cli import main; main()"]

    def gx(self, name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the network and its cluster."""
        command = [*self.command(), name, NETWORK, "--context", "gx-local"]
        environment = {
            **os.environ,
            "KUBECONFIG": str(self.stack.cluster.folder.kubeconfig),
            "CLOUDFLARE_BASE_URL": self.stack.cluster.zone_url,
            "CLOUDFLARE_API_TOKEN": "local",
            **environment,
        }
        return subprocess.run(
            [*command, *arguments], cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )

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
