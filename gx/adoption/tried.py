"""What the API server says to the planned objects over the live ones, tried without changing anything."""

from collections.abc import Iterator

from common.labels import FIELD_MANAGER
from common.plan import Plan
from common.values import REDACTED
from gx.adoption.adopt import wanted_over
from gx.adoption.live import LiveObjects
from gx.adoption.refusals import Refusal
from gx.cluster.kubernetes_api import ApiError, KubernetesApi
from gx.cluster.refusals import unreadable

_NOT_ALLOWED = (401, 403)


def refused_by_server(api: KubernetesApi, plan: Plan, live: LiveObjects) -> Iterator[Refusal]:
    """Yield what the server would refuse when a planned object is created over the live one of its name.

    No rule of ours knows them all: two kinds of source for one variable, a field that never changes, a webhook.

    Raises:
        InputError: The right to patch is missing.
    """
    for resource in plan.objects:
        found = live.get(resource.kind, resource.namespace, resource.object_name)
        if found is None:
            continue
        wanted = wanted_over(resource, found)
        if resource.kind == "Secret":  # a value that only the engine knows is none that the server could read
            wanted["data"] = {key: value for key, value in wanted.get("data", {}).items() if value != REDACTED}
        try:
            api.apply(wanted, manager=FIELD_MANAGER, force=True, dry_run=True)
        except ApiError as error:
            if error.status in _NOT_ALLOWED:
                raise unreadable(api, error) from None
            yield Refusal(
                name=f"{resource.location} server",
                text=f"the API server refuses the planned object over the live one: {error.message}",
                fix="change the live object, or describe it as it is live",
            )
