"""Import ids apply while a network is adopted, on its own cluster, and never cost a secret (takeover.md 3 and 4)."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue.managed_components import ManagedComponent
from common.errors import InputError
from gx.cluster.kinds import MONITORING, NAMESPACED
from gx.plan.record import record
from rules.finding import Severity
from rules.isolation import check_imports, check_live_only
from settings.offline import offline_settings
from tests.helpers.stack import NETWORKS, edit

PINNED = "22222222-2222-2222-2222-222222222222"
IMPORTS = {
    "Namespace/backend-mainnet": "backend-mainnet",
    "PersistentVolumeClaim/minio-pvc": "backend-mainnet/minio-pvc",
    "Service/minio": "backend-mainnet/minio",
    "Deployment/svc-tax": "backend-mainnet/svc-tax",
    "DnsRecord/api.gxcoin.money-72.61.81.3": f"{'0' * 32}/abc",
}


EVERY = tuple(component.value for component in ManagedComponent)


def adopt(
    project: Path, imports: dict[str, str], uid: str = PINNED, components: tuple[str, ...] | None = EVERY
) -> None:
    edit(project, "mainnet", lambda config: config.update(adopt=True, clusterUid=PINNED))
    document = {
        "clusterUid": uid,
        "imports": imports,
        **({"managedComponents": list(components)} if components is not None else {}),
    }
    (project / "networks/mainnet/adoption.yaml").write_text(yaml.safe_dump(document))


def imported(project: Path) -> dict[str, str]:
    resources = record("mainnet", root=project).resources
    found = {f"{r.kind}/{r.object_name if r.is_object else r.name}": r.options.import_id for r in resources}
    return {name: identifier for name, identifier in found.items() if identifier}


def test_records_alone_are_imported(project: Path) -> None:
    """The provider replaces an imported Service or claim: objects are taken over by a create over what lives."""
    adopt(project, IMPORTS)
    record_ids = {name: value for name, value in IMPORTS.items() if name.startswith("DnsRecord/")}
    assert imported(project) == record_ids
    namespace = {"Namespace/backend-mainnet": "backend-mainnet"}
    assert list(check_imports(record("mainnet", root=project))) == []
    adopt(project, namespace, components=None)
    assert imported(project) == namespace, "on a cluster of this machine"


def test_what_the_first_updates_remove_besides_is_said_by_the_rules(project: Path) -> None:
    """A preview of an update shows no field that only the live object has (docs/adr/0022)."""
    adopt(project, IMPORTS)
    file = project / "networks/mainnet/adoption.yaml"
    field = 'spec.template.spec.containers["svc-tax"].env.DEBUG_FLAG'
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "liveOnly": {"Deployment/svc-tax": [field]}}))
    (found,) = check_live_only(record("mainnet", root=project))
    assert (found.location, found.severity) == ("Deployment/svc-tax", Severity.WARNING)
    assert found.text.endswith(f"had when it was read: {field}")


def test_a_map_that_does_not_say_what_was_taken_over_is_refused(project: Path) -> None:
    adopt(project, IMPORTS, components=None)
    with pytest.raises(InputError, match=r"adoption\.yaml: managedComponents: is not there: nothing would say"):
        offline_settings("mainnet", project)


def test_a_record_is_not_imported_twice(project: Path) -> None:
    adopt(project, IMPORTS)
    edit(project, "mainnet", lambda config: config.update(adopt=False))
    with pytest.raises(
        InputError, match=r"imports\.DnsRecord/api\.gxcoin\.money-72\.61\.81\.3: was imported with the component"
    ):
        offline_settings("mainnet", project)
    adopt(project, IMPORTS, components=())
    edit(project, "mainnet", lambda config: config.update(adopt=False))
    offline_settings("mainnet", project)


def test_both_ways_of_reading_a_stack_file_give_one_order(project: Path) -> None:
    """The engine hands mappings over sorted by key; a list made of one must not depend on the file's order."""

    def turned(config: dict[str, Any]) -> None:
        config["externalWorkloads"] = dict(reversed(config["externalWorkloads"].items()))

    before = record("mainnet", root=project)
    edit(project, "mainnet", turned)
    after = record("mainnet", root=project)
    assert {r.urn: r.inputs for r in after.resources} == {r.urn: r.inputs for r in before.resources}


def test_every_kind_that_the_program_registers_is_read_live(project: Path) -> None:
    edit(project, "mainnet", lambda config: config.update(monitoring={"delivery": "prometheus-rule"}))
    objects = [resource for name in NETWORKS for resource in record(name, root=project, whole=True).objects]
    assert "PrometheusRule" in {resource.kind for resource in objects}
    for resource in objects:
        read = MONITORING if resource.namespace == "monitoring" else (*NAMESPACED, ("v1", "Namespace"))
        assert (resource.manifest["apiVersion"], resource.kind) in read


def test_without_the_flag_no_id_applies(project: Path) -> None:
    adopt(project, IMPORTS, components=())
    edit(project, "mainnet", lambda config: config.update(adopt=False))
    assert not any(r.options.import_id for r in record("mainnet", root=project).resources)


def test_an_id_of_nothing_is_found(project: Path) -> None:
    adopt(project, {"Deployment/api-gateway": "backend-mainnet/api-gateway"})
    found = list(check_imports(record("mainnet", root=project)))
    assert [finding.location for finding in found] == ["Deployment/api-gateway"]


def test_an_id_that_another_kind_takes_is_found_all_the_same(project: Path) -> None:
    """A StatefulSet and a Service of one name have one id."""
    adopt(project, {"Service/svc-tax": "backend-mainnet/svc-tax", "StatefulSet/svc-tax": "backend-mainnet/svc-tax"})
    found = list(check_imports(record("mainnet", root=project)))
    assert [finding.location for finding in found] == ["StatefulSet/svc-tax"]


@pytest.mark.parametrize(
    ("imports", "uid", "expected"),
    [
        (IMPORTS, "11111111-1111-1111-1111-111111111111", "another cluster than the pinned"),
        (
            {"Secret/minio-credentials": "backend-mainnet/minio-credentials"},
            PINNED,
            "minioRootUser is not set",
        ),
        ({"StatefulSet/minio": "backend-mainnet/minio"}, PINNED, "minioRootUser is not set"),
        ({"Deployment/gx-wallet-frontend": "backend-mainnet/x"}, PINNED, "nextauthSecret is not set"),
        ({"Secret/gx-wallet-auth": "backend-mainnet/gx-wallet-auth"}, PINNED, "nextauthSecret is not set"),
        ({"minio": "x"}, PINNED, "imports.minio"),
    ],
)
def test_dangerous_maps_are_refused(project: Path, imports: dict[str, str], uid: str, expected: str) -> None:
    adopt(project, imports, uid)
    with pytest.raises(InputError, match=r"^networks/mainnet/adoption\.yaml: ") as caught:
        offline_settings("mainnet", project)
    assert expected in str(caught.value)


def test_a_missing_map_is_named(project: Path) -> None:
    edit(project, "mainnet", lambda config: config.update(adopt=True))
    with pytest.raises(InputError, match=r"adoption\.yaml: the file does not exist.*set gx-infra:adopt to false"):
        offline_settings("mainnet", project)
