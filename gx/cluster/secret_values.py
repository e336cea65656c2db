"""Secrets of a network that a command needs to read."""

import base64

from common.errors import InputError
from common.objects import Object, mapping
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.refusals import explained


def read_secret(api: KubernetesApi, namespace: str, name: str) -> Object:
    """Return a Secret as it lives.

    Raises:
        InputError: It cannot be read, or is not there.
    """
    location = f"Secret {namespace}/{name}"
    with explained(api, key=location, fix="give the right to read it"):
        live = api.get("v1", "Secret", namespace, name)
    if live is None:
        raise InputError(file=api.origin, key=location, consequence="is not there", fix="bring the network up first")
    return live


def text_of(secret: Object, key: str) -> str:
    """Return the text that a Secret holds under a key; empty where there is none, or no base64."""
    return decoded(str(mapping(secret, "data").get(key) or ""))


def decoded(text: str) -> str:
    """Return what base64 stands for; empty where it is none."""
    try:
        return base64.b64decode(text).decode(errors="replace")
    except ValueError:
        return ""
