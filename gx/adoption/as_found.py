"""The bill of materials of a network as it runs (takeover.md 1)."""

import re
from collections.abc import Iterable
from typing import Any

from catalogue import CATALOGUE
from common.naming import BACKUP_PVC, MINIO_PVC
from common.objects import Object, mapping, sequence
from common.plan import Plan
from gx.adoption.adopt import policies_by_hand
from gx.adoption.live import LiveObjects, pod_template
from gx.cluster.deletion import deletion
from settings.release import Release

_IMAGE = re.compile(
    r"(?P<registry>[^/]+)/(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}$")


def release_as_found(current: dict[str, Any], live: LiveObjects) -> dict[str, Any]:
    """Return the release file's content with the images that run; workloads that do not run keep theirs."""
    workloads: dict[str, Any] = dict(current["workloads"])
    digests = running_digests(live.of_kind("Pod"))
    for name in CATALOGUE:
        deployment = live.get("Deployment", live.namespace, name)
        if deployment is None:
            continue
        containers = sequence(pod_template(deployment), "spec", "containers")
        images = [str(c.get("image", "")) for c in containers if c.get("name") == name]
        found = _IMAGE.fullmatch(images[0]) if images else None
        if found is None or not found["tag"]:
            continue
        entry: dict[str, str] = {} if found["repository"] == name else {"repository": found["repository"]}
        entry["tag"] = found["tag"]
        if found["digest"]:
            entry["digest"] = found["digest"]
        running = digests.get(name, set())
        if len(running) == 1 and running != {""}:
            entry["liveDigest"] = next(iter(running))
        workloads[name] = entry
    absent = [name for name in current.get("absent", ()) if name not in workloads]
    document = {**current, "origin": "as found", "workloads": workloads, "absent": absent, "promoted": None}
    document["promoted"] = {"how": "as found", "hash": Release.model_validate(document).hash}
    return document if absent else {key: value for key, value in document.items() if key != "absent"}


def volumes_as_found(live: LiveObjects) -> dict[str, str]:
    """Return the sizes that the live claims of storage and backup were made with, by claim."""
    claims = ((name, live.get("PersistentVolumeClaim", live.namespace, name)) for name in (MINIO_PVC, BACKUP_PVC))
    sizes = ((name, mapping(claim, "spec", "resources", "requests").get("storage")) for name, claim in claims)
    return {name: str(size) for name, size in sizes if size}


def policies_as_found(plan: Plan, live: LiveObjects) -> dict[str, Any]:
    """Return the spec of each live NetworkPolicy beside the program's own, by name."""
    return {p.name: dict(p.spec) for p in policies_by_hand(plan, live) if p.namespace == live.namespace}


def running_digests(pods: Iterable[Object]) -> dict[str, set[str]]:
    """Return the digests that pods run, by container; an empty text where one does not say.

    A pod that is on its way out may run the digest before.
    """
    found: dict[str, set[str]] = {}
    for pod in (pod for pod in pods if not deletion(pod)):
        for status in sequence(pod, "status", "containerStatuses"):
            match = _DIGEST.search(str(status.get("imageID") or ""))
            found.setdefault(str(status.get("name")), set()).add(match[0] if match else "")
    return found
