"""Arguments that several components take."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi


class ResourcesArgs(TypedDict):
    """What a container may use, as Kubernetes quantities by "cpu" and "memory"."""

    requests: Mapping[str, str]
    limits: Mapping[str, str]


class TolerationArgs(TypedDict):
    """A taint that pods tolerate."""

    key: str
    operator: str
    effect: str
    value: NotRequired[str]


class SchedulingArgs(TypedDict):
    """Where pods run."""

    node_selector: Mapping[str, str]
    """Labels that a node must have."""
    tolerations: NotRequired[Sequence[TolerationArgs]]


class ProbeArgs(TypedDict):
    """An HTTP probe; times are seconds."""

    path: str
    delay: int
    """Before the first attempt."""
    period: int
    """Between attempts."""
    timeout: int
    failures: int
    """Attempts in a row that must fail."""


class SecretValueArgs(TypedDict):
    """An environment variable that is read from a Secret."""

    secret: str
    key: str
    content: NotRequired[pulumi.Input[str]]
    """What the Secret holds there, where that is known: pods roll when it changes."""


class VariableArgs(TypedDict):
    """An environment variable: one of the three."""

    value: NotRequired[pulumi.Input[str]]
    from_secret: NotRequired[SecretValueArgs]
    field_path: NotRequired[str]
    """A field of the pod itself, such as `metadata.namespace`."""


class CredentialsArgs(TypedDict):
    """A key pair."""

    access_key: pulumi.Input[str]
    secret_key: pulumi.Input[str]
