"""What the page of `gx preview --html` costs: to write, and to open in Chromium until it is painted."""

import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from gx.plan.record import record
from gx.report.page import report
from rules import run_checks
from settings.project import ROOT
from tests.helpers.mutate import grown

ROUNDS = 7
OBJECTS = 2000
EMPTY = "<!DOCTYPE html><title>empty</title><p>empty"
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def page() -> None:
    """Print seconds and ratios, against a page with nothing in it."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("\nreport: no chromium here (`make tools`)")
        return
    plan = record("mainnet")
    many = grown(plan, OBJECTS)
    with tempfile.TemporaryDirectory(prefix="gx-bench-") as name, sync_playwright() as playwright:
        files = {"an empty page": Path(name) / "empty.html"}
        files["an empty page"].write_text(EMPTY, encoding="utf-8")
        for words, shown in ((f"mainnet, {len(plan.objects)} objects", plan), (f"{len(many.objects)} objects", many)):
            began = time.perf_counter()
            text = report(shown, run_checks(plan), ROOT, made=datetime.now(UTC), revision="")
            print(
                f"\nreport of {words}: made in {time.perf_counter() - began:.2f} s, {len(text) / 2**20:.1f} MiB", end=""
            )
            files[words] = Path(name) / f"{len(files)}.html"
            files[words].write_text(text, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium)
        seconds: dict[str, list[float]] = {words: [] for words in files}
        for _ in range(ROUNDS):
            for words, file in files.items():
                seconds[words].append(_opened(browser, file))
        browser.close()
    medians = {words: statistics.median(values) for words, values in seconds.items()}
    print(f"\n{'opened until painted':34}{'seconds':>9}{'ratio':>8}")
    for words, median in medians.items():
        print(f"{words:34}{median:9.2f}{median / medians['an empty page']:8.1f}")


def _opened(browser: Browser, file: Path) -> float:
    shown = browser.new_page()
    began = time.perf_counter()
    shown.goto(file.as_uri())
    shown.evaluate(PAINTED)
    seconds = time.perf_counter() - began
    shown.close()
    return seconds
