"""The files of the node's programs: containerd, the bridge of the pods, kubelet, kube-proxy, CoreDNS."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from common.cluster import POD_RANGE
from common.files import write_atomically
from common.naming import DNS_NAMESPACE
from devcluster.node.addresses import MODEL, NODE_ADDRESS, NODE_NAME, POD_SUBNET

PAUSE_IMAGE = "gx-local/pause:1"
SOCKET = "/run/containerd/containerd.sock"  # in a /run of the node's own; a path below the data folder may be too long
PLUGINS = "/usr/lib/cni"
DNS = "dns"
"""Folder of CoreDNS' own files."""
HOSTS = f"{DNS}/hosts"
"""Public names and where they lead; CoreDNS reads it again when it changes."""
DNS_IMAGE = "gx-local/coredns:1"
_STATIC = "pods"


def write_files(folder: Path, pki: Path) -> None:
    """Write every file into a folder.

    Args:
        folder: Where they lie; data of the programs comes beside them.
        pki: Keys and kubeconfigs of the cluster.
    """
    folder.mkdir(exist_ok=True)
    for name in ("cni", DNS, _STATIC):
        (folder / name).mkdir(exist_ok=True)
    (folder / HOSTS).touch()
    (folder / "containerd.toml").write_text(_containerd(folder))
    (folder / "cni" / "10-gx.conflist").write_text(json.dumps(_bridge(), indent=1))
    (folder / "kubelet.yaml").write_text(yaml.safe_dump(_kubelet(folder, pki), sort_keys=False))
    (folder / "kube-proxy.yaml").write_text(yaml.safe_dump(_kube_proxy(pki), sort_keys=False))
    (folder / "resolv.conf").write_text("")
    (folder / DNS / "Corefile").write_text(_COREFILE)
    (folder / _STATIC / "dns.yaml").write_text(yaml.safe_dump(_dns(folder, pki), sort_keys=False))


def _containerd(folder: Path) -> str:
    # restrict_oom_score_adj: without CAP_SYS_RESOURCE no sandbox would start otherwise.
    return f"""\
version = 2
root = "{folder}/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt",
]
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{PLUGINS}"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


def _bridge() -> dict[str, Any]:
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": POD_SUBNET}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "/run/cni",  # goes with the node: an address is never held by a pod that is gone
    }
    bridge = {"type": "bridge", "bridge": "pods", "isGateway": True, "ipMasq": True, "hairpinMode": True}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "gx", "plugins": [{**bridge, "ipam": addresses}, ports]}


def _kubelet(folder: Path, pki: Path) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "clusterDNS": [NODE_ADDRESS],
        "clusterDomain": "cluster.local",
        "staticPodPath": str(folder / _STATIC),
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        # The disk is the machine's: what else fills it must not end pods here.
        "evictionHard": {"nodefs.available": "0%", "imagefs.available": "0%", "memory.available": "1Mi"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "failSwapOn": False,
        "resolvConf": str(folder / "resolv.conf"),
        "registerWithTaints": MODEL.taint_specs(),
        "syncFrequency": "5s",  # how soon a changed ConfigMap is seen in a pod
        "nodeStatusUpdateFrequency": "4s",
        "serializeImagePulls": False,
    }


def _kube_proxy(pki: Path) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(pki / "kube-proxy.kubeconfig")},
        "clusterCIDR": POD_RANGE,
        "hostnameOverride": NODE_NAME,
        "conntrack": {"maxPerCore": 0, "min": 0},
    }


def _dns(folder: Path, pki: Path) -> dict[str, Any]:
    """Return the pod that answers for names, where policies look for it; others reach it at the node's address."""
    mounts = {"files": (folder / DNS, "/etc/coredns"), "client": (pki / "coredns.kubeconfig", "/etc/kubeconfig")}
    container = {
        "name": "coredns",
        "image": DNS_IMAGE,
        "imagePullPolicy": "Never",  # it is asked for again every few seconds until it was brought in
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            {"containerPort": 53, "hostPort": 53, "hostIP": NODE_ADDRESS, "protocol": protocol}
            for protocol in ("UDP", "TCP")
        ],
        "volumeMounts": [{"name": name, "mountPath": inside, "readOnly": True} for name, (_, inside) in mounts.items()],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "dns", "namespace": DNS_NAMESPACE, "labels": {"k8s-app": "kube-dns"}},
        "spec": {
            "containers": [container],
            "tolerations": [{"operator": "Exists"}],
            "volumes": [{"name": name, "hostPath": {"path": str(path)}} for name, (path, _) in mounts.items()],
        },
    }


_COREFILE = """\
cluster.local 10.in-addr.arpa {
  errors
  kubernetes cluster.local 10.in-addr.arpa {
    kubeconfig /etc/kubeconfig
    pods insecure
  }
  cache 5
}
. {
  hosts /etc/coredns/hosts {
    reload 1s
  }
}
"""


def write_hosts(folder: Path, addresses: Iterable[tuple[str, str]]) -> None:
    """Have CoreDNS answer for public hosts, as DNS would.

    Args:
        folder: The folder of `write_files`.
        addresses: Name and address, one pair per record.
    """
    lines = [f"{address} {name}\n" for name, address in addresses]
    write_atomically(folder / HOSTS, "".join(lines))
