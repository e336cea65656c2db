"""devnet with real pods, its containers killed at random for five minutes: nothing that was acknowledged is lost."""

import hashlib
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import pytest

from common.objects import Object
from devcluster.node.cgroups import memory_bytes
from tests.pods.devnet import NAMESPACE, STACK, Devnet, Person, all_ready, devnet, kill_container, log_in, until

pytestmark = pytest.mark.soak
SECONDS, PAUSE = 300, 4
SIZE = 50_000
NAMESPACES = (NAMESPACE, f"gx-edge-{STACK}", "traefik", "monitoring")


@dataclass
class Written:
    """What the network said it had stored."""

    files: dict[str, str] = field(default_factory=dict[str, str])
    requests: list[str] = field(default_factory=list[str])
    refused: int = 0


@pytest.fixture(scope="module")
def network() -> Iterator[Devnet]:
    """Return devnet, up."""
    with devnet() as found:
        found.up()
        yield found


def test_five_minutes_of_random_kills_lose_nothing(network: Devnet) -> None:
    written, stop = Written(), threading.Event()
    alice, bob = log_in(network, "alice.johnson"), log_in(network, "bob.williams")
    writer = threading.Thread(target=_write, args=(network, alice, bob, written, stop))
    writer.start()
    seed = random.randrange(10**6)  # noqa: S311 printed, so that a run can be repeated
    killed = _kill(network, random.Random(seed))  # noqa: S311
    ready = until(lambda: all_ready(network) and not _not_running(network), 420)
    time.sleep(5)
    stop.set()
    writer.join()
    lost_files = _lost_files(network, written)
    listed = set(network.query("SELECT code FROM fakes_qsend").splitlines())
    lost_rows = [code for code in written.requests if code not in listed]
    kills = ", ".join(f"{count} x {name}" for name, count in killed.most_common())
    print(f"\n{killed.total()} containers killed (seed {seed}): {kills}")
    print(f"{len(written.files)} files and {len(written.requests)} rows acknowledged, {written.refused} refused")
    print(f"lost: {len(lost_files)} files, {len(lost_rows)} rows; ready {ready:.0f} s after the last kill")
    print(f"memory of the node's processes: {memory_bytes() / 2**30:.2f} GiB")
    assert killed.total() > SECONDS / PAUSE / 2
    assert {"minio", "postgres"} <= set(killed)
    assert len(written.files) > 20
    assert len(written.requests) > 20
    assert lost_files == []
    assert lost_rows == []
    failed = [check for check in network.verify()["checks"] if check["outcome"] == "failed"]
    assert failed == []


def _pods(network: Devnet) -> list[Object]:
    return [pod for namespace in NAMESPACES for pod in network.api.list_objects("v1", "Pod", namespace)]


def _not_running(network: Devnet) -> list[str]:
    return [
        pod["metadata"]["name"]
        for pod in _pods(network)
        if pod["status"].get("phase") != "Succeeded"
        and not all(status.get("ready") for status in pod["status"].get("containerStatuses", [{}]))
    ]


def _kill(network: Devnet, chance: random.Random) -> Counter[str]:
    """Kill a container now and then; the store and the database are among the first."""
    killed: Counter[str] = Counter()
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        running = [pod for pod in _pods(network) if pod["status"].get("phase") == "Running"]
        first = [pod for pod in running if _name(pod) in {"minio", "postgres"} and not killed[_name(pod)]]
        pod = chance.choice(first or running)
        if kill_container(pod):
            killed[_name(pod)] += 1
        time.sleep(PAUSE)
    return killed


def _name(pod: Object) -> str:
    return str(pod["metadata"]["labels"].get("app", pod["metadata"]["name"]))


def _write(network: Devnet, alice: Person, bob: Person, written: Written, stop: threading.Event) -> None:
    """Store files and ask for money again and again; only what is acknowledged counts."""
    conversation = ""
    while not stop.wait(0.1):
        try:
            with network.client() as client:
                if not conversation:
                    body = {"participantIds": [bob.profile]}
                    opened = client.post("/api/v1/conversations", json=body, headers=alice.headers)
                    conversation = opened.json()["data"]["conversationId"]
                content = os.urandom(SIZE)
                url = f"/api/v1/files/conversations/{conversation}"
                answer = client.post(url, files={"file": ("a.bin", content)}, headers=alice.headers)
                if answer.status_code == 201:
                    written.files[answer.json()["data"]["fileStorageKey"]] = hashlib.sha256(content).hexdigest()
                asked = client.post("/api/v1/qsend", json={"amount": 1}, headers=alice.headers)
                if asked.status_code == 201:
                    written.requests.append(asked.json()["requestCode"])
                written.refused += (answer.status_code != 201) + (asked.status_code != 201)
        except (httpx.HTTPError, ValueError, KeyError):
            written.refused += 1


def _lost_files(network: Devnet, written: Written) -> list[str]:
    location = network.bucket()
    client, lost = location.client(), list[str]()
    for key, wanted in written.files.items():
        found = ""
        with suppress(client.exceptions.NoSuchKey):
            found = hashlib.sha256(client.get_object(Bucket=location.bucket, Key=key)["Body"].read()).hexdigest()
        if found != wanted:
            lost.append(key)
    return lost
