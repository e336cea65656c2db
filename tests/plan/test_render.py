"""Rendered manifests."""

import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from common.errors import InputError
from common.plan import Plan
from common.values import plain
from gx.plan.render import APPLY_ORDER, rendered, write_rendered


def test_one_file_per_object_in_apply_order(plan: Plan) -> None:
    files = rendered(plan)
    documents = [yaml.safe_load(text) for text in files.values()]
    assert len(documents) == len(plan.objects)
    ranks = [APPLY_ORDER.index(document["kind"]) for document in documents]
    assert ranks == sorted(ranks)
    assert list(files) == sorted(files)


def test_yaml_reads_back_as_the_same_object(plan: Plan) -> None:
    by_name = {(r.kind, r.object_name): plain(r.manifest) for r in plan.objects}
    for text in rendered(plan).values():
        document = yaml.safe_load(text)
        assert document == by_name[document["kind"], document["metadata"]["name"]]


def test_texts_that_old_readers_misread_are_quoted(mainnet: Plan) -> None:
    config = next(text for name, text in rendered(mainnet).items() if "backend-config" in name)
    assert 'FABRIC_GRPC_KEEPALIVE: "true"' in config
    assert 'DATABASE_PORT: "5432"' in config


def test_secrets_are_redacted_unless_asked_for(mainnet: Plan) -> None:
    secret = next(r for r in mainnet.of_kind("Secret") if r.object_name == "minio-credentials")
    value = secret.inputs["stringData"]["MINIO_ROOT_PASSWORD"].value
    hidden, shown = "".join(rendered(mainnet).values()), "".join(rendered(mainnet, show_secrets=True).values())
    assert value not in hidden
    assert "MINIO_ROOT_PASSWORD: (secret)" in hidden
    assert value in shown


def test_writes_all_and_replaces_what_it_wrote_before(mainnet: Plan, plans: dict[str, Plan], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert write_rendered(mainnet, folder) == len(mainnet.objects)
    assert write_rendered(plans["devnet"], folder) == len(plans["devnet"].objects)
    assert len(list(folder.glob("*.yaml"))) == len(plans["devnet"].objects)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_was_there_stays_when_it_is_interrupted(
    mainnet: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    write_rendered(mainnet, folder)
    before = sorted(path.name for path in folder.iterdir())
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_rendered(mainnet, folder)
    assert sorted(path.name for path in folder.iterdir()) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_link_to_a_folder_stays_one(mainnet: Plan, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "there")
    write_rendered(mainnet, tmp_path / "out")
    assert (tmp_path / "out").is_symlink()
    assert len(list((tmp_path / "there").glob("*.yaml"))) == len(mainnet.objects)


def test_shown_secrets_are_for_the_owner_only(mainnet: Plan, tmp_path: Path) -> None:
    write_rendered(mainnet, tmp_path / "out", show_secrets=True)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").glob("*.yaml")}
    assert modes == {0o600}


def test_never_overwrites_a_folder_of_somebody_else(mainnet: Plan, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(InputError, match="not rendered by gx"):
        write_rendered(mainnet, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def _everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


FOREIGN = ["kustomization.yaml", ".git/config", "notes/why.md", ".gitignore"]


@pytest.mark.parametrize("name", FOREIGN)
def test_what_somebody_put_into_a_rendered_folder_stays(mainnet: Plan, tmp_path: Path, name: str) -> None:
    write_rendered(mainnet, tmp_path / "out")
    mine = tmp_path / "out" / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("precious")
    before = _everything(tmp_path)
    with pytest.raises(
        InputError, match=f"not rendered by gx, or changed since: {name.partition('/')[0]}; it would be"
    ):
        write_rendered(mainnet, tmp_path / "out")
    assert _everything(tmp_path) == before


def test_what_somebody_changed_in_a_rendered_folder_stays(mainnet: Plan, tmp_path: Path) -> None:
    write_rendered(mainnet, tmp_path)
    first = next(iter(rendered(mainnet)))
    (tmp_path / first).write_text("changed by hand")
    with pytest.raises(InputError, match=first):
        write_rendered(mainnet, tmp_path)
    (tmp_path / first).unlink()
    (tmp_path / first).symlink_to("elsewhere")
    with pytest.raises(InputError, match=first):
        write_rendered(mainnet, tmp_path)
    (tmp_path / first).unlink()
    write_rendered(mainnet, tmp_path)
    assert (tmp_path / first).is_file()


def test_a_folder_whose_marker_lists_nothing_is_not_ours_to_empty(mainnet: Plan, tmp_path: Path) -> None:
    """As it was written before it listed its files."""
    (tmp_path / ".gx-rendered").touch()
    (tmp_path / "001-namespace-x.yaml").write_text("kind: Namespace\n")
    with pytest.raises(InputError, match=r"001-namespace-x\.yaml"):
        write_rendered(mainnet, tmp_path)


def test_the_marker_can_be_read_by_sha256sum(mainnet: Plan, tmp_path: Path) -> None:
    write_rendered(mainnet, tmp_path)
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", ".gx-rendered"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) == len(mainnet.objects)


def test_a_file_in_the_way_is_named(mainnet: Plan, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file"):
        write_rendered(mainnet, tmp_path / "file" / "out")
