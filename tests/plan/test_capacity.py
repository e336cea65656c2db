"""The quota arithmetic before anything is registered and the one over the Plan agree."""

from pathlib import Path

import pytest

from common.errors import InputError
from common.plan import Plan
from common.pods import pod_groups as pod_groups_of_plan
from common.quota import POD_FIGURES, needed
from settings.capacity import check_capacity, object_counts, pod_groups
from settings.offline import offline_settings
from tests.helpers.stack import edit


@pytest.mark.parametrize("figure", POD_FIGURES)
@pytest.mark.parametrize("peak", [False, True])
def test_settings_and_plan_need_the_same(plan: Plan, figure: str, peak: bool) -> None:
    from_settings = needed(pod_groups(offline_settings(plan.network)), figure, peak=peak)
    assert needed(pod_groups_of_plan(plan), figure, peak=peak) == from_settings


def test_settings_and_plan_count_the_same_objects(plan: Plan) -> None:
    counts = object_counts(offline_settings(plan.network))
    assert sum(1 for _ in plan.of_kind("Service")) + plan.external_counts["services"] == counts["services"]
    claims = sum(1 for _ in plan.of_kind("PersistentVolumeClaim"))
    assert claims + plan.external_counts["persistentvolumeclaims"] == counts["persistentvolumeclaims"]


@pytest.mark.parametrize(
    ("network", "services", "claims"), [("devnet", 17, 4), ("testnet", 19, 4), ("mainnet", 23, 11)]
)
def test_counts_of_production(network: str, services: int, claims: int) -> None:
    """Counted live: 17 and 19 Services, 4, 4 and 11 claims; mainnet's Services follow from its external workloads."""
    assert object_counts(offline_settings(network)) == {"services": services, "persistentvolumeclaims": claims}


@pytest.mark.parametrize(
    ("key", "value"),
    [("requestsCpu", "2"), ("requestsMemory", "4Gi"), ("services", 16), ("persistentVolumeClaims", 3), ("pods", 9)],
)
def test_quota_below_the_need_is_refused_before_anything_is_registered(project: Path, key: str, value: object) -> None:
    edit(project, "devnet", lambda config: config["quota"].update({key: value}))
    with pytest.raises(InputError, match=rf"Pulumi\.devnet\.yaml: gx-infra:quota\.{key} = .*the network needs"):
        check_capacity(offline_settings("devnet", project))


def test_autoscaler_maximum_counts(project: Path) -> None:
    edit(project, "mainnet", lambda config: config["quota"].update({"acceptedAtPeak": {}}))
    with pytest.raises(InputError, match=r"quota\.limitsCpu = '32'.*when everything rolls"):
        check_capacity(offline_settings("mainnet", project))
