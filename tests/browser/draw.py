"""Takes the picture of mainnet's report for the documentation: `make pictures`."""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import sync_playwright

from gx.checks import run_checks
from gx.plan.record import record
from gx.report.page import report
from gx.settings.project import ROOT
from tests.conftest import tool

PICTURE = ROOT / "docs/pictures/report.png"
CHOSEN = "svc-identity"


def main() -> None:
    """Write the picture, with the connections of one service lit."""
    plan = record("mainnet")
    with tempfile.TemporaryDirectory(prefix="gx-picture-") as name, sync_playwright() as playwright:
        file = Path(name) / "report.html"
        file.write_text(report(plan, run_checks(plan, []), ROOT, made=datetime.now(UTC), revision=""), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=tool("chromium", "chromium"))
        page = browser.new_page(viewport={"width": 1850, "height": 1250}, color_scheme="light")
        page.goto(file.as_uri())
        page.locator(f".box[aria-label={CHOSEN}]").click()
        page.locator("#picture").screenshot(path=PICTURE)
        browser.close()
    sys.stdout.write(f"wrote {PICTURE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
