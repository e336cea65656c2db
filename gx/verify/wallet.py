"""The wallet: its pages, its own host in NextAuth, and the public URLs that were baked into its scripts."""

import asyncio
import re
from collections.abc import Iterator
from functools import partial
from urllib.parse import urljoin, urlsplit

from common.objects import mapping
from gx.verify.endpoints import OK, answers
from gx.verify.model import Check, CheckFailedError
from gx.verify.outside import Outside
from gx.verify.web import Answer

REDIRECTS = (302, 303, 307, 308)
HOST = re.compile(r"(?:https?|wss?)://([a-z0-9.-]+)(?::\d+)?", re.IGNORECASE)
SCRIPT = re.compile(r'<script[^>]+src="([^"]+)"', re.IGNORECASE)
MOST_SCRIPTS = 60


def wallet_checks(outside: Outside) -> Iterator[Check]:
    """Yield the checks of the wallet's pages."""
    url = outside.settings.network.wallet_url
    for path in ("/", "/login"):
        yield Check(name=f"wallet {path}", group="wallet", run=partial(answers, outside, url + path, OK))
    yield Check(name="wallet /messages leads to the login", group="wallet", run=partial(_to_login, outside))
    yield Check(name="wallet's own host in NextAuth", group="wallet", run=partial(_next_auth, outside))
    yield Check(name="URLs in the wallet's scripts", group="wallet", run=partial(_baked, outside))


async def _to_login(outside: Outside) -> str:
    network = outside.settings.network
    answer = (await outside.web.get(f"{network.wallet_url}/messages")).expect(*REDIRECTS)
    target = urljoin(answer.url, answer.headers.get("location", ""))
    parts = urlsplit(target)
    if parts.hostname != network.wallet_host or "/login" not in parts.path:
        raise CheckFailedError(f"{answer.url} leads to {target[:120]} instead of the wallet's login page")
    return f"{answer.status} to {parts.path}"


async def _next_auth(outside: Outside) -> str:
    network = outside.settings.network
    answer = (await outside.web.get(f"{network.wallet_url}/api/auth/providers")).expect(OK)
    providers = mapping(answer.json())
    if not providers:
        raise CheckFailedError(f"{answer.url} names no provider: nobody can log in")
    for provider in providers.values():
        for field in ("signinUrl", "callbackUrl"):
            host = urlsplit(str(mapping(provider).get(field, ""))).hostname
            if host != network.wallet_host:
                text = f"{field} leads to {host}, so nobody can log in at {network.wallet_host}"
                raise CheckFailedError(f"NEXTAUTH_URL is wrong: {text}")
    return network.wallet_host


async def _baked(outside: Outside) -> str:
    """Public URLs are baked into the image (production.md#wallet): another network's image looks the same."""
    network = outside.settings.network
    page = (await outside.web.get(f"{network.wallet_url}/login")).expect(OK)
    sources = [urljoin(page.url, source) for source in SCRIPT.findall(page.text)][:MOST_SCRIPTS]
    own = [source for source in sources if urlsplit(source).hostname == network.wallet_host]
    if not own:
        raise CheckFailedError(f"{page.url} loads no script of its own: it is no page of the wallet")
    scripts: list[Answer] = await asyncio.gather(*(outside.web.get(source) for source in own))
    named = {host.lower() for script in scripts for host in HOST.findall(script.expect(OK).text)}
    wrong = sorted(host for host in named if _belongs_elsewhere(host, network.zone, outside.hosts))
    if wrong:
        raise CheckFailedError(f"the scripts call {', '.join(wrong)}: the image was built for another network")
    if network.api_host not in named:
        raise CheckFailedError(f"no script names {network.api_host}: the image was built without NEXT_PUBLIC_API_URL")
    return f"{network.api_host} in {len(scripts)} scripts"


def _belongs_elsewhere(host: str, zone: str, own: list[str]) -> bool:
    """A host of the zone that is not this network's, or one that a browser cannot reach."""
    marketing = {zone, f"www.{zone}"}
    inside = host == "localhost" or host.endswith(".cluster.local") or re.fullmatch(r"svc-[a-z-]+", host) is not None
    return inside or (host.endswith(f".{zone}") and host not in own and host not in marketing)
