"""The pinned programs that the local cluster and the tests run: where each is found."""

import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from gx.cache import cache_root
from gx.errors import InputError
from gx.settings.project import ROOT

MODULES = ROOT / "tools" / "go"
BUILD_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false", "-pgo=off", "-gcflags=all=-dwarf=false")
"""Debug tables and profile-guided code double the time of a build and serve nobody here."""


@dataclass(frozen=True, kw_only=True)
class Binary:
    """One program of a pinned Go module.

    Attributes:
        name: What it is called in the cache and on PATH.
        module: Its folder below `tools/go`, which holds go.mod and go.sum.
        package: The Go package that is built.
        fits: What its version line must match for one on PATH to be used as it is.
        stamp: Go variable that holds the version; without it some programs call themselves v0.0.0.
        ask: The arguments that make it print its version; without any, PATH is not looked at.
        embeds: Files of the package that the main beside go.mod embeds; that main is built in the package's place.
        seconds: How long a cold build took on two quiet cores; shared packages count for the first of a module.
    """

    name: str
    module: str
    package: str
    fits: str
    seconds: int
    stamp: tuple[str, ...] = ()
    ask: tuple[str, ...] = ("--version",)
    embeds: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder of its Go module."""
        return MODULES / self.module

    def version(self) -> str:
        """Return the pinned version: what go.mod requires of the module that holds the package."""
        required = re.findall(r"^\s*(?:require )?(\S+) (v\S+)", (self.folder / "go.mod").read_text(), re.MULTILINE)
        return next(version for path, version in required if f"{self.package}/".startswith(f"{path}/"))

    def ldflags(self) -> str:
        """Return the linker flags: no debug tables, and the version that the program tells its clients."""
        version = self.version()
        return " ".join(
            ["-s", "-w", *(f"-X {stamp.format(version=version, bare=version[1:])}" for stamp in self.stamp)]
        )

    def cached(self) -> Path:
        """Return where its build belongs: a folder named by everything that decides what is built."""
        key = hashlib.sha256(" ".join([*BUILD_FLAGS, self.package, self.ldflags()]).encode())
        for file in (self.folder / "go.mod", self.folder / "go.sum", *sorted(self.folder.glob("*.go"))):
            key.update(file.read_bytes())
        return cache_folder() / f"{self.name}-{key.hexdigest()[:16]}" / self.name


_KUBERNETES_STAMPS = (
    "k8s.io/component-base/version.gitVersion={version}",
    "k8s.io/component-base/version.gitMajor=1",
    "k8s.io/component-base/version.gitMinor=33",
    "k8s.io/client-go/pkg/version.gitVersion={version}",
)
_KUBERNETES = r"Kubernetes v1\.33\."
KUBERNETES_PLUGIN = "pulumi-resource-kubernetes"
_SDK = metadata.version("pulumi-kubernetes")

BINARIES: dict[str, Binary] = {
    binary.name: binary
    for binary in (
        Binary(
            name="etcd",
            module="etcd",
            package="go.etcd.io/etcd/server/v3",
            fits=r"etcd Version: 3\.6\.",
            seconds=40,
        ),
        Binary(
            name="kube-apiserver",
            module="kubernetes",
            package="k8s.io/kubernetes/cmd/kube-apiserver",
            fits=_KUBERNETES,
            stamp=_KUBERNETES_STAMPS,
            seconds=240,
        ),
        Binary(
            name="kube-controller-manager",
            module="kubernetes",
            package="k8s.io/kubernetes/cmd/kube-controller-manager",
            fits=_KUBERNETES,
            stamp=_KUBERNETES_STAMPS,
            seconds=65,
        ),
        Binary(
            name="kube-scheduler",
            module="kubernetes",
            package="k8s.io/kubernetes/cmd/kube-scheduler",
            fits=_KUBERNETES,
            stamp=_KUBERNETES_STAMPS,
            seconds=10,
        ),
        Binary(
            name="kubelet",
            module="kubernetes",
            package="k8s.io/kubernetes/cmd/kubelet",
            fits=_KUBERNETES,
            stamp=_KUBERNETES_STAMPS,
            seconds=60,
        ),
        Binary(
            name="kube-proxy",
            module="kubernetes",
            package="k8s.io/kubernetes/cmd/kube-proxy",
            fits=_KUBERNETES,
            stamp=_KUBERNETES_STAMPS,
            seconds=20,
        ),
        Binary(
            name="kube-router",  # of it only what enforces NetworkPolicies, as production's k3s does
            module="kube-router",
            package="github.com/cloudnativelabs/kube-router/v2/cmd/kube-router",
            fits=r"kube-router version v2\.",
            stamp=("github.com/cloudnativelabs/kube-router/v2/pkg/version.Version={version}",),
            seconds=60,
        ),
        Binary(
            name="coredns",
            module="coredns",
            package="github.com/coredns/coredns",
            fits=r"^CoreDNS-1\.(1[2-9]|[2-9]\d)\.",
            ask=("-version",),
            seconds=60,
        ),
        Binary(
            name="kwok",
            module="kwok",
            package="sigs.k8s.io/kwok/cmd/kwok",
            fits=r"kwok version v?0\.8\.",
            stamp=("sigs.k8s.io/kwok/pkg/consts.Version={version}",),
            seconds=90,
        ),
        Binary(
            name="actionlint",
            module="actionlint",
            package="github.com/rhysd/actionlint/cmd/actionlint",
            fits=r"^v?1\.7\.",
            stamp=("main.version={version}",),
            ask=("-version",),
            seconds=10,
        ),
        Binary(
            name="kube-score",
            module="kube-score",
            package="github.com/zegl/kube-score/cmd/kube-score",
            fits=r"kube-score version: v?1\.20\.",
            stamp=("main.version={version}",),
            ask=("version",),
            seconds=30,
        ),
        Binary(
            name="pulumi",
            module="pulumi",
            package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            fits=r"^v3\.(25[6-9]|2[6-9]\d|[3-9]\d\d)\.",
            stamp=("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={bare}",),
            ask=("version",),
            seconds=170,
        ),
        Binary(
            name=KUBERNETES_PLUGIN,
            module="pulumi-kubernetes",
            package="github.com/pulumi/pulumi-kubernetes/provider/v4/cmd/pulumi-resource-kubernetes",
            fits="",  # gx/local/plugins.py says which plugin is used
            ask=(),
            # The registry has no released version, and the engine warns of a plugin older than the SDK: it answers with
            # the SDK's version, and behind the plus, which no comparison reads, with its own.
            stamp=(f"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version={_SDK}+{{bare}}",),
            embeds=("schema.json", "terraform-mapping.json"),
            seconds=330,
        ),
        Binary(
            name="mc",
            module="mc",
            package="github.com/minio/mc",
            fits=r"mc version RELEASE\.(2025-0[3-9]|2025-1|202[6-9])",
            seconds=25,
        ),
        Binary(
            name="minio",
            module="minio",
            package="github.com/minio/minio",
            fits=r"minio version RELEASE\.(2025-1[0-2]|202[6-9])",
            seconds=120,
        ),
        Binary(
            name="cyclonus",  # judges NetworkPolicies by a mind of its own: the tests compare ours with it
            module="cyclonus",
            package="github.com/mattfenwick/cyclonus/cmd/cyclonus",
            fits=r"v?0\.5\.6",
            stamp=("github.com/mattfenwick/cyclonus/pkg/cli.version={version}",),
            ask=("version",),
            seconds=60,
        ),
        Binary(
            name="traefik",
            module="traefik",
            package="github.com/traefik/traefik/v3/cmd/traefik",
            fits=r"Version:\s+v?3\.6\.",
            ask=("version",),
            seconds=300,
        ),
    )
}
"""In the order in which they are built: what `gx local up` needs comes first."""


def cache_folder() -> Path:
    """Return the folder of built programs, shared by every checkout of this user."""
    return cache_root() / "tools"


def installed(binary: Binary) -> Path | None:
    """Return a program of that name on PATH if its version fits, else the built one, else None."""
    on_path = shutil.which(binary.name) if binary.ask else None
    if on_path and _fits(on_path, binary):
        return Path(on_path)
    built = binary.cached()
    return built if built.is_file() else None


def _fits(path: str, binary: Binary) -> bool:
    try:
        answer = subprocess.run(  # noqa: S603 a program of the user's own PATH
            [path, *binary.ask], capture_output=True, text=True, timeout=20, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return re.search(binary.fits, answer.stdout + answer.stderr, re.MULTILINE) is not None


def find(name: str) -> Path:
    """Return the path of a program.

    Raises:
        InputError: It is neither on PATH in a fitting version nor built.
    """
    binary = BINARIES[name]
    path = installed(binary)
    if path is None:
        raise InputError(
            file=name,
            consequence=f"is neither on PATH in a fitting version ({binary.version()}) nor built",
            fix="run `make tools` (needs Go; the first build takes about 20 minutes)",
        )
    return path
