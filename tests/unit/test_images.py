"""Images of the local network: every name of the manifests, the same bytes from the same layers, a whole archive."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from devcluster.node.images import LocalImage, images, write_archive
from devcluster.node.layers import pack
from gx.plan.record import record
from settings.offline import offline_settings


def _folder(path: Path, content: str) -> Path:
    (path / "opt" / "deep").mkdir(parents=True)
    (path / "opt" / "deep" / "file").write_text(content)
    (path / "opt" / "run").write_text("#!/bin/sh\n")
    (path / "opt" / "run").chmod(0o755)
    (path / "opt" / "link").symlink_to("run")
    return path


def test_every_image_of_the_plan_is_made_under_its_very_name() -> None:
    made = {image.name for image in images(offline_settings("devnet", local=True))}
    plan = record("devnet", local=True)
    wanted = {image for resource in plan.resources for image in _images(resource.inputs)}
    assert len(wanted) >= 14
    assert wanted <= made, wanted - made


def _images(node: Any) -> Iterator[str]:
    """Yield what every key `image` holds."""
    if isinstance(node, dict):
        for key, value in cast("dict[str, Any]", node).items():
            if key == "image" and isinstance(value, str):
                yield value
            else:
                yield from _images(value)
    elif isinstance(node, list):
        for value in cast("list[Any]", node):
            yield from _images(value)


def test_the_same_files_make_the_same_layer_whenever_and_by_whomever(tmp_path: Path) -> None:
    first, second = _folder(tmp_path / "a", "x"), _folder(tmp_path / "b", "x")
    os.utime(second / "opt" / "run", (1, 1))
    pack(first, tmp_path / "first.tar")
    pack(second, tmp_path / "second.tar")
    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()
    pack(_folder(tmp_path / "c", "y"), tmp_path / "third.tar")
    assert (tmp_path / "first.tar").read_bytes() != (tmp_path / "third.tar").read_bytes()
    with tarfile.open(tmp_path / "first.tar") as tar:
        entries = {entry.name: entry for entry in tar}
    assert set(entries) == {"opt", "opt/deep", "opt/deep/file", "opt/link", "opt/run"}
    assert entries["opt/run"].mode == 0o755
    assert {(entry.uid, entry.gid, entry.mtime) for entry in entries.values()} == {(0, 0, 0)}


def test_a_layer_that_could_not_be_packed_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", broken)
    with pytest.raises(OSError, match="no space"):
        pack(_folder(tmp_path / "a", "x"), tmp_path / "layer.tar")
    assert not (tmp_path / "layer.tar").exists()


def test_the_archive_holds_a_shared_layer_once_and_fits_its_own_digests(tmp_path: Path) -> None:
    layers: dict[str, Path] = {}
    for name in ("base", "top"):
        layers[name] = tmp_path / f"{name}.tar"
        pack(_folder(tmp_path / name, name), layers[name])
    wanted = [
        LocalImage(name="registry:5000/one:1", layers=("base",), user="99"),
        LocalImage(name="registry:5000/two:1", layers=("base", "top"), entrypoint=("/opt/run",)),
    ]
    out = io.BytesIO()
    write_archive(out, wanted, layers)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        files = {entry.name: content.read() for entry in tar if (content := tar.extractfile(entry))}
    manifest = json.loads(files["manifest.json"])
    assert [entry["RepoTags"] for entry in manifest] == [["registry:5000/one:1"], ["registry:5000/two:1"]]
    assert sum(name.endswith(".tar") for name in files) == 2
    for entry in manifest:
        config = json.loads(files[entry["Config"]])
        shown = [f"sha256:{hashlib.sha256(files[layer]).hexdigest()}" for layer in entry["Layers"]]
        assert config["rootfs"]["diff_ids"] == shown
        assert not any("PASSWORD" in text or "SECRET" in text for text in config["config"]["Env"])
    again = io.BytesIO()
    write_archive(again, wanted, layers)
    assert hashlib.sha256(again.getvalue()).digest() == hashlib.sha256(out.getvalue()).digest()
