"""Pods under Pod Security "restricted", images that cannot move, and secrets that stay in Secrets."""

import base64
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from common.images import MUTABLE_TAGS
from common.plan import GENERATED, PROVIDERS, Plan, Resource
from common.pods import Pod, pods
from common.values import Secret, walk
from rules.finding import Finding, Severity
from rules.rule import rule

ALLOWED_VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
SHORTEST_SECRET = 8  # shorter texts appear by chance
_IMAGE = re.compile(r"(?P<name>[^@]+?)(:(?P<tag>[\w.-]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?")


@rule(
    "pod-security",
    reason="A pod that is broken into owns its node.",
    remedy="Take the pod's context from components/pods.py; an exception needs a reason and a runbook.",
    live=True,
)
def check_pod_security(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for every pod that Pod Security restricted would refuse, and for loose containers."""
    for pod in pods(plan):
        problems = [*_restricted(pod)]
        reason = plan.pod_exceptions.get(pod.owner.object_name)
        if problems and reason:
            yield Finding(
                location=pod.location,
                text=f"breaks Pod Security restricted: {reason}",
                severity=Severity.WARNING,
            )
            continue
        for problem in problems:
            yield Finding(location=pod.location, text=problem)


def _restricted(pod: Pod) -> Iterator[str]:
    context: dict[str, Any] = pod.spec.get("securityContext", {})
    if context.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"}:
        yield "has no seccomp profile"
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(field):
            yield f"uses {field}"
    for volume in pod.spec.get("volumes", []):
        kinds = set(volume) - {"name"}
        if not kinds <= ALLOWED_VOLUMES:
            yield f"mounts a volume of the kind {', '.join(kinds - ALLOWED_VOLUMES)}"
    for container in pod.containers:
        for problem in _loose(container, context):
            yield f"{container['name']} {problem}"


def _loose(container: dict[str, Any], pod_context: dict[str, Any]) -> Iterator[str]:
    own = container.get("securityContext", {})
    merged = {**pod_context, **own}
    if merged.get("runAsNonRoot") is not True or merged.get("runAsUser") == 0:
        yield "may run as root"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges"
    if own.get("capabilities", {}).get("drop") != ["ALL"] or own.get("capabilities", {}).get("add"):
        yield "keeps capabilities"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "can write to its root filesystem"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield "binds a port of the node"


@rule(
    "images",
    reason="Anyone who can push to the registry can change what runs.",
    remedy="Write the digest into the release file once the registry has been asked.",
    live=True,
)
def check_images(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for an image that can move, and one note that counts those without a digest (takeover.md 27)."""
    moving = MUTABLE_TAGS | {plan.network, *plan.others}
    for pod in pods(plan):
        for container in pod.containers:
            yield from _image(f"{pod.location}/{container['name']}", str(container["image"]), moving)
    images = {str(container["image"]) for pod in pods(plan) for container in pod.containers}
    loose = sorted(image for image in images if "@sha256:" not in image)
    if loose:
        yield Finding(
            location=f"networks/{plan.network}/release.yaml",
            text=f"{len(loose)} of {len(images)} images have a tag and no digest: anyone who can push to the registry"
            " can change what runs",
            severity=Severity.NOTE,
        )


@rule(
    "containers",
    reason="Without requests, limits and probes a pod starves its neighbours, or gets traffic before it can serve.",
    remedy="Give figures in the stack file and probes in the catalogue.",
    live=True,
)
def check_containers(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for a container without requests, limits or probes."""
    for pod in pods(plan):
        runs_on = pod.owner.kind in {"Deployment", "StatefulSet", "DaemonSet"}
        for container in pod.containers:
            location = f"{pod.location}/{container['name']}"
            resources = container.get("resources", {})
            for kind in ("requests", "limits"):
                for name in ("cpu", "memory"):
                    if name not in resources.get(kind, {}):
                        yield Finding(location=location, text=f"has no {name} in {kind}")
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                if runs_on and probe not in container:
                    yield Finding(location=location, text=f"has no {probe}")


def _image(location: str, image: str, moving: frozenset[str]) -> Iterator[Finding]:
    match = _IMAGE.fullmatch(image)
    tag = match["tag"] if match else None
    if match is None or (tag is None and match["digest"] is None):
        yield Finding(location=location, text=f"{image}: has neither tag nor digest, so it can move")
    elif match["digest"] is None and str(tag).lower() in moving:
        yield Finding(location=location, text=f"{image}: the tag {tag} moves")


@rule(
    "secrets",
    reason="What is no Secret is readable by everybody who may look.",
    remedy="Put the value into a Secret and refer to it.",
)
def check_secrets(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for a secret value that lies anywhere but in a Secret, in any of its forms."""
    values: set[str] = set()
    for resource in plan.resources:
        for path, value in walk(resource.inputs):
            if isinstance(value, Secret):
                if isinstance(value.value, str) and len(value.value) >= SHORTEST_SECRET:
                    values.add(value.value)
                if not _may_hold(resource, path):
                    yield Finding(location=resource.location, text=f"{path} holds a secret")
    forms = {form for value in values for form in _forms(value)}
    for location, path, text in _clear_texts(plan):
        if any(form in text for form in forms):
            yield Finding(location=location, text=f"{path} shows a secret in clear text")


def _may_hold(resource: Resource, path: str) -> bool:
    """Whether a secret belongs there: in the content of a Secret, in a provider, where its generator keeps it."""
    if resource.type == "kubernetes:core/v1:Secret":
        return path.startswith(("data.", "stringData."))
    return resource.type.startswith(PROVIDERS) or path in GENERATED.get(resource.type, ())


def _forms(value: str) -> Iterator[str]:
    yield value
    yield quote(value, safe="")
    yield base64.b64encode(value.encode()).decode().rstrip("=")


def _clear_texts(plan: Plan) -> Iterator[tuple[str, str, str]]:
    for resource in plan.resources:
        for path, value in walk(resource.inputs):
            if isinstance(value, str) and not _may_hold(resource, path):
                yield resource.location, path, value
    for path, value in walk(plan.outputs):
        if isinstance(value, str):
            yield "outputs", path, value
