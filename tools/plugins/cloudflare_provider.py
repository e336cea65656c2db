"""Emulator of the provider `cloudflare`: DNS records of a zone API on this machine, for tests and `gx local` only."""

import os
import time
from importlib import metadata
from typing import Any
from urllib.parse import urlsplit

import httpx

from tools.plugins.protocol import Changes, Found, Plugin, ProviderRefusalError, Target, Values, serve

RECORD = "cloudflare:index/dnsRecord:DnsRecord"
REPLACING = ("zoneId", "type")
FIELDS = ("name", "type", "content", "ttl", "proxied", "comment")
ATTEMPTS = 5
NOT_FOUND = 81044
TOO_MANY = 429


class ZoneError(Exception):
    """The API's refusal: its own code and text."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(f"{message} ({code})")


class CloudflarePlugin(Plugin):
    """DnsRecord, against the API that `baseUrl` or CLOUDFLARE_BASE_URL names; only one of this machine is accepted."""

    VERSION = metadata.version("pulumi-cloudflare")

    def __init__(self) -> None:
        self._client = httpx.Client()

    def configure(self, config: Values) -> None:
        """Take the address and the token."""
        address = str(config.get("baseUrl") or os.environ.get("CLOUDFLARE_BASE_URL") or "")
        if urlsplit(address).hostname != "127.0.0.1":
            raise ProviderRefusalError(
                "the emulator of the provider cloudflare speaks only to a zone API on this machine"
            )
        token = str(config.get("apiToken") or os.environ.get("CLOUDFLARE_API_TOKEN") or "")
        self._client.close()
        self._client = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"} if token else {})

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def check(self, target: Target) -> Values:
        """Refuse other resources than records."""
        if target.token != RECORD:
            raise ProviderRefusalError(f"the emulator of the provider cloudflare knows no {target.token}")
        return target.inputs

    def diff(self, target: Target) -> Changes:
        """Compare by input."""
        keys = target.old_inputs.keys() | target.inputs.keys()
        changed = {key: "update" for key in keys if target.old_inputs.get(key) != target.inputs.get(key)}
        return Changes(fields=changed, replaces=tuple(key for key in changed if key in REPLACING))

    def create(self, target: Target) -> tuple[str, Values]:
        """Create a record."""
        if target.preview:
            return "", target.inputs
        record = self._ask("POST", _path(target.inputs["zoneId"]), _body(target.inputs))
        return str(record["id"]), {**target.inputs, "id": record["id"]}

    def read(self, target: Target) -> Found | None:
        """Read a record; an import's id is "zone id/record id"."""
        zone, _, identifier = target.identifier.rpartition("/")
        zone = zone or str(target.old_state.get("zoneId"))
        try:
            record = self._ask("GET", _path(zone, identifier))
        except ZoneError as error:
            if error.code == NOT_FOUND:
                return None
            raise ProviderRefusalError(str(error)) from None
        inputs = {"zoneId": zone, **{key: record[key] for key in FIELDS if record.get(key) is not None}}
        return Found(identifier=identifier, properties={**inputs, "id": identifier}, inputs=inputs)

    def update(self, target: Target) -> Values:
        """Replace a record's content."""
        if not target.preview:
            self._ask("PUT", _path(target.inputs["zoneId"], target.identifier), _body(target.inputs))
        return {**target.inputs, "id": target.identifier}

    def delete(self, target: Target) -> None:
        """Delete a record."""
        try:
            self._ask("DELETE", _path(target.old_state["zoneId"], target.identifier))
        except ZoneError as error:
            if error.code != NOT_FOUND:
                raise ProviderRefusalError(str(error)) from None

    def _ask(self, method: str, path: str, body: Values | None = None) -> Values:
        """Send one request; wait as told where the API asks for patience."""
        response = self._send(method, path, body)
        attempts = 1
        while response.status_code == TOO_MANY and attempts < ATTEMPTS:
            time.sleep(float(response.headers.get("Retry-After", 1)))
            response = self._send(method, path, body)
            attempts += 1
        answer: dict[str, Any] = response.json()
        if not answer["success"]:
            first = answer["errors"][0]
            error = ZoneError(int(first["code"]), str(first["message"]))
            if method in {"POST", "PUT"}:
                raise ProviderRefusalError(f"{(body or {}).get('name')}: {error}")
            raise error
        return answer["result"]

    def _send(self, method: str, path: str, body: Values | None) -> httpx.Response:
        try:
            return self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise ProviderRefusalError(f"the zone API cannot be reached: {error}") from None


def _path(zone: str, record: str = "") -> str:
    return f"/zones/{zone}/dns_records" + (f"/{record}" if record else "")


def _body(inputs: Values) -> Values:
    return {key: inputs[key] for key in FIELDS if key in inputs}


if __name__ == "__main__":
    serve(CloudflarePlugin())
