"""Two networks as the engine makes them, with a real Traefik before their pods and the edge before Traefik."""

import base64
import contextlib
import dataclasses
import json
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from common.cluster import POD_RANGE, SERVICE_RANGE
from devcluster.binaries import find
from gx.cluster.kubernetes_api import KubernetesApi
from gx.edge.controller_setup import traefik_dynamic, traefik_static
from settings.settings import Settings
from tests.engine.conftest import Cluster, Stack, control_plane, stack_on
from tests.helpers.edge import planned_edge
from tests.helpers.network import add_address, own_network
from tests.traffic.edge import Edge, cluster_dns, connects, wait_until

NODE, CONTROLLER, EDGE_POD = "72.61.81.3", "10.43.9.9", "10.42.250.1"
CLOUDFLARE, STRANGER = "173.245.48.7", "203.0.113.9"
DNS = ("10.43.0.10", 5353)
HTTP, HTTPS, STATUS = 18080, 18443, 18404
OK = 200
NETWORKS = ("mainnet", "devnet")
SIDES = {"edge": (NODE, HTTPS), "controller": (CONTROLLER, 443)}


@dataclass
class World:
    """What the tests ask.

    Attributes:
        stacks: The networks by name.
        trust: The certificates of all public hosts.
        edge: The proxy.
    """

    stacks: Mapping[str, Stack]
    trust: ssl.SSLContext
    edge: Edge

    def settings(self, network: str) -> Settings:
        """Return the settings of a network."""
        return self.stacks[network].network.settings

    def get(self, host: str, path: str, *, source: str = CLOUDFLARE, side: str = "edge", **more: Any) -> httpx.Response:
        """Send a request for a host to the edge or straight to the controller, from a source address."""
        return self.request("GET", host, path, source=source, side=side, **more)

    def request(
        self, method: str, host: str, path: str, *, source: str = CLOUDFLARE, side: str = "edge", **more: Any
    ) -> httpx.Response:
        """Send any request."""
        address, port = SIDES[side]
        transport = httpx.HTTPTransport(verify=self.trust, local_address=source)
        with httpx.Client(transport=transport, timeout=60) as client:
            headers = {"Host": host, **more.pop("headers", {})}
            url = f"https://{address}:{port}{path}"
            return client.request(method, url, headers=headers, extensions={"sni_hostname": host}, **more)


@contextlib.contextmanager
def world() -> Generator[World]:
    """Run everything in a network namespace of its own; nothing of it is left afterwards."""
    with contextlib.ExitStack() as left:
        left.enter_context(own_network())
        for address in (NODE, CONTROLLER, EDGE_POD, CLOUDFLARE, STRANGER, DNS[0]):
            add_address(address)
        # What goes to the controller's Service comes from the edge's pod, as in the cluster.
        route = ["ip", "route", "replace", "table", "local", "local", CONTROLLER, "dev", "lo", "src", EDGE_POD]
        subprocess.run(route, check=True)
        folder = Path(tempfile.mkdtemp(prefix="gx-traffic-"))
        left.callback(shutil.rmtree, folder)
        cluster = left.enter_context(control_plane())
        stacks = {name: stack_on(cluster, name, _traefik) for name in NETWORKS}
        for stack in stacks.values():
            stack.run()
        authority = folder / "hosts.pem"
        for stack in stacks.values():
            _certificates(stack, authority)
        left.enter_context(_backends(stacks, folder))
        settings = stacks["mainnet"].network.settings
        left.enter_context(_service_addresses(cluster, folder))
        left.enter_context(_controller(cluster, settings, folder))
        left.enter_context(cluster_dns(CONTROLLER, DNS))
        config = dataclasses.replace(
            planned_edge(settings),
            listen=(HTTP, HTTPS, STATUS),
            folder=str(folder / "edge"),
            resolver=f"{DNS[0]}:{DNS[1]}",
        )
        edge = left.enter_context(Edge(config))
        found = World(stacks, ssl.create_default_context(cafile=str(authority)), edge)
        host = settings.network.api_host
        wait_until(lambda: _answers(found, host), 60)
        yield found


def _answers(world: World, host: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return world.get(host, "/health").status_code == OK
    return False


def _traefik(config: dict[str, Any]) -> None:
    config["ingress"]["controller"] = "traefik"


def _certificates(stack: Stack, authority: Path) -> None:
    """Put a real certificate into each TLS Secret, as cert-manager does, and remember whom to trust."""
    found = stack.api.list_objects("networking.k8s.io/v1", "Ingress", stack.namespace)
    wanted = {entry["secretName"]: entry["hosts"] for ingress in found for entry in ingress["spec"]["tls"]}
    for name, hosts in wanted.items():
        public, private = certificate_for(hosts)
        data = {"tls.crt": base64.b64encode(public).decode(), "tls.key": base64.b64encode(private).decode()}
        stack.api.patch(stack.get("v1", "Secret", name), {"data": data})
        with authority.open("ab") as file:
            file.write(public)


def certificate_for(hosts: list[str]) -> tuple[bytes, bytes]:
    """Return a certificate for hosts that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


@contextlib.contextmanager
def _backends(stacks: Mapping[str, Stack], folder: Path) -> Generator[None]:
    """Run a server on every port of every pod of the catalogue's workloads."""
    locations: list[dict[str, Any]] = []
    for stack in stacks.values():
        for pod in stack.api.list_objects("v1", "Pod", stack.namespace):
            labels, status = pod["metadata"]["labels"], pod["status"]
            if status.get("phase") != "Running" or "podIP" not in status:
                continue
            add_address(status["podIP"])
            locations += [
                {
                    "address": status["podIP"],
                    "port": port["containerPort"],
                    "name": labels.get("app", ""),
                    "sockets": labels.get("app") == "svc-messaging",
                }
                for container in pod["spec"]["containers"]
                for port in container.get("ports", [])
            ]
    file = folder / "backends.json"
    file.write_text(json.dumps(locations))
    command = [sys.executable, str(Path(__file__).with_name("backends.py")), str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            child.terminate()


@contextlib.contextmanager
def _service_addresses(cluster: Cluster, folder: Path) -> Generator[None]:
    """Run kube-proxy: the controller asks Services, as in the cluster."""
    # Without a route nothing is sent that could be led elsewhere.
    route = ["ip", "route", "add", "table", "local", "local", SERVICE_RANGE, "dev", "lo", "src", EDGE_POD]
    subprocess.run(route, check=True)
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "services"}, "spec": {"unschedulable": True}}
    cluster.api.create(node)
    status = {"status": {"addresses": [{"type": "InternalIP", "address": EDGE_POD}]}}
    patch = "application/merge-patch+json"
    cluster.api.request("PATCH", "/api/v1/nodes/services/status", body=status, content_type=patch)
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",  # the other mode refuses what no Service has, such as the controller's address here
        "clientConnection": {"kubeconfig": str(cluster.folder.pki / "kube-proxy.kubeconfig")},
        "clusterCIDR": POD_RANGE,
        "hostnameOverride": "services",
        "conntrack": {"maxPerCore": 0, "min": 0},
        "healthzBindAddress": "127.0.0.1",
        "metricsBindAddress": "127.0.0.1",
    }
    file, log = folder / "kube-proxy.yaml", folder / "kube-proxy.log"
    file.write_text(yaml.safe_dump(config))
    command = [str(find("kube-proxy")), f"--config={file}"]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as child:
        try:
            yield
            assert child.poll() is None, log.read_text()[-2000:]
        finally:
            child.terminate()


@contextlib.contextmanager
def _controller(cluster: Cluster, settings: Settings, folder: Path) -> Generator[None]:
    """Run Traefik with the configuration that `gx edge controller` prints, and access to this API server."""
    dynamic = folder / "dynamic.yaml"
    dynamic.write_text(yaml.safe_dump(traefik_dynamic(settings)))
    static = traefik_static(settings, listen=(f"{CONTROLLER}:80", f"{CONTROLLER}:443"), dynamic_file=str(dynamic))
    static["providers"]["kubernetesIngressNGINX"] = {
        "endpoint": cluster.api.server,
        "token": _token(cluster.api),
        "certAuthFilePath": str(cluster.folder.pki / "ca.crt"),
    }
    (folder / "traefik.yaml").write_text(yaml.safe_dump(static))
    log = folder / "traefik.log"
    command = [str(find("traefik")), f"--configFile={folder / 'traefik.yaml'}"]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as child:
        try:
            wait_until(lambda: connects(CONTROLLER, 443) or child.poll() is not None)
            assert child.poll() is None, log.read_text()
            yield
        finally:
            child.terminate()


def _token(api: KubernetesApi) -> str:
    """Give the controller an account with the rights that it needs, and return a token."""
    name = "traefik"
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": name}})
    rbac = "rbac.authorization.k8s.io"
    rules = [
        {
            "apiGroups": ["", "networking.k8s.io", "discovery.k8s.io"],
            "resources": [
                "services",
                "secrets",
                "nodes",
                "namespaces",
                "ingresses",
                "ingressclasses",
                "endpointslices",
            ],
            "verbs": ["get", "list", "watch"],
        }
    ]
    api.create({"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules})
    api.create(
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": name}],
        }
    )
    path = f"/api/v1/namespaces/{name}/serviceaccounts/{name}/token"
    return str(api.request("POST", path, body={"spec": {"expirationSeconds": 3600}})["status"]["token"])
