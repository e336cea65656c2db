"""kind as the local command calls it, without Docker: its cluster is a node of this machine, seen from outside.

The commands, their words and what they print are kind's; GX_FAKE_KIND names the folder of the cluster.
"""

import os
import subprocess
import sys
from pathlib import Path

from devcluster import pki
from devcluster.folder import DataFolder
from devcluster.launch import running, stop
from devcluster.node import cgroups
from devcluster.node.config import SOCKET
from devcluster.node.images import node_images
from devcluster.node.layers import layers
from devcluster.node.store import first_process, import_images
from gx.cluster.kubernetes_api import KubernetesApi

VOLUMES = 8


def main() -> None:
    """Do what one call of kind does."""
    folder = DataFolder(Path(os.environ["GX_FAKE_KIND"]), pods=True)
    words = sys.argv[1:]
    if words[:2] == ["get", "clusters"]:
        print("gx-local" if folder.path.exists() else "", end="\n")
    elif words[:2] == ["create", "cluster"]:
        _create(folder)
    elif words[:2] == ["get", "kubeconfig"]:
        print(folder.kubeconfig.read_text().replace(": gx-local", ": kind-gx-local"))
    elif words[:2] == ["load", "image-archive"]:
        address = f"/proc/{first_process(folder)}/root{SOCKET}"
        subprocess.run(["ctr", "--address", address, "-n", "k8s.io", "images", "import", words[2]], check=True)
    elif words[:2] == ["delete", "cluster"]:
        stop(folder)
        cgroups.remove()
        folder.remove()
    else:
        sys.exit(f"unknown command {words}")


def _create(folder: DataFolder) -> None:
    """Start the cluster, with volumes in the place of kind's provisioner."""
    folder.create()
    pki.create(folder.pki)
    with running(folder, zone_only=False, report=lambda _: None):
        import_images(folder, node_images(), layers(lambda _: None))
        api = KubernetesApi.connect(folder.kubeconfig)
        for number in range(VOLUMES):
            path = folder.volumes / str(number)
            path.mkdir(parents=True)
            path.chmod(0o777)
            spec = {
                "capacity": {"storage": "200Gi"},
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "local-path",
                "hostPath": {"path": str(path)},
            }
            meta = {"name": f"volume-{number}"}
            api.create({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta, "spec": spec})


if __name__ == "__main__":
    main()
