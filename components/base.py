"""What every component shares: its token, the options of its children, the metadata of its objects."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence

import pulumi
import pulumi_random as random
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from common.labels import PartOf, component_labels


class GxComponent(pulumi.ComponentResource):
    """Base of every component. `TOKEN` is part of every child's URN: changing it needs an alias."""

    TOKEN = ""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(self.TOKEN, name, None, opts)

    def child(self, depends_on: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        """Return the options of a child: never the caller's, which would leak to every child.

        Args:
            depends_on: Resources that must exist first.
        """
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))

    def generated(self, name: str, *, network: pulumi.Input[str], length: int = 40) -> pulumi.Output[str]:
        """Return a generated secret.

        Args:
            name: Its logical name, with its epoch: a new value is a new resource.
            network: Where it is used; another place is another value.
            length: Characters, all letters and digits, so that the value needs no quoting anywhere.
        """
        password = random.RandomPassword(
            name, length=length, special=False, keepers={"network": network}, opts=pulumi.ResourceOptions(parent=self)
        )
        return pulumi.Output.secret(password.result)


def metadata(
    name: pulumi.Input[str],
    part_of: PartOf,
    *,
    namespace: pulumi.Input[str] | None,
    app: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, pulumi.Input[str]] | None = None,
) -> ObjectMetaArgsDict:
    """Return the metadata of one object: a fixed name, the program's labels beside its own.

    Args:
        name: The object's fixed name.
        part_of: What somebody on call would be paged about.
        namespace: Its namespace; None for an object outside every namespace.
        app: The application, where it is not the object's name.
        labels: Further labels.
        annotations: Further annotations.
    """
    made: ObjectMetaArgsDict = {
        "name": name,
        "labels": {**component_labels(app or str(name), part_of), **(labels or {})},
    }
    if annotations:
        made["annotations"] = dict(annotations)
    if namespace is not None:
        made["namespace"] = namespace
    return made


def checksum(key: pulumi.Input[str], values: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """Return a short keyed hash of values for a pod annotation, so that pods roll when their inputs change.

    The hash is keyed, so it tells nothing about a weak password and is no secret itself.
    """

    def digest(resolved: list[object]) -> str:
        used, content = resolved
        text = json.dumps(content, sort_keys=True).encode()
        return hmac.new(str(used).encode(), text, hashlib.sha256).hexdigest()[:16]

    content: list[pulumi.Input[object]] = [key, dict(values)]
    return pulumi.Output.unsecret(pulumi.Output.from_input(content).apply(digest))


def after(resource: pulumi.CustomResource, value: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return a value that is known once a resource is there: what uses it waits."""
    return pulumi.Output.all(resource.urn, value).apply(lambda both: str(both[1]))
