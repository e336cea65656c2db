"""How a network is looked at from outside."""

from dataclasses import dataclass

from gx.settings.settings import Settings
from gx.verify.web import Web


@dataclass(frozen=True, kw_only=True)
class Outside:
    """How a network is looked at from outside.

    Attributes:
        settings: The network.
        web: The client.
        dns_server: Address and port of the DNS server that is asked; None for the system's.
        proxied: Whether names lead to Cloudflare; on a local network they do not.
    """

    settings: Settings
    web: Web
    dns_server: tuple[str, int] | None = None
    proxied: bool = True

    @property
    def hosts(self) -> list[str]:
        """The public hosts, each once."""
        network = self.settings.network
        return list(dict.fromkeys((network.wallet_host, network.api_host)))
