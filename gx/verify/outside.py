"""How a network is looked at from outside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gx.verify.web import Web
from settings.settings import Settings


class ZoneRecord(Protocol):
    """A record of the zone, as far as it is looked at."""

    @property
    def type(self) -> str:
        """A, AAAA, CNAME and so on."""
        ...

    @property
    def content(self) -> str:
        """Where it leads."""
        ...

    @property
    def proxied(self) -> bool:
        """Whether Cloudflare stands in front."""
        ...


@dataclass(frozen=True, kw_only=True)
class Outside:
    """How a network is looked at from outside.

    Attributes:
        settings: The network.
        web: The client.
        dns_server: Address and port of the DNS server that is asked; None for the system's.
        proxied: Whether names lead to Cloudflare; on a local network they do not.
        zone: Returns what the zone itself holds of a host; None where it cannot be read.
    """

    settings: Settings
    web: Web
    dns_server: tuple[str, int] | None = None
    proxied: bool = True
    zone: Callable[[str], Sequence[ZoneRecord]] | None = None

    @property
    def hosts(self) -> list[str]:
        """The public hosts, each once."""
        network = self.settings.network
        return list(dict.fromkeys((network.wallet_host, network.api_host)))
