"""kind and k3d are called by their own words; what they refuse is one line."""

import stat
import tarfile
from pathlib import Path

import pytest

from common.errors import InputError
from devcluster.node.docker import CLUSTER, TOOLS, available, delete, ensure, load
from devcluster.node.images import LocalImage
from devcluster.node.layers import pack

RECORD = """#!/bin/sh
echo "$@" >>{log}
for word in "$@"; do [ -f "$word" ] && /bin/cp "$word" {log}.file; done
case "$*" in
  *clusters*|*list*) /bin/cat {log}.there 2>/dev/null ;;
  *kubeconfig*get*|*get*kubeconfig*) echo "kind: Config" ;;
esac
exit 0
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that alone is searched for docker, kind and k3d."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(stat.S_IRWXU)


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_a_cluster_is_made_once_loaded_and_removed(programs: Path, tmp_path: Path, name: str) -> None:
    log = tmp_path / "log"
    _program(programs / name, RECORD.format(log=log))
    tool, kubeconfig = TOOLS[name], tmp_path / "kubeconfig"
    assert ensure(tool, kubeconfig) is True
    assert kubeconfig.read_text() == "kind: Config\n"
    assert kubeconfig.stat().st_mode & 0o077 == 0, "nobody else may read it"
    created = log.read_text()
    assert "create" in created
    assert CLUSTER in created
    log.with_suffix(".there").write_text(f"{CLUSTER} 1/1 0/0 true\n")
    log.unlink()
    assert ensure(tool, kubeconfig) is False
    assert "create" not in log.read_text()
    layer = tmp_path / "layer.tar"
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "file").write_text("x")
    pack(tmp_path / "root", layer)
    load(tool, [LocalImage(name="registry:5000/a:1", layers=("only",))], {"only": layer})
    with tarfile.open(log.with_suffix(".file")) as tar:
        assert "manifest.json" in tar.getnames()
    delete(tool, kubeconfig)
    assert "delete" in log.read_text().splitlines()[-1]


def test_what_the_tool_refuses_is_one_line(programs: Path, tmp_path: Path) -> None:
    _program(programs / "kind", "#!/bin/sh\necho first >&2\necho 'ERROR: no space left' >&2\nexit 1\n")
    with pytest.raises(InputError, match=r"^kind: get clusters: ERROR: no space left; fix: "):
        ensure(TOOLS["kind"], tmp_path / "kubeconfig")
    assert not (tmp_path / "kubeconfig").exists()


@pytest.mark.parametrize(
    ("there", "answers", "found"),
    [
        ((), True, None),
        (("kind",), True, None),
        (("docker",), True, None),
        (("docker", "k3d"), True, "k3d"),
        (("docker", "kind", "k3d"), True, "kind"),
        (("docker", "kind"), False, None),
    ],
)
def test_they_are_used_where_docker_answers(
    programs: Path, there: tuple[str, ...], answers: bool, found: str | None
) -> None:
    for name in there:
        _program(programs / name, "#!/bin/sh\nexit 0\n" if name != "docker" or answers else "#!/bin/sh\nexit 1\n")
    tool = available()
    assert (tool.name if tool else None) == found
