"""Which other tool manages a live object, read from the marks that it leaves."""

from typing import Any

from common.labels import FIELD_MANAGER, MANAGED_BY
from common.objects import mapping, sequence

_MARKS = {
    "meta.helm.sh/release-name": "Helm release",
    "argocd.argoproj.io/tracking-id": "Argo CD application",
    "argocd.argoproj.io/instance": "Argo CD application",
    "helm.toolkit.fluxcd.io/name": "Flux HelmRelease",
    "kustomize.toolkit.fluxcd.io/name": "Flux Kustomization",
    "kapp.k14s.io/app": "kapp application",
    "objectset.rio.cattle.io/owner-name": "k3s add-on",
    "olm.owner": "operator bundle",
}
"""Labels and annotations by which a tool finds what it manages; their value names its release, application or owner."""


def masters(live: Any) -> list[str]:  # noqa: ANN401 any JSON
    """Return the tools and owners that would write or delete an object again, each once, by kind and name."""
    metadata = mapping(live, "metadata")
    labels, annotations = mapping(metadata, "labels"), mapping(metadata, "annotations")
    found = [
        f"{tool} {str(marks[key]).partition(':')[0]}"  # Argo CD writes application:group/kind:namespace/name
        for marks in (annotations, labels)
        for key, tool in _MARKS.items()
        if key in marks
    ]
    manager = labels.get(MANAGED_BY)
    if manager not in (None, FIELD_MANAGER) and not found:
        found.append(f"tool {manager}")
    owners = (owner for owner in sequence(metadata, "ownerReferences") if owner.get("controller"))
    found += [f"controller {owner.get('kind')}/{owner.get('name')}" for owner in owners]
    return list(dict.fromkeys(found))
