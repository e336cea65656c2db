"""Connections: the URLs by which backend pods reach Redis and the database of their own network."""

import base64
import binascii
from collections.abc import Mapping
from typing import TypedDict

import pulumi
import pulumi_kubernetes as k8s

from common.labels import PartOf
from common.naming import BACKEND_SECRETS, CONNECTIONS
from components.arguments import SecretValueArgs
from components.base import GxComponent, metadata
from components.conventions import SECRET_OUTPUTS
from components.urls import database_url, redis_url

POD_KEYS = ("DATABASE_USER", "DATABASE_PASSWORD", "JWT_SECRET")
"""Keys of `backend-secrets` that pods read themselves."""


class ConnectionsArgs(TypedDict):
    """Where Redis and the database are, and where their passwords lie."""

    namespace: pulumi.Input[str]
    redis_host: str
    redis_secret: str
    """The Secret that holds the password of Redis."""
    redis_key: str
    database_host: str


class Connections(GxComponent):
    """Secret `gx-connections` with REDIS_URL and DATABASE_URL.

    Token: gx:platform:Connections. Reads the passwords from the network's own namespace and changes neither Secret:
    a password that is rotated there reaches the pods with the next `up`.

    Attributes:
        secret: The Secret.
        values: What pods read of both Secrets, by "name/key".
    """

    TOKEN = "gx:platform:Connections"

    def __init__(self, name: str, args: ConnectionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._namespace = pulumi.Output.from_input(args["namespace"])
        redis = self._read(args["redis_secret"])
        backend = self._read(BACKEND_SECRETS)
        password = self._key(args["redis_secret"], redis, args["redis_key"])
        user = self._key(BACKEND_SECRETS, backend, "DATABASE_USER")
        database_password = self._key(BACKEND_SECRETS, backend, "DATABASE_PASSWORD")
        urls = {
            "REDIS_URL": password.apply(lambda text: redis_url(args["redis_host"], text)),
            "DATABASE_URL": pulumi.Output.all(user, database_password).apply(
                lambda pair: database_url(args["database_host"], str(pair[0]), str(pair[1]))
            ),
        }
        self.secret = k8s.core.v1.Secret(
            CONNECTIONS,
            metadata=metadata(CONNECTIONS, PartOf.PLATFORM, namespace=self._namespace),
            string_data=dict(urls),
            opts=self.child(),
        )
        own = {key: backend.apply(lambda data, key=key: data.get(key, "")) for key in POD_KEYS}
        self.values: Mapping[str, SecretValueArgs] = {
            f"{secret}/{key}": {"secret": secret, "key": key, "content": content}
            for secret, held in ((CONNECTIONS, urls), (BACKEND_SECRETS, own))
            for key, content in held.items()
        }
        self.register_outputs({"secret": CONNECTIONS})

    def _read(self, secret: str) -> pulumi.Output[Mapping[str, str]]:
        """Read a Secret of the network's own namespace; its data stays a secret from the first moment."""
        existing = k8s.core.v1.Secret.get(
            f"read-{secret}",
            pulumi.Output.concat(self._namespace, "/", secret),
            opts=pulumi.ResourceOptions(parent=self, additional_secret_outputs=SECRET_OUTPUTS["Secret"]),
        )
        return pulumi.Output.secret(existing.data.apply(lambda data: data or {}))

    def _key(self, secret: str, held: pulumi.Output[Mapping[str, str]], key: str) -> pulumi.Output[str]:
        return pulumi.Output.all(self._namespace, held).apply(
            lambda both: _decoded(f"{both[0]}/{secret}", both[1], key)
        )


def _decoded(secret: str, data: Mapping[str, str], key: str) -> str:
    if not data.get(key):
        raise pulumi.RunError(
            f"Secret {secret} has no key {key}: pods could not connect; fix: add the key to that Secret"
        )
    try:
        return base64.b64decode(data[key]).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise pulumi.RunError(f"Secret {secret}: key {key} is no text; fix: store the password as text") from None
