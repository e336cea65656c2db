"""Each node that stands in DNS, asked at its own address with the name that users ask for."""

import asyncio
import ssl
from collections.abc import Iterator
from functools import partial

from cryptography import x509

from gx.verify.endpoints import OK
from gx.verify.model import Cause, Check, CheckFailedError, SkippedError
from gx.verify.names import judge_certificate
from gx.verify.outside import Outside
from gx.verify.web import REQUEST_SECONDS
from settings.model import StackFile
from settings.traffic import Node

HTTPS = 443


def edge_checks(outside: Outside) -> Iterator[Check]:
    """Yield the checks of every active node."""
    for node in active_nodes(outside.settings.stack):
        yield Check(name=f"node {node.id}", group="edge", run=partial(_answers, outside, node))


def active_nodes(stack: StackFile) -> list[Node]:
    """Return the nodes that are not drained."""
    active = stack.edge.active_nodes
    return [node for node in stack.nodes if active is None or node.id in active]


async def _answers(outside: Outside, node: Node) -> str:
    settings, address = outside.settings, str(node.address)
    strict = settings.stack.cloudflare.ssl_mode == "strict"
    context = outside.web.context if strict else _any_authority()
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            certificate, status = await _ask(outside.web.location(address, HTTPS), settings.network.api_host, context)
    except ssl.SSLCertVerificationError as error:
        raise CheckFailedError(f"{address}: its certificate is refused: {error.verify_message}") from None
    except (ConnectionResetError, ssl.SSLEOFError, BrokenPipeError):
        if settings.stack.edge.enabled:
            raise SkippedError("closed to this machine, as it should be; edge.allowFrom lets one look behind") from None
        raise CheckFailedError(f"{address} takes connections and ends them at once") from None
    except (OSError, TimeoutError) as error:
        reason = getattr(error, "strerror", None) or "no answer"
        text = f"{address} does not answer on {HTTPS} ({reason}): take it out of DNS"
        raise CheckFailedError(text, Cause.SILENT) from None
    left = judge_certificate(settings, certificate, settings.network.api_host)
    if status != OK:
        raise CheckFailedError(f"{address} answers GET /health with {status} instead of {OK}")
    return f"{address}, {left}"


async def _ask(address: tuple[str, int], host: str, context: ssl.SSLContext) -> tuple[x509.Certificate, int]:
    """Return the certificate that a node shows for a host, and its status for the host's /health."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        await writer.start_tls(context, server_hostname=host)
        shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.write(f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        words = (await reader.readline()).split()
    finally:
        writer.close()
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    return x509.load_der_x509_certificate(shown), status


def _any_authority() -> ssl.SSLContext:
    """Cloudflare in mode `full` takes any authority's certificate from a node; name and days count all the same."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
