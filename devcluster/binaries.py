"""The pinned programs that a local cluster runs: where each is found."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from common.cache import cache_root
from common.errors import InputError
from settings.project import ROOT

FOLDER = ROOT / "tools" / "go"
_BUILD_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false", "-pgo=off")
"""Debug tables and profile-guided code double the time of a build and are of no use here."""
KUBERNETES_PLUGIN = "pulumi-resource-kubernetes"


@dataclass(frozen=True)
class Fits:
    """When a program on PATH is used as it is.

    Attributes:
        pattern: What its version line must match.
        ask: The arguments that make it print that line; without any, PATH is not looked at.
    """

    pattern: str
    ask: tuple[str, ...] = ("--version",)


@dataclass(frozen=True)
class Module:
    """A Go module that pins programs: a folder of `tools/go` whose go.mod names them as tools.

    Attributes:
        name: Of the folder, which holds go.mod and go.sum.
        seconds: How long a cold build took on two quiet cores.
        programs: What is built, by the name that it has in the cache and on PATH.
        stamp: Go variables that hold the version; without them some programs call themselves v0.0.0.
        embeds: A package and those of its files that the main beside go.mod embeds: that main is built.
        trimmed: Another module, and files of it that those beside go.mod replace: what nobody here uses.
        inlined: Whether functions are inlined, for servers whose speed counts; a build without takes 3/4 of the time.
    """

    name: str
    seconds: int
    programs: Mapping[str, Fits]
    stamp: tuple[str, ...] = ()
    embeds: tuple[str, ...] = ()
    trimmed: tuple[str, ...] = ()
    inlined: bool = False

    @property
    def folder(self) -> Path:
        """Where go.mod is."""
        return FOLDER / self.name

    def version(self) -> str:
        """Return the pinned version: what go.mod requires of the module that holds the programs."""
        text = (self.folder / "go.mod").read_text()
        package = self.embeds[0] if self.embeds else re.findall(r"^(?:tool |\t)(\S+/\S+)$", text, re.MULTILINE)[0]
        required = re.findall(r"^\s*(?:require )?(\S+) (v\S+)", text, re.MULTILINE)
        return next(version for path, version in required if f"{package}/".startswith(f"{path}/"))

    def ldflags(self) -> str:
        """Return the linker flags: no debug tables, and the version that the programs tell their clients."""
        version = self.version()
        return " ".join(
            ["-s", "-w", *(f"-X {stamp.format(version=version, bare=version[1:])}" for stamp in self.stamp)]
        )

    def build_flags(self) -> list[str]:
        """Return the flags of `go install`."""
        compiler = "-gcflags=all=-dwarf=false" if self.inlined else "-gcflags=all=-dwarf=false -l"
        return [*_BUILD_FLAGS, compiler, "-ldflags", self.ldflags()]

    def cached(self) -> Path:
        """Return the folder of its programs, named by everything that decides what is built."""
        key = hashlib.sha256(" ".join([*self.build_flags(), *self.programs]).encode())
        for file in (self.folder / "go.mod", self.folder / "go.sum", *sorted(self.folder.glob("*.go"))):
            key.update(file.read_bytes())
        return cache_folder() / f"{self.name}-{key.hexdigest()[:16]}"

    def installed(self, program: str) -> Path | None:
        """Return a program that fits: of setup-envtest's folder (KUBEBUILDER_ASSETS), of PATH, else the built one.

        None where there is none.
        """
        fits = self.programs[program]
        for path in (os.environ.get("KUBEBUILDER_ASSETS"), None) if fits.ask else ():
            found = shutil.which(program, path=path)
            if found and _fits(found, fits):
                return Path(found)
        built = self.cached() / program
        return built if built.is_file() else None

    def find(self, program: str) -> Path:
        """Return the path of a program.

        Raises:
            InputError: It is neither on PATH in a fitting version nor built.
        """
        path = self.installed(program)
        if path is None:
            raise InputError(
                file=program,
                consequence=f"is neither on PATH in a fitting version ({self.version()}) nor built",
                fix="run `make tools` (needs Go; the first build takes about 20 minutes)",
            )
        return path


_KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
_SDK = metadata.version("pulumi-kubernetes")

MODULES = (
    Module("etcd", 40, {"etcd": Fits(r"etcd Version: 3\.6\.")}, inlined=True),
    Module(
        "kubernetes",
        390,
        dict.fromkeys(_KUBERNETES, Fits(r"Kubernetes v1\.33\.")),
        inlined=True,
        stamp=(
            "k8s.io/component-base/version.gitVersion={version}",
            "k8s.io/component-base/version.gitMajor=1",
            "k8s.io/component-base/version.gitMinor=33",
            "k8s.io/client-go/pkg/version.gitVersion={version}",
        ),
    ),
    Module(
        "kwok",
        90,
        {"kwok": Fits(r"kwok version v?0\.8\.")},
        stamp=("sigs.k8s.io/kwok/pkg/consts.Version={version}",),
    ),
    Module("coredns", 60, {"coredns": Fits(r"^CoreDNS-1\.(1[2-9]|[2-9]\d)\.", ("-version",))}),
    Module(  # of it only what enforces NetworkPolicies, as production's k3s does
        "kube-router",
        60,
        {"kube-router": Fits(r"kube-router version v2\.")},
        stamp=("github.com/cloudnativelabs/kube-router/v2/pkg/version.Version={version}",),
    ),
    Module(
        "pulumi",
        170,
        {"pulumi": Fits(r"^v3\.(25[6-9]|2[6-9]\d|[3-9]\d\d)\.", ("version",))},
        stamp=("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={bare}",),
    ),
    Module(
        "pulumi-kubernetes",
        330,
        {KUBERNETES_PLUGIN: Fits("", ())},  # devcluster/plugins.py says which plugin is used
        # The registry has no released version, and the engine warns of a plugin older than the SDK: it answers with
        # the SDK's version, and behind the plus, which no comparison reads, with its own.
        stamp=(f"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version={_SDK}+{{bare}}",),
        embeds=(
            "github.com/pulumi/pulumi-kubernetes/provider/v4/cmd/pulumi-resource-kubernetes",
            "schema.json",
            "terraform-mapping.json",
        ),
    ),
    Module("pulumi-yaml", 60, {"pulumi-language-yaml": Fits("", ())}),  # for programs of other teams, in tests
    Module("mc", 25, {"mc": Fits(r"mc version RELEASE\.(2025-0[3-9]|2025-1|202[6-9])")}, inlined=True),
    Module("minio", 120, {"minio": Fits(r"minio version RELEASE\.(2025-1[0-2]|202[6-9])")}, inlined=True),
    Module(
        "traefik",
        200,
        {"traefik": Fits(r"Version:\s+v?3\.6\.", ("version",))},
        trimmed=("github.com/go-acme/lego/v4", "providers/dns/zz_gen_dns_providers.go"),
    ),
)
"""In the order in which they are built: what `gx local up` needs comes first.

Those with Kubernetes' client libraries pin the same versions of them: go compiles each package once for all.
"""

MODULE_OF: dict[str, Module] = {program: module for module in MODULES for program in module.programs}


def cache_folder() -> Path:
    """Return the folder of built programs, shared by every checkout of this user."""
    return cache_root() / "tools"


def _fits(path: str, fits: Fits) -> bool:
    try:
        answer = subprocess.run(  # noqa: S603 a program of the user's own PATH
            [path, *fits.ask], capture_output=True, text=True, timeout=20, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return re.search(fits.pattern, answer.stdout + answer.stderr, re.MULTILINE) is not None


def find(name: str) -> Path:
    """Return the path of a program of a local cluster.

    Raises:
        InputError: It is neither on PATH in a fitting version nor built.
    """
    return MODULE_OF[name].find(name)
