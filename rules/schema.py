"""Every object against the OpenAPI schema of production's Kubernetes version, unknown fields refused."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from common.plan import Plan
from common.values import Secret, Unknown, plain
from rules.finding import Finding
from rules.kubernetes_schema import KUBERNETES_VERSION, validator
from rules.rule import rule

CUSTOM_KINDS = {("monitoring.coreos.com/v1", "PrometheusRule")}
"""Kinds whose definition the cluster brings; promtool reads what is in them."""


def warm_up() -> None:
    """Load what every check needs; done while the recorder runs."""
    for api_version, kind in (("apps/v1", "Deployment"), ("v1", "Service"), ("batch/v1", "CronJob")):
        validator(api_version, kind)


def _shown(value: Any) -> Any:  # noqa: ANN401 any JSON
    """Return a manifest as plain JSON in which unknown values are still marked."""
    if isinstance(value, Mapping):
        return {key: _shown(entry) for key, entry in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_shown(entry) for entry in cast("list[Any]", value)]
    return plain(value) if isinstance(value, Secret) else value


@rule(
    "schema",
    reason="The API server refuses a field that it does not know, half-way through an `up`.",
    remedy="Correct the field in the component that writes it.",
)
def check_schema(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for every field that Kubernetes would refuse or ignore."""
    for resource in plan.objects:
        manifest = _shown(resource.manifest)
        location = resource.location
        if (manifest.get("apiVersion"), manifest.get("kind")) in CUSTOM_KINDS:
            continue
        known = validator(str(manifest.get("apiVersion", "")), str(manifest.get("kind", "")))
        if known is None:
            yield Finding(
                location=location,
                text=f"Kubernetes {KUBERNETES_VERSION} has no {manifest.get('apiVersion')}/{manifest.get('kind')}",
            )
            continue
        for error in known.iter_errors(manifest):
            if isinstance(error.instance, Unknown):
                continue  # whatever it becomes: a preview cannot know
            path = ".".join(str(part) for part in error.absolute_path) or "(top)"
            yield Finding(location=location, text=f"{path}: {error.message[:200]}")
