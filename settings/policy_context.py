"""What rules need beside the registrations, from the settings."""

from catalogue.external_workloads import EXTERNAL_WORKLOADS
from catalogue.feature_gates import FeatureGate
from catalogue.managed_components import ManagedComponent
from common.naming import EDGE_PROXY, MINIO
from common.plan import ExternalPods, Note, PlanContext
from settings.capacity import external_groups
from settings.externals import externals
from settings.project import PROJECT, release_file, stack_file
from settings.settings import Settings

EDGE_HOST_PORTS = "it holds the node's ports 80 and 443, in a namespace of its own (docs/adr/0012)"
MINIO_AS_ROOT = (
    "MinIO still runs as root, as on the live cluster; enable minio-non-root to change that (docs/takeover.md 7)"
)


def context_of(settings: Settings, unset: tuple[str, ...] = (), warnings: tuple[str, ...] = ()) -> PlanContext:
    """Return what rules need beside the registrations of a run.

    Args:
        settings: The settings of the network.
        unset: Lines about values that must be set before the first real run.
        warnings: Lines about what the next release refuses.
    """
    stack, network = settings.stack, settings.network
    own, release = stack_file(network.name), release_file(network.name)
    externally = stack.external_workloads.values()
    return PlanContext(
        network=network.name,
        production=network.production,
        namespace=network.namespace,
        externals=tuple(externals(settings)),
        external_workloads=tuple(
            ExternalPods(
                name=group.name,
                labels=dict(EXTERNAL_WORKLOADS[group.name].labels),
                ports=tuple(EXTERNAL_WORKLOADS[group.name].ports),
                replicas=group.steady,
                per_pod={figure: str(amount) for figure, amount in group.per_pod.items()},
            )
            for group in external_groups(settings)
        ),
        external_counts={
            "services": sum(len(one.services) for one in externally),
            "persistentvolumeclaims": sum(one.persistent_volume_claims for one in externally),
        },
        accepted_at_peak=stack.quota.accepted_at_peak,
        controller=stack.ingress.controller,
        pod_exceptions={
            **({} if settings.has(FeatureGate.MINIO_NON_ROOT) else {MINIO: MINIO_AS_ROOT}),
            EDGE_PROXY: EDGE_HOST_PORTS,
        },
        imports=dict(settings.adoption.imports) if settings.adoption and stack.adopt else {},
        live_only=settings.adoption.live_only if settings.adoption else {},
        others=settings.others,
        # Whether the edge proxy runs is a setting of its own: the component is planned where it does.
        adopted=tuple(
            component.value
            for component in settings.adopted
            if component is not ManagedComponent.EDGE or stack.edge.enabled
        ),
        notes=(
            *(Note(location=own, text=line, warning=True) for line in warnings),
            *(
                Note(location=own, text=f"the feature gate {gate} is not enabled: {gate.risk}", warning=True)
                for gate in FeatureGate
                if gate.risk and not settings.has(gate)
            ),
            *(Note(location=own, text=line) for line in unset),
            *(
                Note(location=own, text=f"{PROJECT}:{path} is not confirmed: {reason}")
                for path, reason in stack.unconfirmed.items()
            ),
            *(
                Note(location=release, text=f"{name} is absent: nothing of it is planned on {network.name}")
                for name in settings.release.absent
            ),
        ),
    )
