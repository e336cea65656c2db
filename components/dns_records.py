"""DnsRecords: the A records of public hosts."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi

from common.dns import owner_comment
from components.base import GxComponent
from components.cloudflare import CloudflareProvider, DnsRecord


class RecordArgs(TypedDict):
    """A host and one address that answers for it."""

    host: str
    address: str


class DnsRecordsArgs(TypedDict):
    """Which records, in which zone."""

    zone_id: pulumi.Input[str]
    network: str
    """Whose records they are: it stands in their comments."""
    records: Sequence[RecordArgs]
    api_token: NotRequired[pulumi.Input[str]]
    """Without it the provider reads CLOUDFLARE_API_TOKEN itself."""


class DnsRecords(GxComponent):
    """One proxied A record per host and address, in a zone of Cloudflare.

    Token: gx:traffic:DnsRecords. Records are not protected: that would block the drain of a node.
    """

    TOKEN = "gx:traffic:DnsRecords"
    hosts: pulumi.Output[Sequence[str]]
    """The hosts, each once."""

    def __init__(self, name: str, args: DnsRecordsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        provider = CloudflareProvider("cloudflare", args.get("api_token"), opts=pulumi.ResourceOptions(parent=self))
        for record in args["records"]:
            host, address = record["host"], record["address"]
            DnsRecord(
                f"{host}-{address}",
                zone_id=args["zone_id"],
                host=host,
                address=address,
                comment=owner_comment(args["network"]),
                opts=pulumi.ResourceOptions(parent=self, provider=provider),
            )
        hosts = sorted({record["host"] for record in args["records"]})
        self.hosts = pulumi.Output.from_input(hosts)
        self.register_outputs({"hosts": hosts})
