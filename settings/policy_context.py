"""What checks need beside the registrations, from the settings, as JSON: never a secret, it stands in the state."""

from typing import Any

from catalogue.neighbours import NEIGHBOURS
from catalogue.steps import Step, Wave
from common.naming import EDGE_PROXY, MINIO
from settings.capacity import neighbour_groups
from settings.externals import externals
from settings.project import PROJECT, release_file, stack_file
from settings.settings import Settings

EDGE_HOST_PORTS = "it holds the node's ports 80 and 443, in a namespace of its own (docs/adr/0012)"
MINIO_AS_FOUND = (
    "MinIO still runs as root, as on the live cluster; enable minio-non-root to change that (docs/takeover.md 7)"
)


def context_of(settings: Settings, unset: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return network, externals, neighbours, accepted exceptions and notes of a run.

    Args:
        settings: The settings of the network.
        unset: Lines about values that must be set before the first real run.
    """
    stack, network = settings.stack, settings.network
    live_only = settings.adoption.live_only if settings.adoption else {}
    neighbours = stack.neighbours.values()
    notes = [{"place": stack_file(network.name), "text": line} for line in unset]
    notes += [
        {"place": stack_file(network.name), "text": f"{PROJECT}:{path} is not confirmed: {reason}"}
        for path, reason in stack.unconfirmed.items()
    ]
    notes += [
        {"place": release_file(network.name), "text": f"{name} is absent: nothing of it is planned on {network.name}"}
        for name in settings.release.absent
    ]
    return {
        "network": network.name,
        "production": network.production,
        "namespace": network.namespace,
        "externals": [{**vars(external), "keys": list(external.keys)} for external in externals(settings)],
        "neighbours": [
            {
                "name": group.name,
                "labels": dict(NEIGHBOURS[group.name].labels),
                "ports": list(NEIGHBOURS[group.name].ports),
                "replicas": group.steady,
                "per_pod": {figure: str(amount) for figure, amount in group.per_pod.items()},
            }
            for group in neighbour_groups(settings)
        ],
        "neighbour_counts": {
            "services": sum(len(numbers.services) for numbers in neighbours),
            "persistentvolumeclaims": sum(numbers.persistent_volume_claims for numbers in neighbours),
        },
        "accepted_at_peak": stack.quota.accepted_at_peak,
        "controller": stack.ingress.controller,
        "pod_exceptions": {
            **({} if settings.has(Step.MINIO_NON_ROOT) else {MINIO: MINIO_AS_FOUND}),
            EDGE_PROXY: EDGE_HOST_PORTS,
        },
        "imports": dict(settings.adoption.imports) if settings.adoption and settings.stack.adopt else {},
        "live_only": {place: list(fields) for place, fields in live_only.items()},
        "others": list(settings.others),
        # Whether the edge proxy runs is a setting of its own: the component is planned where it does.
        "adopted": [wave.value for wave in settings.adopted if wave is not Wave.EDGE or stack.edge.enabled],
        "notes": notes,
    }
