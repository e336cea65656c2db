"""An object of the surroundings, as the API server takes it."""

from typing import Any

from common.objects import Object


def manifest(
    api_version: str,
    kind: str,
    namespace: str,
    name: str,
    metadata_labels: dict[str, str] | None = None,
    **content: Any,  # noqa: ANN401 any JSON
) -> Object:
    """Return an object; without a namespace it belongs to the cluster."""
    metadata: Object = {"name": name, **({"namespace": namespace} if namespace else {})}
    if metadata_labels:
        metadata["labels"] = metadata_labels
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}
