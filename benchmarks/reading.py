"""The reading page in a real browser: first image, loading, scrolling, the next case.

``python -m benchmarks.reading`` makes a centre with two CT studies of 300 slices of 512 by 512, signs a reader in and reads: the page is opened with
an empty cache and again, all slices are loaded, leafed through from memory as fast as the page draws, and the next case is opened after a submission. Chromium
draws without a graphics card here; a bar is what a reader must not wait longer for.
"""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from benchmarks import programs
from benchmarks.ct_corpus import write_corpus
from benchmarks.loopback import wait_for
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
SHOWN = "[data-part=stage][data-state=shown]"
# When the first slice was painted, counted from the click that led here.
WATCH = """() => new MutationObserver(() => {
  if (window.firstImage === undefined && document.querySelector('[data-part=stage][data-state=shown]')) window.firstImage = performance.now();
}).observe(document, { subtree: true, attributes: true, childList: true, attributeFilter: ['data-state'] })"""
LEAF = """(count) => new Promise((done) => {
  const stage = document.querySelector("[data-part=stage]");
  stage.focus();
  const begin = performance.now();
  let left = count;
  const next = () => {
    if (left-- === 0) return done(count / ((performance.now() - begin) / 1000));
    stage.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
})"""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure, and what it must be."""

    name: str
    value: float
    unit: str
    bar: float
    is_most: bool

    @property
    def is_met(self) -> bool:
        """Whether the bar is met."""
        return self.value <= self.bar if self.is_most else self.value >= self.bar

    def text(self) -> str:
        """The line of the table."""
        sign = "≤" if self.is_most else "≥"
        verdict = "met" if self.is_met else "MISSED"
        return f"{self.name:<44} {self.value:8.2f} {self.unit:<9} {sign} {self.bar:g}  {verdict}"


def fill(data: Path, files: Path) -> dict[str, str]:
    """Make the centre; whom to sign in as."""
    command = [sys.executable, "-m", "benchmarks.reading_centre", str(data), str(files)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(answer.strip().splitlines()[-1]))


def first_image(page: Page, address: str) -> float:
    """Seconds from going there until the first slice is painted."""
    page.goto(address, wait_until="commit")
    page.wait_for_selector(SHOWN, timeout=60_000)
    return float(page.evaluate("window.firstImage")) / 1000


def measure(browser: Browser, url: str, account: dict[str, str], slices: int) -> list[Line]:
    """All figures of one session."""
    page = browser.new_page(viewport={"width": 1400, "height": 900}, base_url=url)
    page.goto("/accounts/login/?next=/annotation/reads/")
    page.fill("input[name=login]", account["username"])
    page.fill("input[name=password]", account["password"])
    page.click("form button[type=submit]")
    page.wait_for_url("**/annotation/reads/")
    page.add_init_script(f"({WATCH})()")
    address = page.get_attribute("a.btn-primary", "href") or ""
    cold = first_image(page, address)
    warm = sorted(first_image(page, address) for _ in range(5))[2]
    first_image(page, address)
    begun = page.evaluate("performance.now()")
    # Polled from here: the page's policy forbids the evaluation of strings inside it.
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and int(page.get_attribute("[data-part=stage]", "data-loaded") or 0) < slices:
        page.wait_for_timeout(20)
    loading = slices / ((page.evaluate("performance.now()") - begun) / 1000)
    page.keyboard.press("Home")
    leafed = page.evaluate(LEAF, slices - 1)
    following = next_case(page)
    return [
        Line("first image, empty cache", cold, "s", 1.0, is_most=True),
        Line("first image, files of the page kept", warm, "s", 0.5, is_most=True),
        Line("slices loaded and decoded", loading, "slices/s", 30, is_most=False),
        Line("leafing through from memory", leafed, "slices/s", 30, is_most=False),
        Line("first image of the next case after submitting", following, "s", 0.5, is_most=True),
    ]


def next_case(page: Page) -> float:
    """Answer, submit, and wait for the first slice of the case after it."""
    page.wait_for_timeout(2000)
    page.keyboard.press("q")
    page.keyboard.press("1")
    page.wait_for_timeout(500)
    page.keyboard.press("f")
    before = page.evaluate("location.pathname")
    watch = """(before) => new Promise((done) => {
      const begin = performance.now();
      const look = () => location.pathname !== before && document.querySelector('[data-part=stage][data-state=shown]')
        ? done((performance.now() - begin) / 1000) : performance.now() - begin > 30000 ? done(NaN) : requestAnimationFrame(look);
      document.getElementById('submit').click();
      look();
    })"""
    return float(page.evaluate(watch, before))


@click.command()
@click.option("--slices", default=300, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.option("--keep", type=click.Path(path_type=Path), help="A folder for the centre, used again by the next run.")
def main(*, slices: int, as_json: bool, keep: Path | None) -> None:
    """Make a centre, read in it, print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        work = keep or Path(folder)
        if not (work / "account.json").exists():
            write_corpus(work / "files", 2 * slices, shape=(2, 1, 1), is_chest=True)
            (work / "account.json").write_text(json.dumps(fill(work / "centre", work / "files")))
        account = json.loads((work / "account.json").read_text())
        with programs.centre(work / "centre", work / "centre.log") as (url, _), sync_playwright() as playwright:
            wait_for(url)
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            lines = measure(browser, url, account, slices)
            browser.close()
    if as_json:
        click.echo(json.dumps([asdict(line) | {"is_met": line.is_met} for line in lines], indent=2))
    else:
        for line in lines:
            click.echo(line.text())


if __name__ == "__main__":
    main()
