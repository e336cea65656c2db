"""The page of `gx preview --html`: nothing is missing, nothing is invented, nothing secret, nothing from elsewhere."""

import dataclasses
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from common.cluster import UNLISTED
from common.plan import PROVIDERS, Plan
from common.values import Secret, walk
from gx.plan.render import to_yaml
from gx.report.flows import ANYONE, OUTGOING, flows_of
from gx.report.layout import MOST_BOXES, picture_of
from gx.report.page import report
from gx.report.sections import parts_of, quota_of, versions_of
from rules import run_checks
from rules.finding import Finding
from rules.reachability.matrix import Matrix
from rules.reachability.world import CLOUDFLARE, INTERNET, SOLVER, endpoints, planned_policies
from settings.monitoring.rules import alerts
from settings.offline import offline_settings
from settings.project import ROOT
from tests.helpers.mutate import changed, grown
from tests.helpers.stack import NETWORKS, edit

Run = Callable[..., subprocess.CompletedProcess[str]]
MADE = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def page(plan: Plan, findings: list[Finding] | None = None, root: Path = ROOT) -> str:
    found = run_checks(plan) if findings is None else findings
    return report(plan, found, root, made=MADE, revision="0123456789ab")


class _Links(HTMLParser):
    """Collects ids, links to them, and everything that would be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key == "id":
                self.ids.append(value or "")
            elif key == "href" and tag == "a":
                self.links.append(value or "")
            elif key in {"src", "href", "data", "srcset"}:
                self.loaded.append(value or "")


def parsed(text: str) -> _Links:
    links = _Links()
    links.feed(text)
    return links


def test_every_object_is_there_with_its_yaml(plan: Plan) -> None:
    text = unescape(page(plan))
    wanted = [r for r in plan.resources if r.custom and not r.read and not r.type.startswith(PROVIDERS)]
    assert len(wanted) > len(plan.objects)  # records and generated values, too
    shown = [one for part in parts_of(plan) for one in part.objects]
    assert len(shown) == len(wanted)
    for resource in wanted:
        assert to_yaml(resource) in text


def test_no_secret_is_in_it(plan: Plan) -> None:
    text = unescape(page(plan))
    secrets = {
        str(value.value)
        for resource in plan.resources
        for _, value in walk(resource.inputs)
        if isinstance(value, Secret)
    }
    values = {value for value in secrets if len(value) >= 12}
    assert len(values) >= 5
    assert not [value for value in values if value in text]


def test_everything_it_needs_is_in_it_and_every_link_leads_somewhere(plan: Plan) -> None:
    links = parsed(page(plan))
    assert links.loaded == ["data:,"]  # the icon that keeps a browser from asking for one
    assert len(links.ids) == len(set(links.ids))
    assert len(links.links) > 30
    assert [link for link in links.links if not link.startswith("#") or link[1:] not in links.ids] == []


def test_findings_alerts_versions_and_quota_are_there(plan: Plan) -> None:
    findings = run_checks(plan)
    text = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page(plan, findings))))
    for finding in findings:
        assert " ".join(finding.text.split()) in text
    for alert in alerts(offline_settings(plan.network)):
        assert alert.name in text
        assert " ".join(alert.query.split()) in text
        if alert.threshold:
            assert (
                f"{'below' if alert.threshold.below else 'above'} {alert.threshold.text()} {alert.threshold.unit}"
                in text
            )
    for network in NETWORKS:
        assert offline_settings(network).release.hash in text
    for line in quota_of(plan):
        assert f"{line.figure} {line.hard} {line.steady} {line.peak}" in text


def test_versions_stand_in_the_order_of_promotion(project: Path) -> None:
    assert versions_of(project).networks == ("devnet", "testnet", "mainnet")
    release = project / "networks/devnet/release.yaml"
    release.write_text(release.read_text().replace('svc-tax: {tag: "2.1.5"}', 'svc-tax: {tag: "2.1.6"}'))
    line = next(line for line in versions_of(project).lines if line.name == "svc-tax")
    assert line.images == ("2.1.6", "2.1.5", "2.1.5")
    assert line.differs


def pairs_of(plan: Plan) -> set[tuple[str, str]]:
    """Return who reaches whom, as the table of reachability has it, with the names of the picture."""
    found: set[tuple[str, str]] = set()
    for row in Matrix(endpoints(plan), planned_policies(plan)).rows(plan.own_namespaces):
        begins_too = not row.target.inside and row.target.initiates
        target = f"{OUTGOING}{row.target.name}" if begins_too else row.target.name
        found |= {(source.name, target) for source in row.sources}
    return found


def test_the_picture_shows_what_the_policies_allow_and_no_more(plan: Plan) -> None:
    flows = flows_of(plan)
    boxes = {box.key: box for box in flows.boxes}
    drawn = {
        (source, target)
        for wire in flows.wires
        for source in boxes[wire.source].members
        for target in boxes[wire.target].members
    }
    drawn |= {
        (one, other)
        for box in flows.boxes
        if any(line.startswith("each other") for line in box.reaches)
        for one in box.members
        for other in box.members
    }
    allowed = pairs_of(plan)
    only_solver = {source for source, target in allowed if target == SOLVER} & {ANYONE, *_strangers(plan, allowed)}
    expected = {(ANYONE if s in only_solver and t == SOLVER else s, t) for s, t in allowed} | {(INTERNET, CLOUDFLARE)}
    assert {pair for pair in expected if pair[0] != pair[1]} <= drawn
    assert {pair for pair in drawn if pair[0] != pair[1]} <= expected
    assert len(drawn) > 100


def _strangers(plan: Plan, allowed: set[tuple[str, str]]) -> set[str]:
    """Return who has no other connection than to the solver of certificates; an internet host asks Cloudflare, too."""
    busy = {name for pair in allowed if pair[1] != SOLVER for name in pair} | {INTERNET, CLOUDFLARE}
    return {endpoint.name for endpoint in endpoints(plan)} - busy


def test_a_policy_that_goes_takes_its_wires_along(mainnet: Plan) -> None:
    before = flows_of(mainnet)
    closed = flows_of(
        changed(mainnet, "NetworkPolicy", "gx-svc-messaging", lambda inputs: inputs["spec"].update(egress=[]))
    )
    reaches = {box.title: box.reaches for box in closed.boxes}["svc-messaging"]
    assert any(line.startswith("minio") for line in {b.title: b.reaches for b in before.boxes}["svc-messaging"])
    assert not any(line.startswith("minio") for line in reaches)


def test_a_box_names_the_policies_that_apply_to_it(plan: Plan) -> None:
    locations = {endpoint.name: endpoint for endpoint in endpoints(plan)}
    boxes = flows_of(plan).boxes
    for box in boxes:
        inside = [locations[name] for name in box.members if name in locations]
        expected = {one.name for one in planned_policies(plan).all if any(one.selects(location) for location in inside)}
        assert set(box.policies) == expected, box.title
    assert sum(bool(box.policies) for box in boxes) > 10
    wanted = '<a href="#NetworkPolicy/gx-svc-messaging">gx-svc-messaging</a>'
    assert wanted in page(plan)


def test_boxes_do_not_overlap_and_wires_stay_inside(plan: Plan) -> None:
    picture = picture_of(flows_of(plan))
    assert picture is not None
    areas = list(picture.boxes.values())
    for at, one in enumerate(areas):
        assert one.x >= 0
        assert one.x + one.width <= picture.width
        assert one.y >= 0
        assert one.y + one.height <= picture.height
        for other in areas[at + 1 :]:
            apart = (
                one.x + one.width < other.x
                or other.x + other.width < one.x
                or one.y + one.height < other.y
                or other.y + other.height < one.y
            )
            assert apart
    for wire, path in picture.paths.items():
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", path)]
        assert all(-0.1 <= x <= picture.width for x in numbers[::2]), wire
        assert all(-0.1 <= y <= picture.height for y in numbers[1::2]), wire
        end = picture.boxes[wire.target]
        x, y = numbers[-2:]
        assert end.x - 3 <= x <= end.x + end.width + 3
        assert end.y - 3 <= y <= end.y + end.height + 3, wire


def test_the_same_plan_gives_the_same_page(mainnet: Plan) -> None:
    assert page(mainnet) == page(dataclasses.replace(mainnet))


def test_two_thousand_objects_alike_are_one_box(mainnet: Plan) -> None:
    many = grown(mainnet, 2000)
    assert len(many.objects) >= 2000
    flows = flows_of(many)
    assert (
        len(flows.boxes) <= len(flows_of(mainnet).boxes) + 1
    )  # nobody names the copies, so they are no box of svc-tax's
    assert any("more" in box.title for box in flows.boxes)
    assert picture_of(flows) is not None


def test_more_boxes_than_a_person_can_see_are_said_in_words(mainnet: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(flows_of(mainnet).boxes) < MOST_BOXES
    monkeypatch.setattr("gx.report.layout.MOST_BOXES", 3)
    text = page(mainnet)
    assert "are too many for a picture" in text
    assert "<svg width" not in text
    assert 'id="box-0"' in text


def test_what_stands_in_an_object_is_no_html(mainnet: Plan) -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    plan = changed(mainnet, "ConfigMap", "backend-config", lambda inputs: inputs["data"].update(EVIL=evil))
    text = page(plan, [Finding(check="x", location=evil, text=evil)])
    assert "<img" not in text
    assert text.count("</script>") == 1


def test_a_place_without_an_object_is_no_link(mainnet: Plan) -> None:
    text = page(mainnet, [Finding(check="x", location="Pulumi.mainnet.yaml", text="y")])
    assert "<td>Pulumi.mainnet.yaml</td>" in text


def test_the_command_writes_it_whole(gx: Run, tmp_path: Path) -> None:
    file = tmp_path / "new" / "report.html"
    done = gx("preview", "devnet", "--html", str(file))
    assert done.returncode == 0, done.stderr
    assert f"wrote {file}" in done.stderr
    assert "nothing was contacted" in done.stdout
    text = file.read_text()
    assert text.startswith("<!DOCTYPE html>")
    assert text.rstrip().endswith("</html>")
    assert [path.name for path in file.parent.iterdir()] == ["report.html"]


def test_a_page_is_written_over_and_nothing_else(gx: Run, project: Path) -> None:
    before = (project / "Pulumi.devnet.yaml").read_text()
    refused = gx("preview", "devnet", "--html", "Pulumi.devnet.yaml", cwd=project)
    assert refused.returncode == 2
    assert "Pulumi.devnet.yaml: is no page of gx preview; it would be lost" in refused.stderr
    assert (project / "Pulumi.devnet.yaml").read_text() == before
    for _ in range(2):
        assert gx("preview", "devnet", "--html", "report.html", cwd=project).returncode == 0


def test_an_error_of_a_check_is_on_the_page_and_ends_with_2(gx: Run, project: Path) -> None:
    edit(project, "devnet", lambda config: config["limitRange"]["container"]["min"].update(cpu="100m"))
    done = gx("preview", "devnet", "--html", "report.html", cwd=project)
    assert done.returncode == 2
    assert "requests 50m of cpu, the LimitRange wants 100m or more" in (project / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--html", "."), "is a folder; fix: name a file"),
        (("--html", "/dev/stdout"), "/dev/stdout: is no page of gx preview"),
        (("--html", f"{'a' * 300}.html"), "cannot be read (File name too long); fix: name a new file"),
        (("--render", "networks"), "networks: holds what was not rendered by gx"),
        (("--render", "Pulumi.yaml"), "Pulumi.yaml: holds what was not rendered by gx"),
        (("--render", "b" * 300), "cannot be read (File name too long); fix: name a new folder"),
        (("--html", "Pulumi.yaml/report.html"), "Pulumi.yaml: cannot be made"),
        (("--html", "report.html", "--show-secrets"), "--show-secrets: does not go into a page"),
        (
            ("--context", "prod"),
            "--context: belongs to --html; fix: gx preview devnet --html report.html --context prod",
        ),
        (("--html", "report.html", "--context", "no-such"), "no-such"),
        (("--html",), "--html"),
    ],
)
def test_a_wrong_call_writes_nothing(gx: Run, project: Path, arguments: tuple[str, ...], expected: str) -> None:
    before = sorted(path.name for path in project.iterdir())
    done = gx("preview", "devnet", *arguments, cwd=project)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "recorded" not in done.stderr or "cannot be made" in expected, "it is said before anything is worked out"
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in project.iterdir()) == before


def test_another_networks_broken_release_file_hides_nothing(gx: Run, project: Path) -> None:
    (project / "networks/testnet/release.yaml").write_text("network: testnet\n")
    done = gx("preview", "devnet", "--html", "report.html", cwd=project)
    assert done.returncode == 0, done.stderr
    versions = (project / "report.html").read_text().split('id="versions"')[1].split("</section>")[0]
    rows = re.findall(r"<tr.*?</tr>", versions, re.DOTALL)
    (tax,) = [row for row in rows if ">svc-tax<" in row]
    assert re.findall(r"<code>(.*?)</code>", tax) == ["2.1.5", "refused", "2.1.5"]


def test_a_network_without_alerts_and_quota_says_so(gx: Run, project: Path) -> None:
    edit(project, "devnet", lambda config: config.update(managedComponents=["dns"]))
    done = gx("preview", "devnet", "--html", "report.html", cwd=project)
    text = (project / "report.html").read_text()
    assert "The stack does not manage alerts yet." in text, done.stderr
    assert "The stack manages no quota." in text
    assert "workloads: not yet" in text


def test_unlisted_pods_are_in_the_picture(mainnet: Plan) -> None:
    assert any(UNLISTED in box.members for box in flows_of(mainnet).boxes)
