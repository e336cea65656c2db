"""Keys that are read from a Secret or the environment, and what has no answer: neither passes as if it were right."""

import asyncio
import base64
from typing import Any, cast

import pytest
from rich.console import Console

from catalogue.secrets import MESSAGING_USER
from common.errors import InputError
from common.known_secrets import MASK, masked, remember
from common.labels import CONFIG_CHECKSUM
from gx.backups.locations import locations, secret_pair
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.one_off import run_to_the_end
from gx.rotation.rotate import check_rolled
from gx.verify.model import Check, CheckFailedError
from gx.verify.runner import run_checks
from settings.offline import offline_settings

DEVNET = offline_settings("devnet", adopting=False)
KEY = "w5Tq8xYz1234567890abcdef"


class Objects:
    """A cluster of given objects, by kind and name."""

    origin = "the cluster"

    def __init__(self, **objects: dict[str, Any] | None) -> None:
        self.objects = objects

    def get(self, _version: str, kind: str, _namespace: str, _name: str) -> dict[str, Any] | None:
        """Return the object of a kind."""
        return self.objects.get(kind)

    def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Take an object."""
        return manifest

    def list_objects(self, *_location: str, **_more: str) -> list[dict[str, Any]]:
        """Return nothing."""
        return []


def cluster(**objects: dict[str, Any] | None) -> KubernetesApi:
    return cast("KubernetesApi", Objects(**objects))


def secret(**data: str | bytes) -> dict[str, Any]:
    raw = {key: text if isinstance(text, bytes) else text.encode() for key, text in data.items()}
    return {"metadata": {"name": "s"}, "data": {key: base64.b64encode(text).decode() for key, text in raw.items()}}


def test_a_key_pair_comes_without_its_line_end_and_is_known() -> None:
    live = secret(AWS_ACCESS_KEY_ID="gx-backup-1\n", AWS_SECRET_ACCESS_KEY=f"{KEY}\r\n")
    assert secret_pair(cluster(Secret=live), "n", "s") == ("gx-backup-1", KEY)
    assert masked(f"gx-backup-1 signed with {KEY}") == f"gx-backup-1 signed with {MASK}"  # the id is a name


@pytest.mark.parametrize(
    ("live", "words"),
    [
        (secret(AWS_ACCESS_KEY_ID="a"), "Secret n/s/AWS_SECRET_ACCESS_KEY: is empty or not there"),
        (secret(AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY=" \n"), "AWS_SECRET_ACCESS_KEY: is empty or not there"),
        ({"metadata": {"name": "s"}, "data": None}, "AWS_ACCESS_KEY_ID: is empty or not there"),
        (secret(AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY=f"{KEY}\n{KEY}"), "holds a line end"),
        (secret(AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY=b"\xff" + KEY.encode()), "holds a letter"),
    ],
)
def test_half_a_key_pair_is_none(live: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        secret_pair(cluster(Secret=live), "n", "s")
    assert KEY not in str(caught.value)


def test_a_key_pair_of_the_environment_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "gx-backup-1\n")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f" {KEY}\n")
    with locations(DEVNET, None, "http://127.0.0.1:9", "") as (status, _):
        assert (status.access_key, status.secret_key) == ("gx-backup-1", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"{KEY} {KEY}")
    with pytest.raises(InputError, match="AWS_SECRET_ACCESS_KEY: holds a blank") as caught:
        locations(DEVNET, None, "http://127.0.0.1:9", "").__enter__()
    assert KEY not in str(caught.value)


def test_a_job_that_somebody_deleted_is_not_waited_for() -> None:
    job = {"metadata": {"namespace": "n", "name": "restore"}, "spec": {}}
    with pytest.raises(InputError, match="was deleted before it ended"):
        run_to_the_end(cluster(), job, Console(quiet=True))


@pytest.mark.parametrize("annotations", [None, {}, {CONFIG_CHECKSUM: ""}])
def test_pods_that_do_not_say_what_they_started_with_keep_the_old_key(annotations: dict[str, str] | None) -> None:
    epoch = DEVNET.stack.epoch("minioMessagingUser")
    deployment = {
        "metadata": {"name": "svc-messaging", "namespace": "n", "generation": 1},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "svc-messaging"}},
            "template": {"metadata": {"annotations": annotations}},
        },
        "status": {"observedGeneration": 1, "updatedReplicas": 1, "replicas": 1, "readyReplicas": 1},
    }
    api = cluster(Secret=secret(AWS_ACCESS_KEY_ID=f"x-{epoch}"), Deployment=deployment)
    with pytest.raises(InputError, match="says nothing of the values"):
        check_rolled(api, DEVNET, MESSAGING_USER)


def test_a_result_of_the_verification_holds_no_secret() -> None:
    remember(f"{KEY} {KEY}")

    async def fail() -> str:
        raise CheckFailedError(f"Illegal header value b'Bearer {KEY} {KEY}'")

    async def succeed() -> str:
        return f"{KEY}  {KEY}"

    checks = [Check(name=call.__name__, group="g", run=call) for call in (fail, succeed)]
    results = asyncio.run(run_checks(checks, 60))
    assert [result.text for result in results] == [f"Illegal header value b'Bearer {MASK}'", MASK]
