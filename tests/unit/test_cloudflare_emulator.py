"""The emulator of the provider cloudflare, against the fake zone."""

from collections.abc import Iterator
from typing import Any

import pytest

from tools.plugins.cloudflare_provider import RECORD, CloudflarePlugin
from tools.plugins.protocol import ProviderRefusalError, Target
from tools.plugins.zone_api import ZONE_ID, Server

INPUTS: dict[str, Any] = {
    "zoneId": ZONE_ID,
    "name": "a.gxcoin.money",
    "type": "A",
    "content": "72.60.210.1",
    "ttl": 1,
    "proxied": True,
}


@pytest.fixture
def plugin(server: Server) -> Iterator[CloudflarePlugin]:
    """Return the plugin, configured."""
    plugin = CloudflarePlugin()
    plugin.configure({"baseUrl": server.url, "apiToken": "token"})
    yield plugin
    plugin.close()


def target(**values: Any) -> Target:
    return Target(token=RECORD, name="record", **values)


def test_it_waits_when_the_zone_asks_for_patience(server: Server, plugin: CloudflarePlugin) -> None:
    server.zone.throttle = 2
    identifier, properties = plugin.create(target(inputs=INPUTS))
    assert properties["id"] == identifier
    assert len(server.zone.records) == 1


def test_an_import_reads_by_zone_and_record(server: Server, plugin: CloudflarePlugin) -> None:
    identifier, _ = plugin.create(target(inputs=INPUTS))
    found = plugin.read(target(identifier=f"{ZONE_ID}/{identifier}"))
    assert found is not None
    assert found.identifier == identifier
    assert found.inputs == INPUTS
    assert len(server.zone.records) == 1


def test_a_record_that_is_gone_reads_as_absent_and_deletes_quietly(plugin: CloudflarePlugin) -> None:
    assert plugin.read(target(identifier=f"{ZONE_ID}/none")) is None
    plugin.delete(target(identifier="none", old_state={"zoneId": ZONE_ID}))


def test_an_identical_record_is_refused_with_the_zones_code(plugin: CloudflarePlugin) -> None:
    plugin.create(target(inputs=INPUTS))
    with pytest.raises(ProviderRefusalError, match=r"An identical record already exists. \(81058\)"):
        plugin.create(target(inputs=INPUTS))


@pytest.mark.parametrize("address", ["", "https://api.cloudflare.com/client/v4", "http://127.0.0.2/client/v4"])
def test_only_a_zone_of_this_machine_is_spoken_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOUDFLARE_BASE_URL", raising=False)
    plugin = CloudflarePlugin()
    with pytest.raises(ProviderRefusalError, match="only to a zone API on this machine"):
        plugin.configure({"baseUrl": address})
    plugin.close()
