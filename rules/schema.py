"""Every object against the OpenAPI schema of production's Kubernetes version, unknown fields refused."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any, cast

import jsonschema
import jsonschema.validators
import referencing
from kubernetes_validate import utils  # pyright: ignore[reportMissingTypeStubs]

from common.plan import Plan
from common.values import Secret, Unknown, plain
from rules.finding import Finding
from rules.rule import rule

KUBERNETES_VERSION = "1.33"  # production runs k3s v1.33.5, production.md#cluster-and-networks
CUSTOM_KINDS = {("monitoring.coreos.com/v1", "PrometheusRule")}
"""Kinds whose definition the cluster brings; promtool reads what is in them."""
_FOLDER = f"kubernetes-json-schema/v{KUBERNETES_VERSION}.0-local-strict"


@functools.cache
def _definitions() -> referencing.Registry[Any]:
    definitions = utils.schema_contents(f"{_FOLDER}/_definitions.json", KUBERNETES_VERSION)
    resource = referencing.Resource[Any].from_contents(definitions)
    return resource @ referencing.Registry[Any]()


@functools.cache
def _validator(api_version: str, kind: str) -> Any | None:  # noqa: ANN401 the library's protocol
    group, _, version = api_version.rpartition("/")
    name = f"{kind}-{group.split('.')[0]}-{version}" if group else f"{kind}-{version}"
    try:
        schema = utils.schema_contents(f"{_FOLDER}/{name.lower()}.json", KUBERNETES_VERSION)
    except FileNotFoundError:
        return None
    registry = referencing.Resource[Any].from_contents(schema) @ _definitions()
    return jsonschema.validators.Draft202012Validator(schema, registry=registry)


def warm_up() -> None:
    """Load what every check needs; done while the recorder runs."""
    _definitions()
    for api_version, kind in (("apps/v1", "Deployment"), ("v1", "Service"), ("batch/v1", "CronJob")):
        _validator(api_version, kind)


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
        validator = _validator(str(manifest.get("apiVersion", "")), str(manifest.get("kind", "")))
        if validator is None:
            yield Finding(
                location=location,
                text=f"Kubernetes {KUBERNETES_VERSION} has no {manifest.get('apiVersion')}/{manifest.get('kind')}",
            )
            continue
        for error in validator.iter_errors(manifest):
            if isinstance(error.instance, Unknown):
                continue  # whatever it becomes: a preview cannot know
            path = ".".join(str(part) for part in error.absolute_path) or "(top)"
            yield Finding(location=location, text=f"{path}: {error.message[:200]}")
