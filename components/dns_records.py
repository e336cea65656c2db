"""DnsRecords: the A records of the public hosts."""

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from components.base import GxArgs, GxComponent
from components.cloudflare import CloudflareProvider, DnsRecord
from gx.dns import owner_comment, wanted_records


@dataclass(frozen=True, kw_only=True)
class DnsRecordsArgs(GxArgs):
    """What every component needs is all that it takes."""


class DnsRecords(GxComponent):
    """One proxied A record per host and node, in the zone of the platform.

    Token: gx:traffic:DnsRecords. Addresses come from the network's own nodes, so a production host cannot point at
    another network's node. Records are not protected: that would block the drain of a node.
    """

    TOKEN: ClassVar[str] = "gx:traffic:DnsRecords"

    def __init__(self, name: str, args: DnsRecordsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        site = args.site
        provider = CloudflareProvider(
            "cloudflare",
            site.settings.secrets.get("cloudflareApiToken"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        zone = site.settings.stack.cloudflare.zone_id
        for host, address in wanted_records(site.settings):
            DnsRecord(
                f"{host}-{address}",
                zone_id=site.namespace.apply(lambda _: zone),  # waits for the check of the cluster as well
                host=host,
                address=address,
                comment=owner_comment(site.settings.network.name),
                opts=pulumi.ResourceOptions(
                    parent=self,
                    provider=provider,
                    import_=site.settings.imports.get(f"DnsRecord/{host}-{address}"),
                ),
            )
        self.register_outputs({"hosts": sorted({host for host, _ in wanted_records(site.settings)})})
