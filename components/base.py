"""What every component shares: the type token, the site it builds on, and the options of its children."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import ClassVar

import pulumi
import pulumi_random as random
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from gx.labels import FIELD_MANAGER, PATCH_FIELD_MANAGER, PATCH_FORCE, PartOf, object_labels
from gx.lifecycle import lifecycle_for
from gx.settings.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a component builds: the settings of the network and what the cluster check has released.

    Attributes:
        settings: The settings of the network.
        namespace: The namespace's name, known only once the cluster's identity was checked: no object of the
            program can be planned before, because every one of them waits for this value.
        checksum_key: Key under which secret values are hashed for annotations.
    """

    settings: Settings
    namespace: pulumi.Output[str]
    checksum_key: pulumi.Output[str]

    def metadata(
        self,
        name: pulumi.Input[str],
        part_of: PartOf,
        *,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, pulumi.Input[str]] | None = None,
        namespace: pulumi.Input[str] | EllipsisType | None = ...,
        app: str | None = None,
    ) -> ObjectMetaArgsDict:
        """Return the metadata of one object: fixed name, labels of the program beside its own, field manager.

        Args:
            name: The object's fixed name.
            part_of: What a person would page somebody about.
            labels: Further labels.
            annotations: Further annotations.
            namespace: Another namespace than the network's; None for an object outside every namespace.
            app: The application, where it is not the object's name.
        """
        # Fields of an object made by hand belong to hand tools: without force a value that differs is a conflict.
        forced = {PATCH_FORCE: "true"} if self.settings.taken_over else {}
        owned = object_labels(app or str(name), part_of, self.settings.network.name)
        metadata: ObjectMetaArgsDict = {
            "name": name,
            "labels": {**owned, **(labels or {})},
            "annotations": {PATCH_FIELD_MANAGER: FIELD_MANAGER, **forced, **(annotations or {})},
        }
        if namespace is not None:
            metadata["namespace"] = self.namespace if isinstance(namespace, EllipsisType) else namespace
        return metadata

    def pod_labels(self, app: str, part_of: PartOf, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the labels of a pod template: the program's beside those that selectors and policies use."""
        return {**object_labels(app, part_of, self.settings.network.name), **labels}

    def checksum(self, values: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
        """Return a short keyed hash of values for a pod annotation, so that pods roll when their inputs change.

        The hash is keyed, so it tells nothing about a weak password and is no secret itself.
        """

        def digest(resolved: list[object]) -> str:
            key, content = resolved
            text = json.dumps(content, sort_keys=True).encode()
            return hmac.new(str(key).encode(), text, hashlib.sha256).hexdigest()[:16]

        content: list[pulumi.Input[object]] = [self.checksum_key, dict(values)]
        return pulumi.Output.unsecret(pulumi.Output.from_input(content).apply(digest))


SECRET_OUTPUTS = {
    "Secret": ["metadata"],
    **{kind: ["metadata", "spec"] for kind in ("CronJob", "DaemonSet", "Deployment", "Job", "StatefulSet")},
}
"""What of a live object the state encrypts beside a Secret's data, by kind.

kubectl keeps a copy of the whole manifest in an annotation, and a variable set by hand may be a literal secret.
"""


@dataclass(frozen=True, kw_only=True)
class GxArgs:
    """What every component needs; each component's own arguments extend it.

    Attributes:
        site: Where it builds.
        wait_for: Resources that must be there before its pods start.
    """

    site: Site
    wait_for: tuple[pulumi.Resource, ...] = ()


class GxComponent(pulumi.ComponentResource):
    """Base of every component. `TOKEN` is part of every child's URN: changing it needs an alias."""

    TOKEN: ClassVar[str]

    def __init__(self, name: str, args: GxArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(self.TOKEN, name, None, opts)
        self.site = args.site

    def child(
        self,
        kind: str,
        name: str,
        *,
        holds_data: bool = False,
        holds_nothing: bool = False,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> pulumi.ResourceOptions:
        """Return the options of a child: never the caller's, which would leak to every child.

        Args:
            kind: The Kubernetes kind; decides guards and timeouts.
            name: The object's name; with the kind it finds the live id while a network is adopted.
            holds_data: Whether the object is a server on a data volume.
            holds_nothing: Whether a namespace holds nothing that could not be made anew.
            depends_on: Resources that must exist first.
        """
        settings = self.site.settings
        rules = lifecycle_for(
            kind, production=settings.network.production, holds_data=holds_data, holds_nothing=holds_nothing
        )
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=list(depends_on),
            protect=rules.protect or None,
            retain_on_delete=rules.retain_on_delete or None,
            import_=settings.imports.get(f"{kind}/{name}"),
            additional_secret_outputs=SECRET_OUTPUTS.get(kind),
            custom_timeouts=pulumi.CustomTimeouts(create=rules.timeout, update=rules.timeout, delete=rules.timeout),
        )

    def generated(
        self, secret: str, *, epoch: str, length: int = 40, override: str | None = None
    ) -> pulumi.Output[str]:
        """Return a secret value: the encrypted setting `override` where given, else a generated one.

        Args:
            secret: Its logical name; the epoch is added, so that a new value is a new resource.
            epoch: Its name in the setting `secretEpochs`; raising that number makes a new value.
            length: Characters, all letters and digits, so that the value needs no quoting anywhere.
            override: Key of the encrypted setting that holds a live value.
        """
        given = self.site.settings.secrets.get(override) if override else None
        if given is not None:
            return pulumi.Output.secret(given)
        password = random.RandomPassword(
            f"{secret}-{self.site.settings.stack.epoch(epoch)}",
            length=length,
            special=False,
            keepers={"network": self.site.namespace},
            opts=pulumi.ResourceOptions(parent=self),
        )
        return pulumi.Output.secret(password.result)
