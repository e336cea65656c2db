"""The password of Redis, changed under load on real pods: a kubelet runs what `gx rotate` asks of Redis."""

import base64
from collections.abc import Iterator

import pytest

from tests.pods.devnet import NAMESPACE, STACK, Devnet, devnet, until
from tests.pods.load import under_load

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def network() -> Iterator[Devnet]:
    """Return devnet, up."""
    with devnet() as found:
        found.up()
        yield found


def _rotate(network: Devnet, *options: str) -> str:
    project = network.folder.stack(STACK) / "project"
    done = network.gx("rotate", STACK, "redisPassword", "--context", "gx-local", *options, cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _password(network: Devnet) -> str:
    wanted = network.engine().settings.stack.redis
    secret = network.api.get("v1", "Secret", NAMESPACE, wanted.secret)
    assert secret is not None
    return base64.b64decode(secret["data"][wanted.key]).decode()


def _takes(network: Devnet, password: str) -> bool:
    pod = network.pods("redis")[0]
    name, container = pod["metadata"]["name"], pod["spec"]["containers"][0]["name"]
    command = ["redis-cli", "--no-auth-warning"]
    _, said = network.api.run_in_pod(NAMESPACE, name, container, command, stdin=f"AUTH {password}\nPING\nQUIT\n")
    return "PONG" in said


def test_the_password_of_redis_changes_under_load(network: Devnet) -> None:
    until(lambda: not _failed(network), 60)
    old = _password(network)
    said = _rotate(network)
    new = _password(network)
    assert new != old
    assert _takes(network, old)
    assert _takes(network, new)
    seen = under_load(network, network.up, uploads=True)
    print(f"\nthe password of Redis: {seen}")
    assert seen.failed <= (seen.requests + seen.uploads) * 0.01, seen.reasons
    said += _rotate(network, "--retire")
    assert not _takes(network, old)
    assert _takes(network, new)
    assert old not in said
    assert new not in said
    until(lambda: not _failed(network), 60)


def _failed(network: Devnet) -> list[str]:
    return [check["name"] for check in network.verify()["checks"] if check["outcome"] == "failed"]
