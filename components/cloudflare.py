"""The one Cloudflare resource that the program registers, without importing the provider's Python package.

`import pulumi_cloudflare` loads every resource of the provider: several times the cost of the whole program (see
docs/adr/0003). Token, property names and version are compared with that package in a test.
"""

import importlib.metadata

import pulumi

from common.dns import AUTOMATIC_TTL

PACKAGE = "pulumi-cloudflare"


def plugin_version() -> str:
    """Return the version of the provider plugin: that of the package in the lock file."""
    return importlib.metadata.version(PACKAGE)


class CloudflareProvider(pulumi.ProviderResource):
    """The explicit Cloudflare provider; without a token in the settings it reads CLOUDFLARE_API_TOKEN itself."""

    def __init__(
        self, name: str, api_token: pulumi.Input[str] | None, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props: dict[str, pulumi.Input[object]] = {"apiToken": api_token} if api_token is not None else {}
        version = pulumi.ResourceOptions(version=plugin_version(), additional_secret_outputs=["apiToken"])
        super().__init__("cloudflare", name, props, pulumi.ResourceOptions.merge(opts, version))


class DnsRecord(pulumi.CustomResource):
    """A proxied A record (cloudflare.DnsRecord of the provider's version 6)."""

    TOKEN = "cloudflare:index/dnsRecord:DnsRecord"

    def __init__(
        self,
        name: str,
        *,
        zone_id: pulumi.Input[str | None],
        host: str,
        address: str,
        comment: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props: dict[str, pulumi.Input[object]] = {
            "zoneId": zone_id,
            "name": host,
            "type": "A",
            "content": address,
            "ttl": AUTOMATIC_TTL,
            "proxied": True,
            "comment": comment,
        }
        version = pulumi.ResourceOptions(version=plugin_version())
        super().__init__(self.TOKEN, name, props, pulumi.ResourceOptions.merge(opts, version))
