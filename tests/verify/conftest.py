"""A fake for devnet, where its names lead, and a DNS server that knows them."""

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gx.cluster.zone import Record
from gx.verify.checks import all_checks
from gx.verify.edge import HTTPS, active_nodes
from gx.verify.flow import UserFlow
from gx.verify.inside import Inside
from gx.verify.model import CheckResult, Outcome
from gx.verify.outside import Outside
from gx.verify.runner import run_checks
from gx.verify.web import Address, Web
from settings.offline import offline_settings
from tests.data.conftest import needed_binaries
from tests.data.servers import BUCKET, Minio
from tests.helpers.command import gx_words
from tests.helpers.network import free_port
from tests.helpers.stack import edit
from tests.traffic.edge import Names, cluster_dns
from tests.verify.authority import Authority
from tests.verify.cluster import UID, Cluster, api_server
from tests.verify.fake_network import PASSWORD, FakeNetwork, serving

DEVNET = offline_settings("devnet")
DEADLINE = 40
Run = Callable[..., subprocess.CompletedProcess[str]]


@dataclass
class Verifier:
    """Runs the checks of devnet against the fake."""

    fake: FakeNetwork
    ca_file: Path
    dns: Names
    dns_port: int
    removed: list[str] = field(default_factory=list[str])
    zone: Callable[[str], list[Record]] | None = None

    @property
    def routes(self) -> dict[Address, Address]:
        """Every name and address of the network, led to the fake: nothing leaves this machine."""
        network, local = self.fake.settings.network, ("127.0.0.1", self.fake.port)
        hosts = [network.wallet_host, network.api_host]
        nodes = [str(node.address) for node in active_nodes(self.fake.settings.stack)]
        return {(name, HTTPS): local for name in (*hosts, *nodes)}

    def command(self, *arguments: str) -> list[str]:
        """Return `gx verify devnet` so that nothing leaves this machine."""
        routes = [
            text
            for (host, port), (other, there) in self.routes.items()
            for text in ("--connect-to", f"{host}:{port}:{other}:{there}")
        ]
        options = [*routes, "--cacert", str(self.ca_file), "--dns", f"127.0.0.1:{self.dns_port}"]
        return gx_words("verify", "devnet", *options, *arguments)

    def environment(self, **env: str) -> dict[str, str]:
        """Return an environment without a cluster and without programs."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("KUBE")}
        return {**kept, "PATH": "/nonexistent", **env}

    def run(self, deadline: float = DEADLINE, inside: Inside | None = None) -> dict[str, CheckResult]:
        """Return what every check found, by its name."""

        async def all_of_them() -> list[CheckResult]:
            async with Web(connect_to=self.routes, ca_file=str(self.ca_file)) as web:
                outside = Outside(
                    settings=self.fake.settings,
                    web=web,
                    dns_server=("127.0.0.1", self.dns_port),
                    proxied=False,
                    zone=self.zone,
                )
                flow = UserFlow(outside=outside, password=PASSWORD, remove=self.removed.append)
                return await run_checks(all_checks(outside, inside, flow), deadline)

        return {result.name: result for result in asyncio.run(all_of_them())}

    def failures(self, deadline: float = DEADLINE, inside: Inside | None = None) -> dict[str, str]:
        """Return what failed, by name."""
        results = self.run(deadline, inside).items()
        return {name: result.text for name, result in results if result.outcome is Outcome.FAILED}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority") / "ca.crt")


@pytest.fixture(scope="module")
def running_fake(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeNetwork]:
    with serving(DEVNET, authority, tmp_path_factory.mktemp("fake")) as fake:
        yield fake


@pytest.fixture
def verifier(running_fake: FakeNetwork, authority: Authority) -> Iterator[Verifier]:
    """Return a verifier of a fake that works."""
    running_fake.fix()
    port = free_port()
    with cluster_dns(str(DEVNET.stack.nodes[0].address), ("127.0.0.1", port)) as names:
        yield Verifier(running_fake, authority.file, names, port)


@pytest.fixture
def verifier_with(authority: Authority, tmp_path: Path) -> Iterator[Callable[..., Verifier]]:
    """Return a function that starts a fake with another certificate."""
    import contextlib  # noqa: PLC0415 one fixture needs it

    with contextlib.ExitStack() as left:

        def start(by: Authority = authority, **certificate: object) -> Verifier:
            fake = left.enter_context(serving(DEVNET, by, tmp_path, **certificate))
            port = free_port()
            names = left.enter_context(cluster_dns(str(DEVNET.stack.nodes[0].address), ("127.0.0.1", port)))
            return Verifier(fake, authority.file, names, port)

        yield start


@pytest.fixture
def run(verifier: Verifier, project: Path) -> Run:
    """Return a function that runs `gx verify devnet` so that nothing leaves this machine."""
    edit(project, "devnet", lambda config: config.update(clusterUid=UID))

    def start(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            verifier.command(*arguments),
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=verifier.environment(**env),
        )

    return start


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[Cluster, Path]]:
    with api_server(DEVNET, tmp_path) as running:
        yield running


@pytest.fixture
def own_minio(tmp_path: Path) -> Iterator[Minio]:
    needed_binaries()
    server = Minio(tmp_path / "minio").start()
    server.client().create_bucket(Bucket=BUCKET)
    yield server
    server.kill()
