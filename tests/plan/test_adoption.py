"""Import ids apply while a network is adopted, on its own cluster, and never cost a secret (takeover.md 3 and 4)."""

from pathlib import Path

import pytest
import yaml

from gx.checks.isolation import check_imports
from gx.errors import InputError
from gx.plan.record import record
from gx.settings.offline import offline_settings
from tests.helpers.stack import edit

PINNED = "22222222-2222-2222-2222-222222222222"
IMPORTS = {
    "Namespace/backend-mainnet": "backend-mainnet",
    "PersistentVolumeClaim/minio-pvc": "backend-mainnet/minio-pvc",
    "Service/minio": "backend-mainnet/minio",
    "Deployment/svc-tax": "backend-mainnet/svc-tax",
    "DnsRecord/api.gxcoin.money-72.61.81.3": f"{'0' * 32}/abc",
}


def adopt(project: Path, imports: dict[str, str], uid: str = PINNED) -> None:
    edit(project, "mainnet", lambda config: config.update(adopt=True, clusterUid=PINNED))
    document = {"clusterUid": uid, "imports": imports}
    (project / "networks/mainnet/adoption.yaml").write_text(yaml.safe_dump(document))


def test_ids_reach_the_registrations(project: Path) -> None:
    adopt(project, IMPORTS)
    plan = record("mainnet", root=project)
    found = {f"{r.kind}/{r.object_name if r.is_object else r.name}": r.options.import_id for r in plan.resources}
    assert {name: identifier for name, identifier in found.items() if identifier} == IMPORTS
    assert list(check_imports(plan)) == []


def test_without_the_flag_no_id_applies(project: Path) -> None:
    adopt(project, IMPORTS)
    edit(project, "mainnet", lambda config: config.update(adopt=False))
    assert not any(r.options.import_id for r in record("mainnet", root=project).resources)


def test_an_id_of_nothing_is_found(project: Path) -> None:
    adopt(project, {"Deployment/api-gateway": "backend-mainnet/api-gateway"})
    found = list(check_imports(record("mainnet", root=project)))
    assert [finding.place for finding in found] == ["Deployment/api-gateway"]


def test_an_id_that_another_kind_takes_is_found_all_the_same(project: Path) -> None:
    """A StatefulSet and a Service of one name have one id."""
    adopt(project, {"Service/svc-tax": "backend-mainnet/svc-tax", "StatefulSet/svc-tax": "backend-mainnet/svc-tax"})
    found = list(check_imports(record("mainnet", root=project)))
    assert [finding.place for finding in found] == ["StatefulSet/svc-tax"]


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
