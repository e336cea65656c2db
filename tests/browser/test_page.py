"""The page of `gx preview --html` in a real Chromium: from a file, offline, with a keyboard, dark, on a phone."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from common.plan import Plan
from gx.report.page import report
from rules import run_checks
from settings.project import ROOT
from tests.conftest import tool, unavailable
from tests.helpers.mutate import grown

Open = Callable[..., Page]
PHONE = {"width": 390, "height": 844}
AXE = ROOT / ".tools/npm/node_modules/axe-core/axe.min.js"
READABLE = 4.5
"""The smallest contrast of a text that the web's accessibility guidelines (level AA) allow."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = tool("chromium", "chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium)
        yield started
        started.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, plans: dict[str, Plan]) -> dict[str, Path]:
    """Return the page of each network, and that of one with 2,000 objects, as files."""
    folder = tmp_path_factory.mktemp("pages")
    found: dict[str, Path] = {}
    for name, plan in {**plans, "many": grown(plans["mainnet"], 2000)}.items():
        findings = run_checks(plans.get(name, plans["mainnet"]))
        found[name] = folder / f"{name}.html"
        text = report(plan, findings, ROOT, made=datetime(2026, 1, 2, tzinfo=UTC), revision="")
        found[name].write_text(text, encoding="utf-8")
    return found


@pytest.fixture
def opened(browser: Browser, files: dict[str, Path]) -> Iterator[Open]:
    """Return a function that opens a network's page in a browser that is offline; nothing may go wrong in it."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_page(name: str = "mainnet", location: str = "", **options: object) -> Page:
        context = browser.new_context(offline=True, **{"viewport": {"width": 1500, "height": 1000}, **options})  # type: ignore[arg-type]
        contexts.append(context)
        shown = context.new_page()
        shown.on("console", lambda message: wrong.append(message.text))
        shown.on("pageerror", lambda error: wrong.append(str(error)))
        shown.on("request", lambda request: wrong.append(request.url) if request.url.startswith("http") else None)
        shown.goto(f"{files[name].as_uri()}{location}")
        return shown

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def lit(shown: Page) -> set[str]:
    """Return the titles of the boxes that are connected with the chosen one, itself included."""
    return set(shown.locator(".box.lit").evaluate_all("boxes => boxes.map(box => box.dataset.title)"))


@pytest.mark.parametrize("name", ["devnet", "testnet", "mainnet"])
def test_every_text_fits_its_box(opened: Open, name: str) -> None:
    shown = opened(name)
    outside = shown.locator(".box").evaluate_all(
        """boxes => boxes.filter(box => {
          const frame = box.querySelector('rect').getBBox();
          return [...box.querySelectorAll('text')].some(text => {
            const own = text.getBBox();
            return own.x < frame.x || own.x + own.width > frame.x + frame.width
              || own.y < frame.y - 1 || own.y + own.height > frame.y + frame.height + 1;
          });
        }).map(box => box.dataset.title)"""
    )
    assert outside == []
    assert shown.locator(".box").count() > 20


def test_a_person_without_a_mouse_finds_the_connections_of_a_service(opened: Open) -> None:
    shown = opened()
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.className") == "skip"
    for _ in range(80):
        shown.keyboard.press("Tab")
        if shown.evaluate("document.activeElement.dataset.title") == "svc-messaging":
            break
    assert {"svc-messaging", "minio", "postgres", "redis", "ingress-nginx", "monitoring"} <= lit(shown)
    assert "clamav" not in lit(shown)
    expect(shown.locator("#told")).to_contain_text("minio (9000)")
    shown.keyboard.press("Escape")
    assert lit(shown) == set()
    expect(shown.locator("#told")).to_contain_text("Point at a box")


def test_a_pointer_lights_and_a_click_keeps(opened: Open) -> None:
    shown = opened()
    shown.locator(".box[data-title=clamav]").hover()
    assert "svc-identity" in lit(shown)
    shown.locator("h1").hover()
    assert lit(shown) == set()
    shown.locator(".box[data-title=clamav]").click()
    shown.locator("h1").hover()
    assert "svc-identity" in lit(shown)
    assert shown.url.endswith("mainnet.html")


def test_layers_are_shown_when_they_are_asked_for(opened: Open) -> None:
    shown = opened()
    wires = shown.locator(".wire.MONITORING")
    assert wires.count() > 5
    expect(wires.first).to_be_hidden()
    shown.get_by_role("checkbox", name="monitoring").check()
    expect(wires.first).to_be_visible()
    shown.get_by_role("checkbox", name="requests and data").uncheck()
    expect(shown.locator(".wire.REQUESTS").first).to_be_hidden()


def test_a_link_opens_the_object_and_its_yaml_is_whole(opened: Open) -> None:
    shown = opened()
    shown.get_by_role("link", name="CronJob/minio-backup").first.click()
    yaml = shown.locator("pre[id='CronJob/minio-backup']")
    expect(yaml).to_be_visible()
    expect(yaml.locator(".key", has_text="schedule:")).to_have_count(1)
    text = yaml.inner_text()
    assert text.count("kind: CronJob") == 1
    assert "(secret)" not in text


def test_a_link_from_elsewhere_opens_the_object(opened: Open) -> None:
    expect(opened(location="#Deployment/svc-messaging").locator("pre[id='Deployment/svc-messaging']")).to_be_visible()


def test_filters(opened: Open) -> None:
    shown = opened()
    shown.get_by_placeholder("kind, name or component").fill("deployment tax")
    assert [text.split("\n")[0] for text in shown.locator(".object:visible").all_inner_texts()] == [
        "Deployment svc-tax pods that serve"
    ]
    expect(shown.locator("#matches")).to_contain_text("1 of ")
    notes = shown.locator("tr[data-severity=note]")
    expect(notes.first).to_be_visible()
    shown.locator("input[data-severity=note]").uncheck()
    expect(notes.first).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{"width": 1500, "height": 1000}, PHONE], ids=["desk", "phone"])
def test_texts_can_be_read(opened: Open, scheme: str, size: dict[str, int]) -> None:
    shown = opened(color_scheme=scheme, viewport=size)
    shown.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    found = shown.evaluate(_CONTRASTS)
    assert len(found) > 500
    assert [line for line in found if line[1] < READABLE][:5] == []
    brightness = shown.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (brightness == "rgb(255, 255, 255)") == (scheme == "light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_the_way_of_a_screen_reader(opened: Open, scheme: str) -> None:
    if not AXE.exists():
        unavailable("needs the libraries of tools/npm: run `make tools`")
    shown = opened(color_scheme=scheme, bypass_csp=True)
    shown.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    shown.add_script_tag(path=AXE)
    found = shown.evaluate("axe.run(document)")
    assert len(found["passes"]) > 20
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]] == []


def test_on_a_phone_nothing_but_tables_and_the_picture_is_wider_than_the_screen(opened: Open) -> None:
    shown = opened(viewport=PHONE, has_touch=True, is_mobile=True)
    assert shown.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    cell = shown.locator("#findings td:last-child").first
    box = cell.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= PHONE["width"]
    shown.locator(".box[data-title=internet]").tap()
    assert "cloudflare" in lit(shown)


def test_without_scripts_everything_can_still_be_read(opened: Open) -> None:
    shown = opened(java_script_enabled=False, location="#box-5")
    expect(shown.locator("#picture svg").first).to_be_visible()
    expect(shown.locator("#filter")).to_be_hidden()
    expect(shown.locator("#box-5")).to_be_visible()
    shown.locator("summary", has_text="StatefulSet minio").click()
    expect(shown.locator("pre[id='StatefulSet/minio']")).to_contain_text("kind: StatefulSet")


def test_two_thousand_objects(opened: Open) -> None:
    shown = opened("many")
    count = shown.locator(".object").count()
    assert count >= 2000
    shown.get_by_placeholder("kind, name or component").fill("svc-tax-617")
    assert 3 <= shown.locator(".object:visible").count() <= 4
    expect(shown.locator("#matches")).to_contain_text(f"of {count}")


_CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const rgb = (colours) => {
    canvas.fillStyle = '#fff';
    canvas.fillRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (parts) => {
    const [r, g, b] = parts.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || ['SCRIPT', 'STYLE'].includes(element.tagName)) continue;
    if (!element.checkVisibility()) continue;
    const behind = [];
    for (let at = element; at; at = at.parentElement) behind.unshift(getComputedStyle(at).backgroundColor);
    const box = element.closest('.box, .lane');
    if (box) behind.push(getComputedStyle(box.querySelector('rect')).fill);
    const ink = box ? getComputedStyle(element).fill : getComputedStyle(element).color;
    const [high, low] = [light(rgb([...behind, ink])), light(rgb(behind))].sort((a, b) => b - a);
    found.push([walker.currentNode.data.trim().slice(0, 60), (high + 0.05) / (low + 0.05), element.className]);
  }
  return found;
}"""
"""Every visible text with its contrast against what lies behind it."""
