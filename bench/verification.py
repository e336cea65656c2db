"""How long `gx verify` takes when every answer takes 200 ms, against the longest chain of requests that wait."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from gx.verify.checks import all_checks
from gx.verify.flow import UserFlow
from gx.verify.model import CheckResult, Outcome
from gx.verify.outside import Outside
from gx.verify.runner import run_checks
from gx.verify.web import Web
from settings.offline import offline_settings
from tests.helpers.network import free_port
from tests.traffic.edge import cluster_dns
from tests.verify.authority import Authority
from tests.verify.conftest import Verifier
from tests.verify.fake_network import PASSWORD, serving

DELAY = 0.2
CHAIN = ("log-in", "conversation", "its alias", "file sent", "file opened", "request back", "paid back")
"""What waits for each other: the last two take back what was paid, once every step has ended."""
ROUNDS = 5


def verification() -> None:
    """Print seconds and ratio."""
    settings = offline_settings("devnet")
    with tempfile.TemporaryDirectory(prefix="gx-bench-") as name:
        folder, port = Path(name), free_port()
        authority = Authority.create(folder / "ca.crt")
        address = str(settings.stack.nodes[0].address)
        with (
            serving(settings, authority, folder) as fake,
            cluster_dns(address, ("127.0.0.1", port)) as names,
        ):
            fake.delay = DELAY
            verifier = Verifier(fake, authority.file, names, port)

            async def once() -> list[CheckResult]:
                async with Web(connect_to=verifier.routes, ca_file=str(authority.file)) as web:
                    outside = Outside(settings=settings, web=web, dns_server=("127.0.0.1", port), proxied=False)
                    flow = UserFlow(outside=outside, password=PASSWORD, remove=lambda _: None)
                    return await run_checks(all_checks(outside, None, flow), 60)

            seconds: list[float] = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                results = asyncio.run(once())
                seconds.append(time.perf_counter() - began)
                assert not [result for result in results if result.outcome is Outcome.FAILED]
    chain = len(CHAIN) * DELAY
    median = statistics.median(seconds)
    print(f"\ngx verify devnet, {DELAY * 1000:g} ms an answer: {median:.2f} s, {median / chain:.2f}x the {chain:.1f} s")
    print(f"of its longest chain: {', '.join(CHAIN)}")
