"""Fixtures of all tiers: recorded Plans, a throw-away copy of the project, and tiers that name what they lack."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import hypothesis
import pytest

from common import known_secrets
from common.plan import Plan
from gx.plan.record import record
from tests.helpers.command import run_gx
from tests.helpers.stack import NETWORKS, copy_project

# A busy machine is no failure; in CI the same examples run every time.
hypothesis.settings.register_profile("gx", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("gx")


for _number in (signal.SIGINT, signal.SIGHUP):  # a run in the background ignores them, and so would what it starts
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option by which golden files are written again."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files instead of comparing")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest file, so that the other worker is not done long before."""
    items.sort(key=lambda item: item.path.parent.name != "pods")


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Begin with no known secret: a real command is a process of its own, and the tests share one."""
    fresh: set[str] = set()
    monkeypatch.setattr(known_secrets, "_known", fresh)
    return fresh


@pytest.fixture(scope="session")
def plans() -> dict[str, Plan]:
    """Return the recorded Plan of every network."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip(NETWORKS, pool.map(record, NETWORKS), strict=True))


@pytest.fixture(scope="session")
def mainnet(plans: dict[str, Plan]) -> Plan:
    """Return mainnet's Plan."""
    return plans["mainnet"]


@pytest.fixture(params=NETWORKS)
def plan(request: pytest.FixtureRequest, plans: dict[str, Plan]) -> Plan:
    """Return the Plan of each network in turn."""
    return plans[request.param]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of everything that a user edits, without encrypted settings: tests change it at will."""
    return copy_project(tmp_path / "project")


@pytest.fixture
def gx() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs the command `gx` in a folder."""
    return run_gx


def tool(command: str, package: str) -> str:
    """Return the path of a program that a tier needs; skip the tier where it is missing, fail in CI."""
    found = shutil.which(command)
    if not found:
        unavailable(f"needs {command} (Debian package {package}): run `make tools`")
    return found


def unavailable(reason: str) -> NoReturn:
    """Skip a test that cannot run on this machine; fail in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"in CI no tier may be missing: {reason}")
    pytest.skip(reason)
