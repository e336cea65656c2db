"""A team that only needs the name of a public host: it imports one component and knows nothing of the rest."""

import pulumi

from components.dns_records import DnsRecords

records = DnsRecords(
    "dns",
    {
        "zone_id": pulumi.Config().require("zoneId"),
        "network": "reports",
        "records": [{"host": "reports.gxcoin.money", "address": "198.51.100.7"}],
    },
)
pulumi.export("hosts", records.hosts)
