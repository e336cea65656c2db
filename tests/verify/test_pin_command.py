"""`gx pin`: digests that run, beside the tags of the first network; a tag that was moved is refused."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from settings.offline import offline_settings
from tests.helpers.command import run_gx
from tests.helpers.stack import edit, edit_release
from tests.verify.cluster import UID, Cluster, api_server, pod

ONE, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
Run = Callable[..., subprocess.CompletedProcess[str]]
FILE = "networks/devnet/release.yaml"


def runs(cluster: Cluster, name: str, *digests: str) -> None:
    for number, digest in enumerate(digests):
        one = pod("backend-devnet", f"{name}-{number}", {"app": name}, "vps4")
        one["status"]["containerStatuses"] = [{"name": name, "imageID": f"10.43.75.195:5000/{name}@{digest}"}]
        cluster.objects.append(one)


@pytest.fixture
def cluster(project: Path, tmp_path: Path) -> Iterator[tuple[Cluster, Path]]:
    for network in ("devnet", "testnet"):
        edit(project, network, lambda config: config.update(clusterUid=UID))
    with api_server(offline_settings("devnet", project), tmp_path) as running:
        yield running


@pytest.fixture
def run(project: Path, cluster: tuple[Cluster, Path]) -> Run:
    def start(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_gx("pin", *arguments, "--context", "test", cwd=project, env={"KUBECONFIG": str(cluster[1])})

    return start


def test_the_digest_that_runs_is_written_beside_its_tag(run: Run, project: Path, cluster: tuple[Cluster, Path]) -> None:
    before = offline_settings("devnet", project).release
    runs(cluster[0], "svc-tax", ONE, ONE)
    done = run("devnet")
    assert done.returncode == 0, done.stderr
    assert f"svc-tax:2.1.5 is {ONE}" in done.stdout
    settings = offline_settings("devnet", project)
    assert settings.image("svc-tax").endswith(f"svc-tax:2.1.5@{ONE}")
    assert settings.release.hash != before.hash
    assert settings.release.workloads["svc-admin"].digest is None


def test_an_image_built_for_each_network_gets_the_digest_of_this_one(
    run: Run, project: Path, cluster: tuple[Cluster, Path]
) -> None:
    edit_release(project, "devnet", lambda r: r["workloads"]["gx-wallet-frontend"].update(revision="0123abc"))
    cluster[0].settings = offline_settings("devnet", project)
    runs(cluster[0], "gx-wallet-frontend", ONE)
    assert run("devnet").returncode == 0
    image = offline_settings("devnet", project).release.workloads["gx-wallet-frontend"]
    assert (image.digest, image.digests) == (None, {"devnet": ONE})


def test_nothing_to_write(run: Run, project: Path) -> None:
    before = (project / FILE).read_text()
    done = run("devnet")
    assert "every image that runs has its digest" in done.stdout
    assert (project / FILE).read_text() == before


def test_a_tag_that_was_moved_between_two_starts(run: Run, project: Path, cluster: tuple[Cluster, Path]) -> None:
    before = (project / FILE).read_text()
    runs(cluster[0], "svc-tax", ONE, OTHER)
    done = run("devnet")
    assert done.returncode == 2
    assert "workloads.svc-tax.tag = '2.1.5': its pods run sha256:111111111111 and sha256:222222222222" in done.stderr
    assert (project / FILE).read_text() == before


def test_a_tag_that_was_moved_since_it_was_pinned(run: Run, project: Path, cluster: tuple[Cluster, Path]) -> None:
    edit_release(project, "devnet", lambda release: release["workloads"]["svc-tax"].update(digest=OTHER))
    cluster[0].settings = offline_settings("devnet", project)
    cluster[0].reset()
    runs(cluster[0], "svc-tax", ONE)
    done = run("devnet")
    assert done.returncode == 2
    assert "runs as sha256:111111111111, the file says sha256:222222222222: the tag was moved" in done.stderr


def test_only_the_first_network_is_pinned(run: Run) -> None:
    done = run("testnet")
    assert done.returncode == 2
    assert "testnet takes its set from devnet" in done.stderr


def test_what_does_not_run_is_not_pinned(run: Run, cluster: tuple[Cluster, Path]) -> None:
    cluster[0].objects.remove(cluster[0].get("Deployment", "svc-tax"))
    done = run("devnet")
    assert done.returncode == 2
    assert "svc-tax does not run" in done.stderr
