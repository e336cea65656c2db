"""A real PostgreSQL 15 on a free port of the loopback interface, gone when the tests are."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import tool

BIN = "/usr/lib/postgresql/15/bin"


@pytest.fixture(scope="session")
def postgres() -> Iterator[dict[str, str]]:
    """Start a server; return the environment by which its clients reach it."""
    server = tool(f"{BIN}/postgres", "postgresql-15")
    folder = Path(tempfile.mkdtemp(prefix="gx-postgres-"))
    owner = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name  # the server refuses root
    if os.getuid() == 0:
        shutil.chown(folder, owner)
    run_as = {"user": owner} if os.getuid() == 0 else {}
    data = folder / "data"
    initdb = [f"{BIN}/initdb", "-D", str(data), "-U", "gx_admin", "-A", "trust", "--no-sync", "-E", "UTF8"]
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
