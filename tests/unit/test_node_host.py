"""A machine that cannot have a node with real pods is refused with one line, before anything is made."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from common.errors import InputError
from devcluster.node.addresses import HOST_LINK, POD_SUBNET
from devcluster.node.host import PROGRAMS, Host, check, this_host

GOOD = Host(
    system="linux",
    user=0,
    missing=(),
    file_systems=frozenset({"ext4", "overlay"}),
    filters_bridges=True,
    memory=16 * 2**30,
    routes={IPv4Network("192.168.1.0/24"): "eth0"},
    members=(),
)
REFUSED: list[tuple[str, Callable[[Host], Host], list[str]]] = [
    ("another system", lambda h: replace(h, system="darwin"), ["runs darwin", "gx local mark"]),
    ("not root", lambda h: replace(h, user=1000), ["is not root", "sudo"]),
    ("no containerd", lambda h: replace(h, missing=("containerd", "ctr")), ["containerd, ctr", "make tools"]),
    ("no overlayfs", lambda h: replace(h, file_systems=frozenset({"ext4"})), ["no overlayfs", "modprobe overlay"]),
    ("no packet rules", lambda h: replace(h, filters_bridges=False), ["no br_netfilter", "modprobe br_netfilter"]),
    ("little memory", lambda h: replace(h, memory=4 * 2**30), ["4.0 GiB", "8 GiB are needed"]),
    (
        "another cluster's pods",
        lambda h: replace(h, routes={IPv4Network("10.42.0.0/24"): "cni0"}),
        ["10.42.0.0/24 leads to cni0", "another cluster"],
    ),
    (
        "another cluster's Services",
        lambda h: replace(h, routes={IPv4Network("10.43.0.0/16"): "kube-ipvs0"}),
        ["leads to kube-ipvs0", "10.43.0.0/16"],
    ),
    ("a wide network", lambda h: replace(h, routes={IPv4Network("10.0.0.0/8"): "eth1"}), ["10.0.0.0/8 leads to eth1"]),
    (
        "another node of ours",
        lambda h: replace(h, routes={IPv4Network(POD_SUBNET): HOST_LINK}),
        ["another node of `gx local up --pods`", "gx local down"],
    ),
    ("processes of an earlier node", lambda h: replace(h, members=(4711, 4712)), ["4711, 4712", "end them"]),
]


@pytest.mark.parametrize(("name", "change", "words"), REFUSED, ids=[name for name, _, _ in REFUSED])
def test_what_is_missing_is_named_with_what_to_do(name: str, change: Callable[[Host], Host], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        check(change(GOOD))
    text = str(caught.value)
    assert "\n" not in text, name
    assert all(word in text for word in words), text


def test_a_machine_that_has_everything_is_accepted() -> None:
    check(GOOD)


def test_this_machine_is_looked_at() -> None:
    found = this_host()
    assert found.memory > 2**28
    assert set(found.missing) <= set(PROGRAMS)
    assert found.file_systems


def test_a_refusal_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console  # noqa: PLC0415

    from devcluster import up  # noqa: PLC0415
    from settings.project import ROOT  # noqa: PLC0415

    monkeypatch.setattr(up, "this_host", lambda: replace(GOOD, user=1000))
    data = tmp_path / "data"
    with pytest.raises(InputError, match="is not root"):
        up.bring_up("devnet", ROOT, data, "", Console(quiet=True), pods=True)
    assert not data.exists()


def test_a_network_without_the_file_is_refused(tmp_path: Path) -> None:
    from rich.console import Console  # noqa: PLC0415

    from devcluster import up  # noqa: PLC0415
    from settings.project import ROOT  # noqa: PLC0415

    with pytest.raises(InputError, match=r"networks/mainnet/local.yaml.*networks/devnet/local.yaml"):
        up.bring_up("mainnet", ROOT, tmp_path / "data", "", Console(quiet=True), pods=True)
