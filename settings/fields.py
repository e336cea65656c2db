"""Types of single settings, each with the line that says what is wrong with a value, and the base of every model."""

import ipaddress
import re
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from common.quantities import parse_quantity
from settings.kubernetes_fields import ZONE
from settings.schedule import check_schedule


def _quantity(value: object) -> object:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str):
        parse_quantity(text)
    return text


PRIVATE = tuple(ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
"""Ranges that nobody reaches from outside: for a network on one machine alone, which a rule sees to."""


def _address(text: str) -> str:
    address = ipaddress.IPv4Address(text)
    if not address.is_global and not any(address in network for network in PRIVATE):
        raise ValueError(f"{text!r} is no public IPv4 address; a DNS record to it would serve nobody")
    return text


_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without its zone means another moment elsewhere")
    return moment.astimezone(UTC)


def _dns_label(text: str) -> str:
    if _DNS_LABEL.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no DNS label (lower-case letters, digits and inner hyphens, at most 63)")
    return text


_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def _bucket(text: str) -> str:
    looks_like_address = re.fullmatch(r"(\d+\.){3}\d+", text) is not None
    if _BUCKET.fullmatch(text) is None or ".." in text or looks_like_address:
        raise ValueError(f"{text!r} is a bucket name that S3 refuses (3 to 63 of a-z, 0-9, '.', '-'; no address)")
    return text


_ENDPOINT = re.compile(r"https://(?P<host>[a-z0-9.-]+)(:(?P<port>[0-9]{1,5}))?/?")
_INSIDE = frozenset(("cluster", "corp", "home", "internal", "lan", "local", "localdomain", "localhost", "svc"))
_LAST_PORT = 65535


def _https(text: str) -> str:
    if not text.lower().startswith("https://"):
        raise ValueError(f"{text!r} has no TLS: keys and users' data would cross the internet in clear text")
    found = _ENDPOINT.fullmatch(text)
    if found is None or not 1 <= int(found["port"] or 443) <= _LAST_PORT:
        raise ValueError(f"{text!r} is more or less than https://host[:port], in small letters")
    host = found["host"]
    try:
        outside = ipaddress.IPv4Address(host).is_global
    except ValueError:
        outside = ZONE.fullmatch(host) is not None and host.rpartition(".")[2] not in _INSIDE
    if not outside:
        raise ValueError(f"{text!r} lies in the cluster, here or nowhere: source and copy would be lost together")
    return text.rstrip("/")


_WIDEST = 8


def _range(text: str) -> str:
    try:
        found = ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no address range ({error})") from error
    private = any(isinstance(found, ipaddress.IPv4Network) and found.subnet_of(network) for network in PRIVATE)
    if not (found.is_global or private) or found.prefixlen < _WIDEST:
        raise ValueError(f"{text!r} is no range of public addresses, or one so wide that it admits everybody")
    return text


Moment = Annotated[datetime, AfterValidator(_utc)]
Quantity = Annotated[str, BeforeValidator(_quantity), Field(examples=["500m", "50Gi"])]
Cron = Annotated[str, AfterValidator(check_schedule), Field(examples=["0 */6 * * *"])]
NodeAddress = Annotated[str, AfterValidator(_address)]


def _not_empty(ranges: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if ranges == ():
        raise ValueError("an empty list admits nobody: leave the key out for Cloudflare's published ranges")
    return ranges


AddressRange = Annotated[str, AfterValidator(_range), Field(examples=["203.0.114.7/32"])]
Ranges = Annotated[tuple[AddressRange, ...] | None, AfterValidator(_not_empty)]
DnsLabel = Annotated[str, AfterValidator(_dns_label)]
BucketName = Annotated[str, AfterValidator(_bucket)]
HttpsUrl = Annotated[str, AfterValidator(_https), Field(examples=["https://s3.example.com"])]
Stamp = Annotated[str, Field(pattern=r"^\d{8}T\d{6}Z$", examples=["20251225T060000Z"])]
VariableName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
Uid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
ZoneId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Model(BaseModel):
    """Base of every model: frozen, unknown keys forbidden, camelCase in files."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class ResourcePair(Model):
    """CPU and memory."""

    cpu: Quantity
    memory: Quantity


class Resources(Model):
    """What a container requests and what it may use at most."""

    requests: ResourcePair
    limits: ResourcePair

    @model_validator(mode="after")
    def _limits_cover_requests(self) -> Self:
        for name in ("cpu", "memory"):
            if parse_quantity(getattr(self.requests, name)) > parse_quantity(getattr(self.limits, name)):
                raise ValueError(f"the {name} request is above its limit; Kubernetes refuses such a pod")
        return self
