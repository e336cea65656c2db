"""No text of a network's settings may name another network (production.md, incidents 1 and 2)."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from common.errors import InputError
from common.naming import Network
from common.objects import mapping, sequence
from settings.model import NetworkEnvironment
from settings.project import PROJECT, read_mapping, stack_file
from settings.rule import Case, Rule, problem_of

_MAY_NAME_OTHERS = ("unconfirmed", "zone", "registry", "environment", "namespaceLabels", "promotion", "nodes")


def _other_networks(case: Case) -> Iterator[InputError]:
    settings = case.settings
    own = settings.network
    ours = {node.address for node in settings.stack.nodes} | {own.wallet_host, own.api_host}
    texts = [
        (path, text, _plain(text))
        for path, text in _texts(settings.stack.model_dump(mode="json", by_alias=True))
        if not path.startswith(_MAY_NAME_OTHERS)
    ]
    for other in case.others:
        theirs = _names_of(other, own.zone, case.root) - ours
        foreign = re.compile(rf"(?<![a-z0-9])({'|'.join(map(re.escape, theirs))})(?![a-z0-9])", re.IGNORECASE)
        for path, text, plain in texts:
            if foreign.search(plain):
                consequence = f"names the network {other}: {own.name} would read or change what belongs to {other}"
                yield problem_of(settings, path, text, consequence, f"name only what belongs to {own.name}")


def _names_of(other: str, zone: str, root: Path) -> set[str]:
    """Return what another network is known by: its name, its public hosts and its nodes' addresses.

    A file that cannot be read says so in its own network's run.
    """
    try:
        found = read_mapping(stack_file(other), root=root, fix="").get("config")
    except InputError:
        found = None
    config = mapping(found)
    production = config.get(f"{PROJECT}:environment") == NetworkEnvironment.PRODUCTION
    zone = str(config.get(f"{PROJECT}:zone", zone))
    network = Network(name=other, production=production, zone=zone, bucket="")
    nodes = sequence(config, f"{PROJECT}:nodes")
    return {other, network.wallet_host, network.api_host} | {
        str(mapping(node)["address"]) for node in nodes if mapping(node).get("address")
    }


def _plain(text: str) -> str:
    """Return a text as the reader of an address takes it: decoded, look-alikes and invisible characters undone."""
    known = unicodedata.normalize("NFKC", unquote(unquote(text)))
    kinds = ((character, unicodedata.category(character)) for character in known)
    return "".join("-" if kind == "Pd" else character for character, kind in kinds if kind != "Cf")


def _texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, entry in cast("Mapping[str, Any]", value).items():
            yield from _texts(entry, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for index, entry in enumerate(cast("list[Any]", value)):
            yield from _texts(entry, f"{path}[{index}]")


def _nodes(case: Case) -> Iterator[InputError]:
    """A node belongs to production or to another network, never to both."""
    settings = case.settings
    own = settings.network
    for other in case.others:
        theirs = _names_of(other, own.zone, case.root)
        both = f"wallet.{own.zone}" in theirs
        for index, node in enumerate(settings.stack.nodes):
            if node.address in theirs and both is not own.production:
                consequence = f"is a node of {other}, and one of the two is production: it would answer for both"
                yield problem_of(settings, f"nodes[{index}].address", node.address, consequence, "name an own node")


TEXT_RULES: tuple[Rule, ...] = (_other_networks,)
NODE_RULES: tuple[Rule, ...] = (_nodes,)
