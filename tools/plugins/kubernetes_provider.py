"""Stand-in for the provider `kubernetes`: server-side apply to a real API server, for tests and the local cluster only.

It follows the real provider where that was tried (docs/adr/0006): create refuses what exists, preview does not notice
that, replacements and waits are the same, fields of hand tools are taken over on the first update. It accepts only a
cluster that carries the local command's marker.
"""

import json
import os
import secrets
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from gx.errors import InputError
from gx.fields import LAST_APPLIED, Change, Difference, differences, prune, replacing, settled
from gx.live.effect import pruned
from gx.live.kubernetes_api import ApiError, KubernetesApi, Object, Reason, UnreachableError
from gx.live.managers import taken_over
from gx.live.readiness import readiness
from gx.local.marker import require_local
from gx.objects import identifier, mapping
from tools.plugins.protocol import (
    Changes,
    Found,
    PartialError,
    Plugin,
    RefusalError,
    Secret,
    Target,
    Unknown,
    Values,
    holds_unknown,
    serve,
)

DEFAULT_SECONDS = {"PersistentVolumeClaim": 300, "ResourceQuota": 60}
OTHER_SECONDS = 600
_MANAGER = "__fieldManager"
_POLL_SECONDS = 0.25


class KubernetesPlugin(Plugin):
    """Objects of an API server, named by type token `kubernetes:<group>/<version>:<Kind>`."""

    VERSION = metadata.version("pulumi-kubernetes")

    def __init__(self) -> None:
        self.config: Values = {}
        self._api: KubernetesApi | None = None
        self._unreachable = ""

    def configure(self, config: Values) -> None:
        """Connect; an unreachable cluster is no error yet, a cluster without the marker always is."""
        self.config = config
        kubeconfig = config.get("kubeconfig") or os.environ.get("KUBECONFIG")
        try:
            if isinstance(kubeconfig, dict):
                raise RefusalError("the stand-in reads a kubeconfig from a file: pass its path")
            self._api = KubernetesApi.connect(
                Path(kubeconfig) if kubeconfig else None, str(config.get("context") or "")
            )
            require_local(self._api)
        except UnreachableError as error:
            self._api, self._unreachable = None, str(error)
        except (InputError, ApiError) as error:
            raise RefusalError(str(error)) from None

    def config_replaces(self, old: Values, new: Values) -> list[str]:
        """Name what makes this provider another cluster's."""
        if old.get("clusterIdentifier") or new.get("clusterIdentifier"):
            return ["clusterIdentifier"] if old.get("clusterIdentifier") != new.get("clusterIdentifier") else []
        return [key for key in ("kubeconfig", "context") if old.get(key) != new.get(key)]

    def check(self, target: Target) -> Values:
        """Name an object that has no name after its logical name."""
        meta: Values = target.inputs.get("metadata") or {}
        if not meta.get("name"):
            old_name = mapping(target.old_inputs, "metadata").get("name")
            meta = {**meta, "name": old_name or f"{target.name}-{secrets.token_hex(4)}"}
        return {**target.inputs, "metadata": meta}

    def diff(self, target: Target) -> Changes:
        """Compare new inputs with the state; where they differ, what the server would make of them decides."""
        kind = _kind(target)
        old, new = _content(target.old_inputs), _content(target.inputs)
        found = list(differences(old, new))
        live = self._found(target) if found and not holds_unknown(new) else None
        if live is not None:
            manager = self._manager(_manifest(target.inputs), target.old_state)
            wanted = settled(self._dry_run(target) or new)
            found = list(differences(prune(settled(live), new), prune(wanted, new))) + pruned(live, new, manager)
        found = [Difference(d.path, Change.UPDATE) if isinstance(d.new, Unknown) else d for d in found]
        replaces = replacing(kind, found)
        if kind in {"Secret", "ConfigMap"} and not self.config.get(f"enable{kind}Mutable"):
            replaces += [d for d in found if d.path[0] in {"data", "binaryData", "stringData"}]
        return Changes(fields={d.text: d.change.value for d in found}, replaces=tuple(d.text for d in replaces))

    def create(self, target: Target) -> tuple[str, Values]:
        """Create an object, and wait until it is ready."""
        manifest = _manifest(target.inputs)
        name = identifier(manifest["metadata"])
        if target.preview:
            applied = None if holds_unknown(manifest) else self._dry_run(target)
            return name, _properties(applied or manifest)
        try:
            if self._existing(manifest) is not None and not self.config.get("upsertExistingObjects"):
                raise RefusalError(
                    f"resource {name} was not successfully created by the Kubernetes API server: "
                    f'{manifest["kind"]} "{manifest["metadata"]["name"]}" already exists (AlreadyExists); import it, '
                    "use a Patch resource, or set upsertExistingObjects on the provider"
                )
            manager = self._manager(manifest, {})
            self._server.apply(manifest, manager=manager, force=self._forced(manifest))
        except (ApiError, UnreachableError) as error:
            raise RefusalError(f"resource {name} was not created: {_text(error)}") from None
        return name, self._awaited(target, manifest, manager)

    def read(self, target: Target) -> Found | None:
        """Read an object: for a refresh what the program set of it, for an import all of it."""
        namespace, _, name = target.identifier.rpartition("/")
        api_version, kind = _group_version(target.token), _kind(target)
        try:
            live = self._server.get(api_version, kind, namespace, name)
        except (ApiError, UnreachableError) as error:
            raise RefusalError(f"{kind} {target.identifier} cannot be read: {_text(error)}") from None
        if live is None:
            return None
        content = settled(live)
        inputs = prune(content, _content(target.old_inputs)) if target.old_inputs else content
        manager = target.old_state.get(_MANAGER) or ""
        return Found(
            identifier=target.identifier,
            properties=_properties(live, manager),
            inputs=_hidden({**inputs, "kind": kind}),
        )

    def update(self, target: Target) -> Values:
        """Apply the new inputs, and wait until they are in force."""
        manifest = _manifest(target.inputs)
        if target.preview:
            applied = None if holds_unknown(manifest) else self._dry_run(target)
            return _properties(applied or manifest)
        manager = self._manager(manifest, target.old_state)
        try:
            live = self._existing(manifest)
            managers = taken_over(live, manager) if live else None
            if live and managers is not None:
                version = live["metadata"]["resourceVersion"]
                self._server.patch(live, {"metadata": {"managedFields": managers, "resourceVersion": version}})
            self._server.apply(manifest, manager=manager, force=self._forced(manifest))
        except (ApiError, UnreachableError) as error:
            raise RefusalError(f"{manifest['kind']} {target.identifier} was not updated: {_text(error)}") from None
        return self._awaited(target, manifest, manager)

    def delete(self, target: Target) -> None:
        """Delete an object, and wait until it is gone."""
        namespace, _, name = target.identifier.rpartition("/")
        api_version, kind = _group_version(target.token), _kind(target)
        annotations = mapping(target.old_inputs, "metadata", "annotations")
        propagation = str(annotations.get("pulumi.com/deletionPropagationPolicy", "foreground")).capitalize()
        deadline = time.monotonic() + (target.timeout or OTHER_SECONDS)
        try:
            there = self._server.delete(api_version, kind, namespace, name, propagation=propagation)
            while there and self._server.get(api_version, kind, namespace, name) is not None:
                if time.monotonic() > deadline or self.cancelled.is_set():
                    raise RefusalError(f"{kind} {target.identifier} is still being deleted")
                time.sleep(_POLL_SECONDS)
        except (ApiError, UnreachableError) as error:
            raise RefusalError(f"{kind} {target.identifier} was not deleted: {_text(error)}") from None

    @property
    def _server(self) -> KubernetesApi:
        if self._api is None:
            raise UnreachableError(f"configured Kubernetes cluster is unreachable: {self._unreachable}")
        return self._api

    def _existing(self, manifest: Object) -> Object | None:
        meta = manifest["metadata"]
        return self._server.get(manifest["apiVersion"], manifest["kind"], meta.get("namespace", ""), meta["name"])

    def _found(self, target: Target) -> Object | None:
        """Return the live object as far as it can be seen."""
        try:
            return self._existing(_manifest(target.inputs)) if self._api else None
        except (ApiError, UnreachableError):
            return None

    def _dry_run(self, target: Target) -> Object | None:
        """Return what the server would store, or None where it cannot say: that passes a preview, as it really does."""
        if self._api is None:
            return None
        manifest = _manifest(target.inputs)
        try:
            return self._api.apply(
                manifest, manager=self._manager(manifest, target.old_state), force=True, dry_run=True
            )
        except ApiError as error:
            if error.reason in {Reason.NOT_FOUND, Reason.ALREADY_EXISTS, Reason.FORBIDDEN}:
                return None  # its namespace comes earlier in the same run, or its quota does
            if target.identifier and error.reason == Reason.INVALID:
                return None  # an immutable field: the rules of replacement have said so
            raise RefusalError(f"{identifier(manifest['metadata'])}: {_text(error)}") from None
        except UnreachableError:
            return None

    def _manager(self, manifest: Object, state: Mapping[str, Any]) -> str:
        annotations = mapping(manifest, "metadata", "annotations")
        return str(
            annotations.get("pulumi.com/patchFieldManager")
            or state.get(_MANAGER)
            or f"pulumi-kubernetes-{secrets.token_hex(4)}"
        )

    def _forced(self, manifest: Object) -> bool:
        annotations = mapping(manifest, "metadata", "annotations")
        return annotations.get("pulumi.com/patchForce") == "true" or bool(self.config.get("enablePatchForce"))

    def _awaited(self, target: Target, manifest: Object, manager: str) -> Values:
        """Wait until an object is ready; what is not ready in time exists all the same, and the engine keeps it."""
        annotations = mapping(manifest, "metadata", "annotations")
        seconds = float(annotations.get("pulumi.com/timeoutSeconds") or target.timeout or 0)
        deadline = time.monotonic() + (seconds or DEFAULT_SECONDS.get(manifest["kind"], OTHER_SECONDS))
        while True:
            live = self._existing(manifest)
            if live is None:
                raise RefusalError(f"{identifier(manifest['metadata'])} vanished while it was waited for")
            if annotations.get("pulumi.com/skipAwait") == "true":
                return _properties(live, manager)
            state = readiness(self._server, live)
            if state.ready:
                return _properties(live, manager)
            if state.failed or time.monotonic() > deadline or self.cancelled.is_set():
                reason = f"{manifest['kind']} {identifier(manifest['metadata'])} is not ready: {state.text}"
                properties = _properties(live, manager)
                raise PartialError(identifier(manifest["metadata"]), properties, target.inputs, reason)
            time.sleep(_POLL_SECONDS)


def _kind(target: Target) -> str:
    return target.token.rsplit(":", 1)[1]


def _group_version(token: str) -> str:
    return token.split(":")[1].removeprefix("core/")


def _content(inputs: Values) -> Values:
    return settled({key: value for key, value in inputs.items() if not key.startswith("__")})


def _manifest(inputs: Values) -> Object:
    manifest = {key: value for key, value in inputs.items() if not key.startswith("__")}
    return json.loads(json.dumps(manifest, default=_keep)) if not holds_unknown(manifest) else manifest


def _keep(value: object) -> object:
    raise TypeError(f"{value!r} is no JSON")


def _properties(live: Object, manager: str = "") -> Values:
    content = {**live, "metadata": {k: v for k, v in live["metadata"].items() if k != "managedFields"}}
    return _hidden({**content, **({_MANAGER: manager} if manager else {})})


def _hidden(values: Values) -> Values:
    """Mark what is secret of a Secret, also in the copy that kubectl keeps in an annotation."""
    if values.get("kind") != "Secret":
        return values
    marked: Values = {key: Secret(values[key]) for key in ("data", "stringData") if key in values}
    annotations = mapping(values, "metadata", "annotations")
    if LAST_APPLIED in annotations:
        hidden = {**annotations, LAST_APPLIED: Secret(annotations[LAST_APPLIED])}
        marked["metadata"] = {**values["metadata"], "annotations": hidden}
    return {**values, **marked}


def _text(error: Exception) -> str:
    if isinstance(error, ApiError) and error.reason == Reason.CONFLICT:
        return f"{error.message}; another field manager owns that: see pulumi.com/patchForce"
    return str(error)


if __name__ == "__main__":
    serve(KubernetesPlugin())
