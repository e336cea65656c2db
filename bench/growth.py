"""Records and checks a network with more services; prints registrations and milliseconds per registration of both.

Imports and the settings are not in the time: they do not grow with the catalogue.
"""

import copy
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import yaml

from catalogue import CATALOGUE
from common.plan import plan_from
from gx.plan import recorder
from rules import run_checks
from settings.project import PROJECT, ROOT

HUGE = {"requestsCpu": "9999", "requestsMemory": "9999Gi", "persistentVolumeClaims": 99}


def grown_project(count: int, folder: Path) -> None:
    """Write devnet's files with `count` services beside the eleven."""
    (folder / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    stack = yaml.safe_load((ROOT / "Pulumi.devnet.yaml").read_text())
    release = yaml.safe_load((ROOT / "networks/devnet/release.yaml").read_text())
    model = CATALOGUE["svc-tax"]
    for number in range(count):
        name = f"svc-grown-{number}"
        CATALOGUE[name] = replace(model, name=name, service=name)
        stack["config"][f"{PROJECT}:workloads"][name] = copy.deepcopy(
            stack["config"][f"{PROJECT}:workloads"]["svc-tax"]
        )
        release["workloads"][name] = {"tag": "1.0.0"}
    stack["config"][f"{PROJECT}:quota"] = {"name": "backend-devnet-quota", **HUGE}
    (folder / "Pulumi.devnet.yaml").write_text(yaml.safe_dump(stack))
    (folder / "networks/devnet").mkdir(parents=True)
    (folder / "networks/devnet/release.yaml").write_text(yaml.safe_dump(release))


def main() -> None:
    """Record, check, print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        grown_project(int(sys.argv[1]), folder)
        record = recorder.run("devnet", folder, preview=True, unknown=False, progress=lambda _: None)
    count = len(record["resources"])
    plan = plan_from(record)
    run_checks(plan)  # loads the schemas
    plan = plan_from(record)
    started = time.perf_counter()
    run_checks(plan)
    checked = time.perf_counter() - started
    print(count, record["build_seconds"] / count * 1000, checked / count * 1000)


if __name__ == "__main__":
    main()
