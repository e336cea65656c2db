"""Whether a live object is being deleted: the server still lists it, and nothing brings it back."""

from common.objects import Object, mapping, sequence


def deletion(live: Object) -> str:
    """Return since when an object is being deleted and what holds it; empty for one that is not.

    A namespace says so in its phase as well.
    """
    metadata = mapping(live, "metadata")
    since = str(metadata.get("deletionTimestamp") or "")
    if not since and not (live.get("kind") == "Namespace" and mapping(live, "status").get("phase") == "Terminating"):
        return ""
    holders = ", ".join(map(str, sequence(metadata, "finalizers")))
    return f"being deleted{f' since {since}' if since else ''}{f', held by {holders}' if holders else ''}"
