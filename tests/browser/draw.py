"""Takes the pictures of mainnet's report for the documentation: `make pictures`."""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import sync_playwright

from gx.plan.record import record
from gx.report.page import report
from rules import run_checks
from settings.project import ROOT
from tests.conftest import tool

FOLDER = ROOT / "docs/pictures"
CHOSEN = "svc-identity"


def main() -> None:
    """Write the picture with the connections of one service lit, and what a phone shows in the dark."""
    plan = record("mainnet")
    with tempfile.TemporaryDirectory(prefix="gx-picture-") as name, sync_playwright() as playwright:
        file = Path(name) / "report.html"
        file.write_text(report(plan, run_checks(plan), ROOT, made=datetime.now(UTC), revision=""), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=tool("chromium", "chromium"))
        desk = browser.new_page(viewport={"width": 1850, "height": 1250}, color_scheme="light")
        desk.goto(file.as_uri())
        desk.locator(f".box[data-title={CHOSEN}]").click()
        desk.locator("#picture").screenshot(path=FOLDER / "report.png")
        phone = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark", device_scale_factor=2)
        for location in ("quota", "alerts"):
            phone.goto(f"{file.as_uri()}#{location}")
            phone.screenshot(path=FOLDER / f"report-phone-{location}.png")
        browser.close()
    sys.stdout.write(f"wrote the pictures of the report to {FOLDER.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
