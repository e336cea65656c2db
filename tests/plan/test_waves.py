"""The list of waves of a network that was made by hand: it grows with the record, and then it is the whole."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue.steps import Wave
from common.errors import InputError
from gx.plan.record import ProgramRefusalError, record
from settings.adoption import Adoption, read_adoption, taken_over
from settings.offline import offline_settings
from tests.helpers.stack import edit

PINNED = "22222222-2222-2222-2222-222222222222"
OTHER = "33333333-3333-3333-3333-333333333333"
EVERY = [wave.value for wave in Wave]


def network(project: Path, listed: list[str] | None, *, adopt: bool, **adoption: Any) -> None:
    """Write mainnet's list and its record; without anything for the record there is none."""
    edit(project, "mainnet", lambda config: config.update(adopt=adopt, clusterUid=PINNED))
    if listed is not None:
        edit(project, "mainnet", lambda config: config.update(waves=listed))
    document: dict[str, Any] = {"clusterUid": PINNED, "imports": {}, **adoption}
    if adoption:
        (project / "networks/mainnet/adoption.yaml").write_text(yaml.safe_dump(document))


def refused(project: Path) -> str:
    """Return the line by which the program itself, as `pulumi up` runs it, refuses the settings."""
    with pytest.raises(ProgramRefusalError) as caught:
        record("mainnet", root=project)
    line = str(caught.value)
    assert line.startswith("Pulumi.mainnet.yaml: gx-infra:waves = ")
    assert "\n" not in line
    assert "; fix: " in line
    return line


@pytest.mark.parametrize("gone", EVERY)
def test_an_adopted_network_keeps_every_wave(project: Path, gone: str) -> None:
    network(project, [wave for wave in EVERY if wave != gone], adopt=False, waves=EVERY)
    with pytest.raises(
        InputError, match=f"gx-infra:waves = .* leaves out {gone}: the network is adopted .* would delete"
    ):
        offline_settings("mainnet", project)


def test_plain_up_on_an_adopted_network_ends_before_anything_is_planned(project: Path) -> None:
    network(project, ["environment"], adopt=False, waves=EVERY)
    line = refused(project)
    assert "the network is adopted (networks/mainnet/adoption.yaml, and gx-infra:adopt is false)" in line
    assert "see docs/adoption.md" in line
    for adopting in (True, False):  # no command that reads settings takes it
        with pytest.raises(InputError, match="leaves out storage, database"):
            offline_settings("mainnet", project, adopting=adopting)


@pytest.mark.parametrize("listed", [None, EVERY, EVERY[::-1]])
def test_the_whole_list_is_taken_in_any_order(project: Path, listed: list[str] | None) -> None:
    network(project, listed, adopt=False, waves=EVERY)
    assert set(offline_settings("mainnet", project).adopted) == set(Wave)


def test_an_empty_list_deletes_nothing_either(project: Path) -> None:
    network(project, [], adopt=False, waves=EVERY)
    assert "leaves out environment, storage" in refused(project)


def test_closed_too_early_the_list_is_not_the_whole(project: Path) -> None:
    network(project, ["environment"], adopt=False, waves=["environment"])
    assert "while they are being taken over gx-infra:adopt is true" in refused(project)


def test_while_it_is_adopted_what_was_taken_over_stays(project: Path) -> None:
    network(project, ["environment", "workloads"], adopt=True, waves=["environment", "storage", "workloads"])
    line = refused(project)
    assert "leaves out storage: networks/mainnet/adoption.yaml says that it was taken over, and the next `up`" in line
    assert "fix: list it again; to give it up, `pulumi state delete` its objects" in line


def test_a_wave_is_recorded_before_it_is_taken_over(project: Path) -> None:
    network(project, ["environment", "storage"], adopt=True, waves=["environment"])
    line = refused(project)
    assert "gx-infra:waves = 'storage': networks/mainnet/adoption.yaml does not have it" in line
    assert "fix: gx adopt mainnet --context NAME --write, before the next `up`" in line


def test_adoption_compares_the_whole_network_however_far_it_is(project: Path) -> None:
    """With a part alone the records, policies and Deployments of later waves would be strangers, and refused."""
    network(project, ["environment", "storage"], adopt=True, waves=["environment"])
    plan = record("mainnet", root=project, whole=True)
    kinds = {resource.kind for resource in plan.resources}
    assert {"Namespace", "StatefulSet", "Deployment", "CronJob", "Ingress", "DnsRecord"} <= kinds
    assert not any(resource.options.import_id for resource in plan.resources)


def test_what_is_recorded_and_listed_is_planned(project: Path) -> None:
    network(project, ["environment"], adopt=True, waves=["environment"])
    assert offline_settings("mainnet", project).adopted == (Wave.ENVIRONMENT,)
    assert record("mainnet", root=project).objects


@pytest.mark.parametrize(
    ("adopt", "adoption"),
    [
        (False, {}),  # never adopted: the first `up` on an empty cluster begins with a part
        (False, {"waves": []}),  # prepared, nothing taken over yet
        (False, {"waves": EVERY, "clusterUid": OTHER}),  # adopted on a cluster that is gone, made again on another
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


def test_a_wave_that_does_not_exist_is_named(project: Path) -> None:
    network(project, None, adopt=False, waves=["environment", "storge"])
    with pytest.raises(InputError, match=r"networks/mainnet/adoption.yaml: waves\[1\] = 'storge'"):
        offline_settings("mainnet", project)


def test_what_is_written_only_grows() -> None:
    old = Adoption.model_validate({"clusterUid": PINNED, "imports": {}})
    part = old.model_copy(update={"waves": (Wave.ENVIRONMENT, Wave.DNS)})
    assert taken_over(None, PINNED, []) == []
    assert taken_over(None, PINNED, [Wave.ENVIRONMENT]) == [Wave.ENVIRONMENT]
    assert taken_over(part, PINNED, []) == [Wave.ENVIRONMENT, Wave.DNS]
    assert taken_over(part, PINNED, [Wave.STORAGE]) == [Wave.ENVIRONMENT, Wave.STORAGE, Wave.DNS]
    assert taken_over(part, OTHER, [Wave.STORAGE]) == [Wave.STORAGE]
    assert taken_over(old, PINNED, []) is None, "an adopted network must not look like one that was never begun"
    assert taken_over(old, PINNED, [Wave.STORAGE]) == [Wave.STORAGE]


def test_there_is_no_record_where_there_is_no_file(project: Path) -> None:
    assert read_adoption("mainnet", project) is None
