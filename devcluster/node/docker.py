"""kind or k3d, where Docker is at hand: a cluster of theirs takes the place of the node of this machine's own."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from devcluster.node.images import LocalImage, write_archive
from devcluster.node.run import output_of

CLUSTER = "gx-local"


@dataclass(frozen=True, kw_only=True)
class Tool:
    """What makes clusters in Docker; each word `{file}` of a command stands for a path.

    Attributes:
        name: The program.
        listed: Prints the clusters that there are, one name a line.
        create: Makes the cluster.
        kubeconfig: Prints how to reach it.
        load: Brings an archive of images into it.
        delete: Removes it.
    """

    name: str
    listed: tuple[str, ...]
    create: tuple[str, ...]
    kubeconfig: tuple[str, ...]
    load: tuple[str, ...]
    delete: tuple[str, ...]


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            name="kind",
            listed=("get", "clusters"),
            create=("create", "cluster", "--name", CLUSTER, "--kubeconfig", "{file}", "--wait", "120s"),
            kubeconfig=("get", "kubeconfig", "--name", CLUSTER),
            load=("load", "image-archive", "{file}", "--name", CLUSTER),
            delete=("delete", "cluster", "--name", CLUSTER, "--kubeconfig", "{file}"),
        ),
        Tool(
            name="k3d",
            listed=("cluster", "list", "--no-headers"),
            create=(
                *("cluster", "create", CLUSTER, "--wait", "--kubeconfig-update-default=false"),
                # Its own Traefik and load balancer would take the ports of the node, as production's k3s has neither.
                *("--no-lb", "--k3s-arg", "--disable=traefik,servicelb@server:0"),
            ),
            kubeconfig=("kubeconfig", "get", CLUSTER),
            load=("image", "import", "{file}", "--cluster", CLUSTER),
            delete=("cluster", "delete", CLUSTER),
        ),
    )
}


def available() -> Tool | None:
    """Return kind or k3d if it is installed and Docker answers, else None."""
    if shutil.which("docker") is None:
        return None
    answer = subprocess.run(["docker", "version"], capture_output=True, check=False)  # noqa: S607 the person's own
    installed = [tool for tool in TOOLS.values() if shutil.which(tool.name)]
    return installed[0] if answer.returncode == 0 and installed else None


def ensure(tool: Tool, kubeconfig: Path) -> bool:
    """Have the cluster there, and write how to reach it; return whether it was made.

    Raises:
        InputError: The tool failed; the line holds what it said last.
    """
    names = [line.split()[0] for line in _run(tool, tool.listed).splitlines() if line.split()]
    made = CLUSTER not in names
    if made:
        _run(tool, tool.create, kubeconfig)
    text = _run(tool, tool.kubeconfig)
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(text, encoding="utf-8")
    return made


def load(tool: Tool, wanted: list[LocalImage], layers: dict[str, Path]) -> None:
    """Bring images into the cluster's node."""
    with TemporaryDirectory(prefix="gx-images-") as folder:
        archive = Path(folder) / "images.tar"
        with archive.open("wb") as out:
            write_archive(out, wanted, layers)
        _run(tool, tool.load, archive)


def delete(tool: Tool, kubeconfig: Path) -> None:
    """Remove the cluster."""
    _run(tool, tool.delete, kubeconfig)


def _run(tool: Tool, words: tuple[str, ...], file: Path | None = None) -> str:
    command = [tool.name, *(str(file) if word == "{file}" else word for word in words)]
    return output_of(command, " ".join(command[1:3]))
