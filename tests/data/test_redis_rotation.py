"""A new password of Redis: a real Redis takes both until the old one is retired, and no text shows either."""

import base64
import copy
import subprocess
import time
from collections.abc import Iterator
from typing import cast
from urllib.parse import quote

import pytest

from catalogue.workload_spec import Dependency
from common.errors import InputError
from common.known_secrets import MASK, masked
from common.labels import CONFIG_CHECKSUM
from common.objects import Object
from gx.cluster.kubernetes_api import KubernetesApi
from gx.rotation import redis
from settings.offline import offline_settings
from tests.conftest import tool
from tests.helpers.network import free_port

MAINNET = offline_settings("mainnet", adopting=False)
WANTED = MAINNET.stack.redis
OLD = "old/pass=word \"with\" 'quotes' é"
READERS = [name for name, workload in MAINNET.workloads.items() if Dependency.REDIS in workload.depends_on]


def _secret(name: str, **data: str) -> Object:
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return {"kind": "Secret", "metadata": {"name": name, "resourceVersion": "1"}, "data": encoded}


def _url(password: str) -> str:
    return f"redis://:{quote(password, safe='')}@redis-master:6379"


def _deployment(name: str) -> Object:
    annotations = {CONFIG_CHECKSUM: "new"}
    return {
        "metadata": {"name": name, "namespace": "n", "generation": 1},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"annotations": annotations}},
        },
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1},
    }


class Cluster:
    """A cluster whose one Redis pod is a real Redis of this machine.

    Attributes:
        arguments: Every argument list that was run in a pod.
        ready: Whether the Redis pod is ready.
    """

    origin = "the cluster"

    def __init__(self, port: int) -> None:
        self.port, self.arguments, self.ready = port, [["redis-cli"]], True
        self.secrets = {
            WANTED.secret: _secret(WANTED.secret, **{WANTED.key: OLD}),
            "gx-connections": _secret("gx-connections", REDIS_URL=_url(OLD)),
        }
        self.deployments = {name: _deployment(name) for name in READERS}

    def get(self, _version: str, kind: str, _namespace: str, name: str) -> Object | None:
        """Return a copy of an object."""
        return copy.deepcopy((self.secrets if kind == "Secret" else self.deployments).get(name))

    def replace(self, manifest: Object, *, manager: str) -> Object:
        """Take a new version of a Secret."""
        assert manager == "gx-rotate"
        self.secrets[manifest["metadata"]["name"]] = manifest
        return manifest

    def list_objects(self, _version: str, _kind: str, namespace: str, *, labels: str) -> list[Object]:
        """Return the Redis pod, or the pod of a reader."""
        name = labels.removeprefix("app=")
        conditions = [{"type": "Ready", "status": str(self.ready or name != "redis")}]
        metadata = {"name": f"{name}-0", "namespace": namespace, "annotations": {CONFIG_CHECKSUM: "new"}}
        return [{"metadata": metadata, "spec": {"containers": [{"name": name}]}, "status": {"conditions": conditions}}]

    def run_in_pod(self, _ns: str, _name: str, _container: str, command: list[str], *, stdin: str) -> tuple[int, str]:
        """Run redis-cli as the kubelet would; its input stays open there, so the command must end by itself."""
        self.arguments.append(command)
        client = [tool("redis-cli", "redis-server"), "-p", str(self.port), *command[1:]]
        with subprocess.Popen(client, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(stdin)
            child.stdin.flush()
            code = child.wait(20)
            return code, child.stdout.read()

    def password(self) -> str:
        """The password that the Secret holds."""
        return base64.b64decode(self.secrets[WANTED.secret]["data"][WANTED.key]).decode()

    def takes(self, password: str) -> bool:
        """Return whether Redis lets a client in."""
        client = [tool("redis-cli", "redis-server"), "-p", str(self.port), "--no-auth-warning", "PING"]
        done = subprocess.run(client, capture_output=True, text=True, check=False, env={"REDISCLI_AUTH": password})
        return done.stdout.strip() == "PONG"

    @property
    def api(self) -> KubernetesApi:
        """It, as what it stands for."""
        return cast("KubernetesApi", self)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    port = free_port()
    command = [tool("redis-server", "redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen([*command, "--requirepass", OLD], stdout=subprocess.DEVNULL) as running:
        found = Cluster(port)
        try:
            deadline = time.monotonic() + 20
            while not found.takes(OLD) and time.monotonic() < deadline:
                time.sleep(0.05)
            yield found
        finally:
            running.terminate()


def test_both_passwords_are_valid_until_every_reader_has_the_new_one(cluster: Cluster) -> None:
    assert redis.add(cluster.api, MAINNET) == 1
    new = cluster.password()
    assert (len(new), cluster.takes(OLD), cluster.takes(new)) == (redis.LENGTH, True, True)
    with pytest.raises(InputError, match="Secret gx-connections: still holds the old password"):
        redis.retire(cluster.api, MAINNET)
    cluster.secrets["gx-connections"] = _secret("gx-connections", REDIS_URL=_url(new))
    for change in ({"updatedReplicas": 0}, {"readyReplicas": 0}, {"observedGeneration": 0}):
        cluster.deployments[READERS[-1]]["status"] |= change
        with pytest.raises(InputError, match=f"Deployment {READERS[-1]}: is still rolling"):
            redis.retire(cluster.api, MAINNET)
        assert cluster.takes(OLD)
        cluster.deployments[READERS[-1]] = _deployment(READERS[-1])
    assert redis.retire(cluster.api, MAINNET) == 1
    assert (cluster.takes(OLD), cluster.takes(new)) == (False, True)
    assert redis.retire(cluster.api, MAINNET) == 1, "once more changes nothing"
    assert masked(f"{OLD} {new}") == f"{MASK} {MASK}"
    assert not [words for words in cluster.arguments if OLD in " ".join(words) or new in " ".join(words)]


def test_on_the_way_back_the_old_password_alone_is_left_whatever_stands_in_it(cluster: Cluster) -> None:
    redis.add(cluster.api, MAINNET)
    new = cluster.password()
    cluster.secrets[WANTED.secret] = _secret(WANTED.secret, **{WANTED.key: OLD})
    assert redis.retire(cluster.api, MAINNET) == 1
    assert (cluster.takes(OLD), cluster.takes(new)) == (True, False)


def test_a_password_that_redis_does_not_take_changes_nothing(cluster: Cluster) -> None:
    cluster.secrets[WANTED.secret] = before = _secret(WANTED.secret, **{WANTED.key: "another network's"})
    with pytest.raises(InputError, match="Redis refused: the password of the Secret is not its own") as caught:
        redis.add(cluster.api, MAINNET)
    assert cluster.secrets[WANTED.secret] == before
    assert "another network's" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "ready", "line"),
    [
        ({WANTED.key: OLD}, False, "pods with app=redis = redis-0: are not ready"),
        (None, True, f"{WANTED.secret}: is not there"),
        ({"other": OLD}, True, f"{WANTED.key}: is empty or not there"),
    ],
)
def test_what_is_not_as_it_must_be_is_one_line(
    cluster: Cluster, data: dict[str, str] | None, ready: bool, line: str
) -> None:
    cluster.ready = ready
    del cluster.secrets[WANTED.secret]
    if data is not None:
        cluster.secrets[WANTED.secret] = _secret(WANTED.secret, **data)
    with pytest.raises(InputError, match=line):
        redis.add(cluster.api, MAINNET)
    assert cluster.takes(OLD)
