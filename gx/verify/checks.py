"""Every check of a network, from outside and from inside."""

from collections.abc import Iterator

from gx.verify.edge import edge_checks
from gx.verify.endpoints import endpoint_checks
from gx.verify.flow import GROUP, UserFlow, flow_checks
from gx.verify.inside import Inside, inside_checks
from gx.verify.model import Check, SkippedError
from gx.verify.names import name_checks
from gx.verify.outside import Outside
from gx.verify.wallet import wallet_checks


def all_checks(outside: Outside, inside: Inside | None, flow: UserFlow | None) -> list[Check]:
    """Return the checks of a network.

    Args:
        outside: Where its public names lead.
        inside: Its cluster; None where none was named.
        flow: The two test users; None where their password is not known.
    """
    return [*_checks(outside, inside, flow)]


def _checks(outside: Outside, inside: Inside | None, flow: UserFlow | None) -> Iterator[Check]:
    yield from name_checks(outside)
    yield from endpoint_checks(outside)
    yield from wallet_checks(outside)
    yield from edge_checks(outside)
    if inside is None:
        yield Check(name="from inside", group="cluster", run=_no_cluster)
    else:
        yield from inside_checks(inside)
    if outside.settings.network.production:
        return  # real users' data: no test user writes there
    if flow is None:
        yield Check(name=GROUP, group=GROUP, run=_no_password)
    else:
        yield from flow_checks(flow)


async def _no_cluster() -> str:
    raise SkippedError("--context names no cluster: Redis, MinIO, backups, Secrets and rules were not looked at")


async def _no_password() -> str:
    raise SkippedError("the test users' password is not known: name a cluster with --context, or set it")
