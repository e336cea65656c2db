"""The zone as it is, compared with what a network wants: what `pulumi up` would do to DNS, and the brakes on it."""

from collections.abc import Iterator
from dataclasses import dataclass

from common.dns import TRAFFIC_TYPES, owner_comment
from gx.cluster.zone import Record, Zone
from settings.dns import wanted_records
from settings.settings import Settings
from settings.traffic_rules import LARGEST_REMOVAL_PERCENT


@dataclass(frozen=True)
class ZoneComparison:
    """What differs.

    Attributes:
        create: (host, address) of records that are missing.
        keep: Records that are there and wanted.
        remove: Records of this network's own that are no longer wanted.
        stale: Records of its hosts that nobody here manages and that lead users somewhere.
        brakes: Why the removal must not happen, one line each.
    """

    create: tuple[tuple[str, str], ...]
    keep: tuple[Record, ...]
    remove: tuple[Record, ...]
    stale: tuple[Record, ...]
    brakes: tuple[str, ...]


def compare(settings: Settings, zone: Zone) -> ZoneComparison:
    """Return how the zone differs from what a network wants. Nothing is changed.

    Raises:
        InputError: The zone cannot be read.
    """
    wanted = wanted_records(settings)
    hosts = {settings.network.wallet_host, settings.network.api_host}
    everything = zone.records()
    ours = [record for record in everything if record.name in hosts and record.type in TRAFFIC_TYPES]
    keep = [record for record in ours if record.type == "A" and (record.name, record.content) in wanted]
    rest = [record for record in ours if record not in keep]
    mine = owner_comment(settings.network.name)
    remove = [record for record in rest if record.comment == mine]
    there = {(record.name, record.content) for record in keep}
    return ZoneComparison(
        create=tuple(pair for pair in wanted if pair not in there),
        keep=tuple(keep),
        remove=tuple(remove),
        stale=tuple(record for record in rest if record not in remove),
        brakes=tuple(_brakes(settings, len(everything), len(remove))),
    )


def _brakes(settings: Settings, everything: int, remove: int) -> Iterator[str]:
    """As octoDNS has them: never more than a share of a zone at once. The settings keep every name's last address."""
    share = remove * 100 > everything * LARGEST_REMOVAL_PERCENT
    if remove > 1 and share and not settings.stack.dns.accepted_removal:
        yield (
            f"{remove} of {everything} records of the zone would go at once, more than {LARGEST_REMOVAL_PERCENT} %; "
            "fix: go step by step, or say why under gx-infra:dns.acceptedRemoval"
        )
