"""The managed components of a network that was made by hand: the list grows with the record until it is complete."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue.managed_components import ManagedComponent
from common.errors import InputError
from gx.plan.record import ProgramRefusalError, record
from settings.adoption import Adoption, read_adoption, taken_over
from settings.offline import offline_settings
from tests.helpers.stack import edit

PINNED = "22222222-2222-2222-2222-222222222222"
OTHER = "33333333-3333-3333-3333-333333333333"
EVERY = [component.value for component in ManagedComponent]


def network(project: Path, listed: list[str] | None, *, adopt: bool, **adoption: Any) -> None:
    """Write mainnet's list and its record; without anything for the record there is none."""
    edit(project, "mainnet", lambda config: config.update(adopt=adopt, clusterUid=PINNED))
    if listed is not None:
        edit(project, "mainnet", lambda config: config.update(managedComponents=listed))
    document: dict[str, Any] = {"clusterUid": PINNED, "imports": {}, **adoption}
    if adoption:
        (project / "networks/mainnet/adoption.yaml").write_text(yaml.safe_dump(document))


def refused(project: Path) -> str:
    """Return the line by which the program itself, as `pulumi up` runs it, refuses the settings."""
    with pytest.raises(ProgramRefusalError) as caught:
        record("mainnet", root=project)
    line = str(caught.value)
    assert line.startswith("Pulumi.mainnet.yaml: gx-infra:managedComponents = ")
    assert "\n" not in line
    assert "; fix: " in line
    return line


@pytest.mark.parametrize("gone", EVERY)
def test_an_adopted_network_keeps_every_component(project: Path, gone: str) -> None:
    network(project, [component for component in EVERY if component != gone], adopt=False, managedComponents=EVERY)
    with pytest.raises(
        InputError, match=f"gx-infra:managedComponents = .* leaves out {gone}: the network is adopted .* would delete"
    ):
        offline_settings("mainnet", project)


def test_plain_up_on_an_adopted_network_ends_before_anything_is_planned(project: Path) -> None:
    network(project, ["environment"], adopt=False, managedComponents=EVERY)
    line = refused(project)
    assert "the network is adopted (networks/mainnet/adoption.yaml, and gx-infra:adopt is false)" in line
    assert "see docs/adoption.md" in line
    for adopting in (True, False):  # no command that reads settings takes it
        with pytest.raises(InputError, match="leaves out storage, database"):
            offline_settings("mainnet", project, adopting=adopting)


@pytest.mark.parametrize("listed", [None, EVERY, EVERY[::-1]])
def test_the_whole_list_is_taken_in_any_order(project: Path, listed: list[str] | None) -> None:
    network(project, listed, adopt=False, managedComponents=EVERY)
    assert set(offline_settings("mainnet", project).adopted) == set(ManagedComponent)


def test_an_empty_list_deletes_nothing_either(project: Path) -> None:
    network(project, [], adopt=False, managedComponents=EVERY)
    assert "leaves out environment, storage" in refused(project)


def test_closed_too_early_the_list_is_not_the_whole(project: Path) -> None:
    network(project, ["environment"], adopt=False, managedComponents=["environment"])
    assert "while they are being taken over gx-infra:adopt is true" in refused(project)


def test_while_it_is_adopted_what_was_taken_over_stays(project: Path) -> None:
    network(
        project, ["environment", "workloads"], adopt=True, managedComponents=["environment", "storage", "workloads"]
    )
    line = refused(project)
    assert "leaves out storage: networks/mainnet/adoption.yaml says that it was taken over, and the next `up`" in line
    assert "fix: list it again; to give it up, `pulumi state delete` its objects" in line


def test_a_wave_is_recorded_before_it_is_taken_over(project: Path) -> None:
    network(project, ["environment", "storage"], adopt=True, managedComponents=["environment"])
    line = refused(project)
    assert "gx-infra:managedComponents = 'storage': networks/mainnet/adoption.yaml does not have it" in line
    assert "fix: gx adopt mainnet --context NAME --write, before the next `up`" in line


def test_adoption_compares_the_whole_network_however_far_it_is(project: Path) -> None:
    """With a part alone the records, policies and Deployments of later components would be strangers, and refused."""
    network(project, ["environment", "storage"], adopt=True, managedComponents=["environment"])
    plan = record("mainnet", root=project, whole=True)
    kinds = {resource.kind for resource in plan.resources}
    assert {"Namespace", "StatefulSet", "Deployment", "CronJob", "Ingress", "DnsRecord"} <= kinds
    assert not any(resource.options.import_id for resource in plan.resources)


def test_what_is_recorded_and_listed_is_planned(project: Path) -> None:
    network(project, ["environment"], adopt=True, managedComponents=["environment"])
    assert offline_settings("mainnet", project).adopted == (ManagedComponent.ENVIRONMENT,)
    assert record("mainnet", root=project).objects


@pytest.mark.parametrize(
    ("adopt", "adoption"),
    [
        (False, {}),  # never adopted: the first `up` on an empty cluster begins with a part
        (False, {"managedComponents": []}),  # prepared, nothing taken over yet
        (
            False,
            {"managedComponents": EVERY, "clusterUid": OTHER},
        ),  # adopted on a cluster that is gone, made again on another
    ],
)
def test_a_network_that_the_program_makes_may_begin_with_a_part(
    project: Path, adopt: bool, adoption: dict[str, Any]
) -> None:
    network(project, ["environment"], adopt=adopt, **adoption)
    assert offline_settings("mainnet", project).adopted == ()


def test_a_record_of_before_is_readable_and_keeps_an_adopted_network_whole(project: Path) -> None:
    network(project, ["environment"], adopt=True, accepted=["x"])
    assert offline_settings("mainnet", project).adopted == (), "it never said what was taken over"
    edit(project, "mainnet", lambda config: config.update(adopt=False))
    assert "leaves out storage" in refused(project)


def test_a_component_that_does_not_exist_is_named(project: Path) -> None:
    network(project, None, adopt=False, managedComponents=["environment", "storge"])
    with pytest.raises(InputError, match=r"networks/mainnet/adoption.yaml: managedComponents\[1\] = 'storge'"):
        offline_settings("mainnet", project)


def test_what_is_written_only_grows() -> None:
    old = Adoption.model_validate({"clusterUid": PINNED, "imports": {}})
    part = old.model_copy(update={"managed_components": (ManagedComponent.ENVIRONMENT, ManagedComponent.DNS)})
    assert taken_over(None, PINNED, []) == []
    assert taken_over(None, PINNED, [ManagedComponent.ENVIRONMENT]) == [ManagedComponent.ENVIRONMENT]
    assert taken_over(part, PINNED, []) == [ManagedComponent.ENVIRONMENT, ManagedComponent.DNS]
    assert taken_over(part, PINNED, [ManagedComponent.STORAGE]) == [
        ManagedComponent.ENVIRONMENT,
        ManagedComponent.STORAGE,
        ManagedComponent.DNS,
    ]
    assert taken_over(part, OTHER, [ManagedComponent.STORAGE]) == [ManagedComponent.STORAGE]
    assert taken_over(old, PINNED, []) is None, "an adopted network must not look like one that was never begun"
    assert taken_over(old, PINNED, [ManagedComponent.STORAGE]) == [ManagedComponent.STORAGE]


def test_there_is_no_record_where_there_is_no_file(project: Path) -> None:
    assert read_adoption("mainnet", project) is None
