"""The bill of materials of a network as it runs (takeover.md 1)."""

import re
from typing import Any

from gx.catalogue import CATALOGUE
from gx.naming import BACKUP_PVC, MINIO_PVC
from gx.objects import sequence
from gx.operate.live import Live, pod_template
from gx.release import Release

_IMAGE = re.compile(
    r"(?P<registry>[^/]+)/(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}$")


def release_as_found(current: dict[str, Any], live: Live) -> dict[str, Any]:
    """Return the release file's content with the images that run; workloads that do not run keep theirs."""
    workloads: dict[str, Any] = dict(current["workloads"])
    for name in CATALOGUE:
        deployment = live.get("Deployment", live.namespace, name)
        if deployment is None:
            continue
        images = [c["image"] for c in pod_template(deployment)["spec"]["containers"] if c["name"] == name]
        found = _IMAGE.fullmatch(images[0]) if images else None
        if found is None or not found["tag"]:
            continue
        entry: dict[str, str] = {} if found["repository"] == name else {"repository": found["repository"]}
        entry["tag"] = found["tag"]
        if found["digest"]:
            entry["digest"] = found["digest"]
        running = _running_digest(live, name)
        if running:
            entry["liveDigest"] = running
        workloads[name] = entry
    found = Release.model_validate({**current, "origin": "as found", "workloads": workloads, "promoted": None})
    promoted = {"how": "as found", "hash": found.hash}
    return {**current, "origin": "as found", "promoted": promoted, "workloads": workloads}


def volumes_as_found(live: Live) -> dict[str, str]:
    """Return the sizes that the live claims of storage and backup were made with, by claim."""
    claims = ((name, live.get("PersistentVolumeClaim", live.namespace, name)) for name in (MINIO_PVC, BACKUP_PVC))
    return {name: str(claim["spec"]["resources"]["requests"]["storage"]) for name, claim in claims if claim}


def _running_digest(live: Live, container: str) -> str:
    """Return the digest that every pod of a workload runs; empty if they differ or do not say."""
    digests: set[str] = set()
    for pod in live.of_kind("Pod"):
        for status in sequence(pod, "status", "containerStatuses"):
            if status["name"] == container:
                found = _DIGEST.search(str(status.get("imageID") or ""))
                digests.add(found[0] if found else "")
    return digests.pop() if len(digests) == 1 else ""
