"""A new password of Redis, which others own: the old one and the new one are valid while the services roll.

The password never stands in an argument list: `redis-cli` in each Redis pod reads its commands from standard input.
"""

import base64
import secrets
import string
from urllib.parse import unquote, urlsplit

from catalogue.external_workloads import EXTERNAL_WORKLOADS
from catalogue.workload_spec import Dependency
from common.errors import InputError, begun, note_change
from common.known_secrets import masked, remember
from common.naming import CONNECTIONS
from common.objects import Object
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.readiness import pod_ready
from gx.cluster.refusals import explained
from gx.cluster.secret_values import read_secret, text_of
from gx.rotation.rotate import check_deployment, too_early
from settings.settings import Settings

LENGTH = 48  # letters and digits, as every generated secret has
MANAGER = "gx-rotate"
EFFECT = "every service that reads REDIS_URL rolls; no login fails, since Redis takes both passwords until --retire"
CLIENT = ["redis-cli", "--no-auth-warning"]


def add(api: KubernetesApi, settings: Settings) -> int:
    """Let every Redis pod take a new password beside the old one, then write it into the Secret of the network.

    Returns:
        How many Redis pods know it.

    Raises:
        InputError: A Redis pod is not ready or refuses, or the Secret cannot be read or written.
    """
    wanted = settings.stack.redis
    location = f"Secret {settings.network.namespace}/{wanted.secret}"
    with explained(api, key=location, fix="a new password needs the rights to get and update it, and to run in pods"):
        live = read_secret(api, settings.network.namespace, wanted.secret)
        old = _value(api, live, location, wanted.key)
        pods = _pods(api, settings)
        new = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(LENGTH))
        remember(new)
        with begun("Redis may know a new password that nothing uses; the same command goes on from here"):
            for pod in pods:
                _ask(api, pod, old, f"ACL SETUSER default {_quoted(f'>{new}')}")
                _ask(api, pod, new, "PING")
            data = {**live["data"], wanted.key: base64.b64encode(new.encode()).decode()}
            api.replace({**live, "data": data}, manager=MANAGER)
    note_change("redis", f"Redis takes the old password and the new one, which {location} holds")
    return len(pods)


def retire(api: KubernetesApi, settings: Settings) -> int:
    """Take the old password away, once every pod that reads REDIS_URL has the new one.

    Returns:
        How many Redis pods know the new one alone.

    Raises:
        InputError: A pod may still use the old one, or a Redis pod refuses.
    """
    wanted, namespace = settings.stack.redis, settings.network.namespace
    with explained(api, fix="look at the cluster, and run it again: what is gone is not removed twice"):
        new = _value(
            api,
            read_secret(api, settings.network.namespace, wanted.secret),
            f"Secret {namespace}/{wanted.secret}",
            wanted.key,
        )
        location = f"Secret {namespace}/{CONNECTIONS}"
        url = _value(api, read_secret(api, namespace, CONNECTIONS), location, "REDIS_URL")
        if unquote(urlsplit(url).password or "") != new:
            raise too_early(api, f"Secret {CONNECTIONS}", "still holds the old password")
        for name, workload in settings.workloads.items():
            if Dependency.REDIS in workload.depends_on:
                check_deployment(api, namespace, name)
        pods = _pods(api, settings)
        with begun("some Redis pods know the new password alone; the same command goes on from here"):
            for pod in pods:
                _ask(api, pod, new, f"CONFIG SET masterauth {_quoted(new)}")
                _ask(api, pod, new, f"ACL SETUSER default resetpass {_quoted(f'>{new}')}")
    note_change("redis", "Redis takes the new password alone")
    return len(pods)


def _value(api: KubernetesApi, secret: Object, location: str, key: str) -> str:
    value = text_of(secret, key)
    if not value:
        raise InputError(
            file=api.origin, key=f"{location}/{key}", consequence="is empty or not there", fix="put it back"
        )
    remember(value)
    return value


def _pods(api: KubernetesApi, settings: Settings) -> list[Object]:
    """Return the Redis pods: one that is not ready would keep the old password alone, or come back with it."""
    labels = ",".join(f"{key}={value}" for key, value in EXTERNAL_WORKLOADS["redis"].labels.items())
    pods = list(api.list_objects("v1", "Pod", settings.network.namespace, labels=labels))
    away = [pod["metadata"]["name"] for pod in pods if not pod_ready(pod)]
    if away or not pods:
        raise InputError(
            file=api.origin,
            key=f"pods with {labels}",
            value=", ".join(away) or "none",
            consequence="are not ready: they would not take the new password; nothing was changed",
            fix="wait until every Redis pod is ready",
        )
    return pods


def _ask(api: KubernetesApi, pod: Object, password: str, command: str) -> None:
    """Log in to Redis inside its pod and run one command.

    Raises:
        InputError: It answered anything but OK.
    """
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    lines = f"AUTH {_quoted(password)}\n{command}\nQUIT\n"
    container = pod["spec"]["containers"][0]["name"]
    _, said = api.run_in_pod(namespace, name, container, CLIENT, stdin=lines)
    answers = said.split()
    if answers[:1] != ["OK"] or answers[1:2] not in (["OK"], ["PONG"]):
        raise InputError(
            file=f"pod {namespace}/{name}",
            key=command.split(maxsplit=1)[0],
            value=repr(masked(" ".join(answers))),
            consequence="Redis refused: the password of the Secret is not its own, or its user may not do this",
            fix="compare the Secret with what Redis was started with; see the check of Redis in `gx verify`",
        )


def _quoted(text: str) -> str:
    """Return a text as redis-cli reads it, whatever stands in it."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'
