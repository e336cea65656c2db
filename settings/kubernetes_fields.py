"""Types of single settings that end up in objects: what Kubernetes refuses beyond its schema is refused here.

The patterns are those of k8s.io/apimachinery/pkg/util/validation and of image references.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_DNS_NAME = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = re.compile(rf"({_DNS_NAME}/)?{_NAME}")
_VALUE = re.compile(rf"({_NAME})?")
ZONE = re.compile(rf"{_LABEL}(\.{_LABEL})+")
_REGISTRY = re.compile(rf"(localhost|{_DNS_NAME})(:[0-9]{{1,5}})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_REPOSITORY = re.compile(r"[a-z0-9]+([_-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_LONGEST_NAME, _LAST_PORT = 253, 65535


def _label_key(text: str) -> str:
    if _QUALIFIED.fullmatch(text) is None or len(text.rpartition("/")[0]) > _LONGEST_NAME:
        raise ValueError(f"{text!r} is no key of a label: [prefix/]name, the name 63 of letters, digits, '-', '_', '.'")
    return text


def _label_value(text: str) -> str:
    if _VALUE.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no value of a label: at most 63 of letters, digits and inner '-', '_', '.'")
    return text


def _unreserved(text: str) -> str:
    prefix = text.rpartition("/")[0]
    if prefix.endswith(("kubernetes.io", "k8s.io")):
        raise ValueError(
            f"{text!r} is a key that Kubernetes or this program sets: Pod Security follows the feature gate"
            " pod-security-enforce"
        )
    return text


def _zone(text: str) -> str:
    if ZONE.fullmatch(text) is None or len(text) > _LONGEST_NAME:
        raise ValueError(f"{text!r} is no DNS zone: labels of a-z, 0-9 and inner '-', with a dot between them")
    return text


def _registry(text: str) -> str:
    host = text.partition("/")[0]
    port = host.partition(":")[2]
    named = "." in host or ":" in host or host == "localhost"
    if _REGISTRY.fullmatch(text) is None or not named or (port and not 1 <= int(port) <= _LAST_PORT):
        raise ValueError(f"{text!r} is no image registry: host[:port][/path], without a scheme, in small letters")
    return text


def _repository(text: str) -> str:
    if _REPOSITORY.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no repository below the registry: name[/name], in small letters")
    return text


LabelKey = Annotated[str, AfterValidator(_label_key)]
LabelValue = Annotated[str, AfterValidator(_label_value)]
Labels = dict[LabelKey, LabelValue]
NamespaceLabels = dict[Annotated[LabelKey, AfterValidator(_unreserved)], LabelValue]
ZoneName = Annotated[str, AfterValidator(_zone), Field(examples=["gxcoin.money"])]
Registry = Annotated[str, AfterValidator(_registry), Field(examples=["10.43.75.195:5000"])]
Repository = Annotated[str, AfterValidator(_repository)]
