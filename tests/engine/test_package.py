"""The components as a package: a program in another language, with the plugin as it is found on PATH."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.binaries import find
from devcluster.network import ZONE_ID
from devcluster.world import STORAGE_CLASS
from settings.project import ROOT
from tests.engine.conftest import Cluster, Stack, stack_on
from tests.engine.hand_made import ask_zone

HOST = "reports.gxcoin.money"


class Consumer:
    """Another team's program and its stack."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        shutil.copy(ROOT / "docs/examples/object-store/Pulumi.yaml", folder)
        programs = folder / "programs"
        programs.mkdir()
        plugin = programs / "pulumi-resource-gx-infra"
        plugin.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT}/package/__main__.py" "$@"\n')
        plugin.chmod(0o755)
        environment = stack.network.environment()
        path = f"{programs}:{find('pulumi-language-yaml').parent}:{environment['PATH']}"
        self.environment = {**os.environ, **environment, "PATH": path}

    def pulumi(self, *arguments: str) -> str:
        """Run the CLI; return what it said."""
        said = self.folder / "said"
        with said.open("w") as output:
            done = subprocess.run(
                [str(find("pulumi")), *arguments, "--non-interactive", "--color", "never"],
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=output,
                timeout=120,
                check=False,
            )
        assert done.returncode == 0, said.read_text()
        return said.read_text()


@pytest.fixture(scope="module")
def consumer(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consumer]:
    """Prepare the program."""
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "reports"},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": STORAGE_CLASS,
            "hostPath": {"path": "/nowhere"},
        },
    }
    cluster.api.create(volume)
    made = Consumer(stack_on(cluster, "devnet"), tmp_path_factory.mktemp("reports"))
    made.pulumi("stack", "init", "reports")
    made.pulumi("config", "set", "zoneId", ZONE_ID)
    made.pulumi("config", "set", "--secret", "checksumKey", "a-key-of-the-test")
    yield made
    made.pulumi("stack", "rm", "reports", "--force", "--yes")


def test_1_up_makes_the_components_with_their_own_objects_alone(consumer: Consumer) -> None:
    consumer.pulumi("up", "--yes", "--skip-preview")
    api = consumer.stack.api
    server = api.get("apps/v1", "Deployment", "reports", "minio")
    assert server is not None
    assert set(server["metadata"]["labels"]) == {
        "app",
        "component",
        "app.kubernetes.io/name",
        "app.kubernetes.io/part-of",
    }, "a package carries no policy of ours"
    assert api.get("batch/v1", "CronJob", "reports", "minio-restore-drill") is not None
    job = api.get("batch/v1", "CronJob", "reports", "minio-backup")
    assert job is not None
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    env = {entry["name"]: entry.get("value") for entry in container["env"]}
    numbers = (env["KEEP_LEAST"], env["RETENTION_DAYS"], env["DEADLINE_SECONDS"], env["FREE_FLOOR_BYTES"])
    assert numbers == ("4", "7", "3480", "1073741824"), "whole numbers, as the backup reads them"
    (record,) = ask_zone(consumer.stack.cluster, "GET", params={"name": HOST})
    assert record["comment"] == "managed by gx-infra, reports"
    outputs = consumer.pulumi("stack", "output", "--json")
    for text in ("http://minio.reports.svc.cluster.local:9000", "minio-credentials", "minio-backup-pvc", HOST):
        assert text in outputs


def test_2_a_second_up_changes_nothing(consumer: Consumer) -> None:
    consumer.pulumi("preview", "--expect-no-changes")
    consumer.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")


def test_3_destroy_leaves_nothing(consumer: Consumer) -> None:
    consumer.pulumi("destroy", "--yes", "--skip-preview")
    assert consumer.stack.api.get("apps/v1", "Deployment", "reports", "minio") is None
    assert ask_zone(consumer.stack.cluster, "GET", params={"name": HOST}) == []
