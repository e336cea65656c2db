"""Names: where DNS leads, and what certificates say."""

import asyncio
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address, ip_network

import dns.asyncresolver
import dns.exception
import dns.resolver
from cryptography import x509

from common.cloudflare_ranges import CLOUDFLARE_RANGES
from common.dns import TRAFFIC_TYPES
from common.errors import InputError
from gx.verify.model import Cause, Check, CheckFailedError, Way
from gx.verify.outside import Outside
from gx.verify.web import REQUEST_SECONDS
from settings.dns import wanted_records
from settings.monitoring.rules import threshold
from settings.settings import Settings


def name_checks(outside: Outside) -> Iterator[Check]:
    """Yield the checks of DNS and of certificates."""
    for host in outside.hosts:
        yield Check(name=f"TLS {host}", group="names", run=partial(_certificate, outside, host))
        if outside.zone is not None:
            yield Check(name=f"records of {host}", group="names", run=partial(_recorded, outside, host), way=Way.DNS)
        yield Check(name=f"DNS {host}", group="names", run=partial(_resolves, outside, host), way=Way.DNS)


async def _recorded(outside: Outside, host: str) -> str:
    """Behind Cloudflare DNS shows Cloudflare's addresses alone: only the zone tells where each record leads."""
    assert outside.zone is not None
    try:
        found = await asyncio.to_thread(outside.zone, host)
    except InputError as error:
        raise CheckFailedError(str(error), Cause.HERE) from None  # the zone's API, or the token for it
    addresses = {record.content for record in found if record.type == "A"}
    wanted = {address for name, address in wanted_records(outside.settings) if name == host}
    wrong = [f"{address} is missing" for address in sorted(wanted - addresses)]
    wrong += [f"{address} is no node that should serve" for address in sorted(addresses - wanted)]
    wrong += [f"{record.content} is not proxied" for record in found if record.type == "A" and not record.proxied]
    wrong += [f"there is a {record.type} record beside" for record in found if record.type in TRAFFIC_TYPES - {"A"}]
    if wrong:
        raise CheckFailedError(f"{host}: {'; '.join(wrong)}")
    return ", ".join(sorted(addresses))


async def _resolves(outside: Outside, host: str) -> str:
    resolver = dns.asyncresolver.Resolver(configure=outside.dns_server is None)
    if outside.dns_server is not None:
        resolver.nameservers, resolver.port = [outside.dns_server[0]], outside.dns_server[1]
    resolver.lifetime = REQUEST_SECONDS / 2
    try:
        answer = await resolver.resolve(host, "A")
    except dns.resolver.NXDOMAIN:
        raise CheckFailedError(f"{host} does not exist in DNS") from None
    except dns.resolver.NoAnswer:
        raise CheckFailedError(f"{host} has no address in DNS") from None
    except (dns.exception.DNSException, OSError) as error:
        raise CheckFailedError(f"{host}: DNS does not answer ({str(error)[:120]})", Cause.SILENT) from None
    addresses = sorted(str(record) for record in answer)
    if outside.proxied:
        ranges = [ip_network(text) for text in CLOUDFLARE_RANGES]
        strangers = [a for a in addresses if not any(ip_address(a) in network for network in ranges)]
        if strangers:
            raise CheckFailedError(f"{host} leads to {', '.join(strangers)}, past Cloudflare: every record is proxied")
        return f"{', '.join(addresses)}, Cloudflare's"
    wanted = sorted(address for name, address in wanted_records(outside.settings) if name == host)
    if addresses != wanted:
        raise CheckFailedError(f"{host} leads to {', '.join(addresses)} instead of {', '.join(wanted)}")
    return ", ".join(addresses)


async def _certificate(outside: Outside, host: str) -> str:
    certificate = await served_certificate(outside.web.location(host, 443), host, outside.web.context)
    return judge_certificate(outside.settings, certificate, host)


async def served_certificate(address: tuple[str, int], host: str, context: ssl.SSLContext) -> x509.Certificate:
    """Return the certificate that a server shows for a name.

    Raises:
        FailedError: Nobody answers in TLS, or the certificate is not trusted by the context.
    """
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            _, writer = await asyncio.open_connection(*address, ssl=context, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        raise CheckFailedError(f"{host}: its certificate is refused: {error.verify_message}") from None
    except TimeoutError:
        raise CheckFailedError(f"{host} did not answer in TLS within {REQUEST_SECONDS:g} s", Cause.SILENT) from None
    except OSError as error:
        cause = Cause.SEEN if isinstance(error, ssl.SSLError) else Cause.SILENT
        raise CheckFailedError(f"{host}: no TLS ({error.strerror or error})", cause) from None
    shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(shown)


def judge_certificate(settings: Settings, certificate: x509.Certificate, host: str) -> str:
    """Return how long a certificate lasts.

    Raises:
        FailedError: It is for other names, or ends sooner than the alert CertificateNearExpiry allows.
    """
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    given = names.get_values_for_type(x509.DNSName)
    if not any(host == name or (name.startswith("*.") and host.split(".", 1)[-1] == name[2:]) for name in given):
        raise CheckFailedError(f"{host}: the certificate is for {', '.join(given[:4])}")
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    limit = threshold(settings, "CertificateNearExpiry")
    if left < timedelta(seconds=limit):
        raise CheckFailedError(f"{host}: the certificate ends in {left.days} days; {limit / 86400:g} are needed")
    return f"{left.days} days left"
