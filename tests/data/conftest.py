"""A real PostgreSQL and a real MinIO on free ports of the loopback interface, gone when the tests are."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common.errors import InputError
from common.plan import Plan
from devcluster.binaries import find
from tests.conftest import tool
from tests.data.servers import BUCKET, STATUS, Minio, Runs, remove
from tests.data.sql_jobs import Job
from tests.helpers.postgres import postgres_programs
from tests.helpers.strange_server import StrangeServer, running


@pytest.fixture
def strange() -> Iterator[StrangeServer]:
    """Run an S3 server that answers whatever a test tells it to, without objects."""
    with running({}) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[dict[str, str]]:
    """Start a server; return the environment by which its clients reach it."""
    programs = postgres_programs()
    server = tool(str(programs / "postgres"), "postgresql")
    folder = Path(tempfile.mkdtemp(prefix="gx-postgres-"))
    owner = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name  # the server refuses root
    if os.getuid() == 0:
        shutil.chown(folder, owner)
    run_as = {"user": owner} if os.getuid() == 0 else {}
    data = folder / "data"
    initdb = [str(programs / "initdb"), "-D", str(data), "-U", "gx_admin", "-A", "trust", "--no-sync", "-E", "UTF8"]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **run_as)  # type: ignore[call-overload]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    options = ["-D", str(data), "-p", port, "-k", str(folder), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen([server, *options], stdout=log, stderr=log, cwd=folder, **run_as) as running,  # type: ignore[call-overload]
    ):
        environment = {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": port, "PGUSER": "gx_admin", "PGPASSWORD": "x"}
        try:
            ready = [
                "bash",
                "-c",
                "for i in $(seq 100); do psql -d postgres -c '' 2>/dev/null && exit; sleep 0.1; done; exit 1",
            ]
            subprocess.run(ready, check=True, env=environment, capture_output=True)
            yield environment
        finally:
            running.terminate()
            running.wait(timeout=20)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(postgres: dict[str, str], request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the environment of a new empty database."""
    name = "t" + "".join(c for c in request.node.name.lower() if c.isalnum())[-50:]
    subprocess.run(["psql", "-d", "postgres", "-qc", f"CREATE DATABASE {name}"], check=True, env=postgres)
    return {**postgres, "PGDATABASE": name}


@pytest.fixture
def query(database: dict[str, str]) -> Callable[[str], list[str]]:
    """Return a function that runs SQL and returns its rows as text."""

    def run(sql: str) -> list[str]:
        command = ["psql", "-v", "ON_ERROR_STOP=1", "-XAtqc", sql]
        done = subprocess.run(command, env=database, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def needed_binaries() -> None:
    """Skip the tier where the object store is missing, fail in CI."""
    try:
        for name in ("minio", "mc"):
            find(name)
    except InputError as error:
        if os.environ.get("CI"):
            pytest.fail(f"in CI no tier may be missing: {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def shared_minio() -> Iterator[Minio]:
    """Run one server for the tests that leave it as it is."""
    needed_binaries()
    folder = Path(tempfile.mkdtemp(prefix="gx-minio-"))
    server = Minio(folder).start()
    try:
        yield server
    finally:
        server.kill()
        remove(folder)


@pytest.fixture
def minio(shared_minio: Minio) -> Minio:
    """Return the server with the two buckets of a network, both empty."""
    shared_minio.empty()
    client = shared_minio.client()
    client.create_bucket(Bucket=BUCKET)
    client.create_bucket(Bucket=STATUS)
    return shared_minio


@pytest.fixture
def own_minio(tmp_path: Path) -> Iterator[Minio]:
    """Run a server that a test may break."""
    needed_binaries()
    server = Minio(tmp_path / "minio").start()
    try:
        server.client().create_bucket(Bucket=BUCKET)
        server.client().create_bucket(Bucket=STATUS)
        yield server
    finally:
        server.kill()


@pytest.fixture
def runs(minio: Minio, tmp_path: Path) -> Runs:
    """Return the backup's runs on the shared server, with an empty volume."""
    (tmp_path / "volume").mkdir()
    return Runs(minio, tmp_path / "volume")


@pytest.fixture
def own_runs(own_minio: Minio, tmp_path: Path) -> Runs:
    """Return the backup's runs on a server that a test may break."""
    (tmp_path / "volume").mkdir()
    return Runs(own_minio, tmp_path / "volume")


@pytest.fixture
def schema(plans: dict[str, Plan], tmp_path: Path) -> Job:
    """Return the schema Job."""
    return Job(plans["devnet"], "database-schema-", tmp_path / "schema")


@pytest.fixture
def test_users(plans: dict[str, Plan], tmp_path: Path) -> Job:
    """Return the Job of the test users."""
    return Job(plans["devnet"], "database-test-users-", tmp_path / "users")
