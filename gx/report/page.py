"""The page itself: one file that needs nothing else, neither a server nor a network."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from common.errors import InputError
from common.plan import Plan
from common.pods import pods
from gx.adoption.adopt import AdoptionReport
from gx.diff.revisions import described
from gx.reachability.view import grouped
from gx.report.flows import Layer, flows_of
from gx.report.layout import lines_of, picture_of
from gx.report.sections import adoption_of, alerts_of, counted, parts_of, quota_of, versions_of
from rules.finding import Finding
from rules.reachability.world import pod_name
from settings.offline import offline_settings
from settings.project import replace_file

FOLDER = Path(__file__).parent / "page"
MARK = b'<meta name="generator" content="gx preview">'
LONGEST_HEAD = 500
"""Bytes of a page in which its mark stands."""


def report(
    plan: Plan,
    findings: Sequence[Finding],
    root: Path,
    *,
    made: datetime,
    revision: str,
    adoption: AdoptionReport | None = None,
) -> str:
    """Return the page of a network as HTML. Secrets are redacted, always: pages are passed on.

    Args:
        plan: The network's Plan.
        findings: What the checks say about it.
        root: The project's folder, for the other networks' versions.
        made: When, as the page says it.
        revision: Of which files, as the page says it; empty if that is not known.
        adoption: What a comparison with the live network says, if there was one.

    Raises:
        InputError: A file of the network cannot be used.
    """
    settings = offline_settings(plan.network, root, adopting=False)
    flows, parts, alerts = flows_of(plan), parts_of(plan), alerts_of(settings)
    own = plan.own_namespaces
    inside = grouped(row for row in flows.rows if row.target.namespace in own)
    outside = grouped(row for row in flows.rows if row.target.namespace not in own)
    contents = (
        ("picture", "Picture", ""),
        ("findings", "Findings", len(findings)),
        ("quota", "Quota", ""),
        ("reach", "Reachability", ""),
        ("alerts", "Alerts", sum(len(lines) for _, lines in alerts)),
        ("versions", "Versions", ""),
        ("adoption", "AdoptionReport", ""),
        ("outputs", "Outputs", ""),
        ("objects", "Objects", sum(len(part.objects) for part in parts)),
    )
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        plan=plan,
        revision=revision,
        made=f"{made:%Y-%m-%d %H:%M %Z}".strip(),
        contents=contents,
        style=_own("style.css"),
        script=_own("page.js"),
        boxes=flows.boxes,
        layers=tuple(Layer),
        lines={box.key: lines_of(box) for box in flows.boxes},
        picture=picture_of(flows),
        controllers={pod_name(pod): pod.location for pod in pods(plan)},
        findings=findings,
        counts=counted(findings),
        quota=quota_of(plan),
        reach=(("Into the network", inside), ("Out of the network", outside)),
        alerts=alerts,
        versions=versions_of(root),
        adoption=adoption_of(settings, adoption),
        outputs=yaml.safe_dump(plan.outputs, sort_keys=False, width=120),
        parts=parts,
        anchors={one.anchor for part in parts for one in part.objects},
    )


def _own(name: str) -> Markup:
    """Return a file of ours as it is: what stands in it is no input."""
    return Markup((FOLDER / name).read_text(encoding="utf-8"))  # noqa: S704 our own file


def check_file(file: Path) -> None:
    """Refuse a file that would be lost.

    Raises:
        InputError: It is a folder, or no page of this command, or cannot be read.
    """
    try:
        if file.is_dir():
            fix = f"name a file, such as {file / 'report.html'}"
            raise InputError(file=str(file), consequence="is a folder", fix=fix)
        if file.exists() and not _is_page(file):
            consequence = "is no page of gx preview; it would be lost"
            raise InputError(file=str(file), consequence=consequence, fix="name a new file, or remove this one")
    except OSError as error:
        consequence = f"cannot be read ({error.strerror})"
        raise InputError(file=str(file), consequence=consequence, fix="name a new file") from None


def _is_page(file: Path) -> bool:
    """Tell whether this command wrote a file; what is no file, such as a pipe, is not read."""
    if not file.is_file():
        return False
    with file.open("rb") as beginning:
        return MARK in beginning.read(LONGEST_HEAD)


def make_report(
    plan: Plan, findings: Sequence[Finding], root: Path, file: Path, *, adoption: AdoptionReport | None = None
) -> None:
    """Write the page of a network atomically; arguments as those of `report`.

    Raises:
        InputError: The file cannot be written, or a file of another network that the page needs cannot be used.
    """
    check_file(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        consequence = f"cannot be made ({error.strerror}); no page was written"
        raise InputError(file=str(file.parent), consequence=consequence, fix="name a folder that can be") from None
    made = datetime.now().astimezone()
    text = report(plan, findings, root, made=made, revision=described(root), adoption=adoption)
    replace_file(str(file), text, root=Path.cwd(), otherwise="no page was written")
