"""Connections: the URLs by which backend pods reach Redis and the database of their own network."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s

from components.base import SECRET_OUTPUTS, GxArgs, GxComponent
from gx.labels import PartOf
from gx.naming import BACKEND_SECRETS, CONNECTIONS
from gx.urls import database_url, redis_url

POD_KEYS = ("DATABASE_USER", "DATABASE_PASSWORD", "JWT_SECRET")
"""Keys of `backend-secrets` that pods read themselves."""


@dataclass(frozen=True, kw_only=True)
class ConnectionsArgs(GxArgs):
    """What every component needs is all that it takes."""


class Connections(GxComponent):
    """Secret `gx-connections` with REDIS_URL and DATABASE_URL.

    Token: gx:platform:Connections. Reads the passwords from the network's own namespace and changes neither Secret:
    a password that is rotated there reaches the pods with the next `up`. `contents` holds what pods read from both
    Secrets, by "name/key".
    """

    TOKEN: ClassVar[str] = "gx:platform:Connections"

    def __init__(self, name: str, args: ConnectionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        site = args.site
        network, redis = site.settings.network, site.settings.stack.redis
        redis_data = self._read(redis.secret)
        backend_data = self._read(BACKEND_SECRETS)
        urls: Mapping[str, pulumi.Output[str]] = {
            "REDIS_URL": redis_data.apply(lambda data: redis_url(network, self._key(redis.secret, data, redis.key))),
            "DATABASE_URL": backend_data.apply(
                lambda data: database_url(
                    network,
                    self._key(BACKEND_SECRETS, data, "DATABASE_USER"),
                    self._key(BACKEND_SECRETS, data, "DATABASE_PASSWORD"),
                )
            ),
        }
        self.secret = k8s.core.v1.Secret(
            CONNECTIONS,
            metadata=site.metadata(CONNECTIONS, PartOf.PLATFORM),
            string_data=dict(urls),
            opts=self.child("Secret", CONNECTIONS),
        )
        foreign = {key: backend_data.apply(lambda data, key=key: data.get(key, "")) for key in POD_KEYS}
        self.contents: Mapping[str, pulumi.Output[str]] = {
            **{f"{CONNECTIONS}/{key}": value for key, value in urls.items()},
            **{f"{BACKEND_SECRETS}/{key}": value for key, value in foreign.items()},
        }
        self.register_outputs({"secret": CONNECTIONS})

    def _read(self, secret: str) -> pulumi.Output[Mapping[str, str]]:
        """Read a Secret of the network's own namespace; its data stays a secret from the first moment."""
        existing = k8s.core.v1.Secret.get(
            f"read-{secret}",
            pulumi.Output.concat(self.site.namespace, "/", secret),
            opts=pulumi.ResourceOptions(parent=self, additional_secret_outputs=SECRET_OUTPUTS["Secret"]),
        )
        return pulumi.Output.secret(existing.data.apply(lambda data: data or {}))

    def _key(self, secret: str, data: Mapping[str, str], key: str) -> str:
        decode: Callable[[str], bytes] = base64.b64decode
        place = f"Secret {self.site.settings.network.namespace}/{secret}"
        if not data.get(key):
            raise pulumi.RunError(f"{place} has no key {key}: pods could not connect; fix: add the key to that Secret")
        try:
            return decode(data[key]).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise pulumi.RunError(f"{place}: key {key} is no text; fix: store the password as text") from None
