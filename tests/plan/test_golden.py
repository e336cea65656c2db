"""Golden files: a change of what the cluster would get shows as a diff in review."""

import shutil
from pathlib import Path

import pytest

from common.plan import Plan
from gx.plan.render import to_yaml
from gx.reachability.view import markdown
from rules.reachability.matrix import Matrix
from rules.reachability.world import endpoints, planned_policies
from settings.project import ROOT

GOLDEN = ROOT / "tests/golden"


def _registrations(plan: Plan) -> str:
    """Return one line per registration: types, name and the options that matter in a review."""
    lines: list[str] = []
    for resource in plan.resources:
        options = resource.options
        marks = [name for name in ("protect", "retain_on_delete") if getattr(options, name)]
        marks += [f"read {resource.inputs['id']}"] if resource.read else []
        chain = "::".join(resource.urn.split("::")[2:])
        lines.append(" ".join([chain, *marks]))
        if resource.kind == "DnsRecord":
            fields = ("name", "type", "content", "ttl", "proxied")
            lines.append("    " + " ".join(f"{field}={resource.inputs[field]}" for field in fields))
    return "\n".join(lines) + "\n"


def _files(plan: Plan) -> dict[str, str]:
    objects = {f"{r.kind.lower()}-{r.object_name}.yaml": to_yaml(r) for r in plan.objects}
    table = markdown(plan.network, Matrix(endpoints(plan), planned_policies(plan)), plan.own_namespaces)
    return {"registrations.txt": _registrations(plan), "reach.md": table, **objects}


def test_golden_files(plan: Plan, request: pytest.FixtureRequest) -> None:
    folder, files = GOLDEN / plan.network, _files(plan)
    if request.config.getoption("--update-golden"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    kept = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    hint = "run `make golden` and read the diff"
    assert sorted(kept) == sorted(files), hint
    for name, text in files.items():
        assert kept[name] == text, f"{folder / name}: {hint}"


def test_golden_files_hold_no_secret(plans: dict[str, Plan]) -> None:
    """The placeholder of every password shows in a Plan; none may reach a file."""
    texts = "".join(path.read_text() for path in sorted(Path(GOLDEN).rglob("*.yaml")))
    for plan in plans.values():
        for secret in plan.of_kind("Secret"):
            for value in secret.inputs["stringData"].values():
                assert value.value not in texts
