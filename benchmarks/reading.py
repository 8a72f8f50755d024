"""The reading page in a real browser: first image, loading, leafing, the next case.

``python -m benchmarks.reading`` makes a centre with two CT studies of 300 slices of 512 by 512, signs a reader in and reads: the page is
opened with an empty cache and again, all slices are loaded, leafed through from memory as fast as the page draws, and the next case is
opened after a submission. A bar is what a reader must not wait longer for, on a machine that does nothing else; Chromium draws without
a graphics card here. What the page itself needs is said in processor time, which other work on the machine does not lengthen.
Each figure is printed when it is there, and nothing is waited for longer than a minute or two.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import psutil
from benchmarks import programs
from benchmarks.ct_corpus import write_corpus
from benchmarks.loopback import wait_for
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
SHOWN = "[data-part=stage][data-state=shown]"
READY = "body[data-state=ready]"
OPENINGS = 5
PATIENCE_MS = 60_000
LOADING_S = 120
# When the first slice was painted, counted from the click that led here.
WATCH = """() => new MutationObserver(() => {
  if (window.firstImage === undefined && document.querySelector('[data-part=stage][data-state=shown]')) window.firstImage = performance.now();
}).observe(document, { subtree: true, attributes: true, childList: true, attributeFilter: ['data-state'] })"""
# One slice for each frame that the browser draws: slices a second, and the number of the slice at the end.
LEAF = """(count) => new Promise((done) => {
  const stage = document.querySelector("[data-part=stage]");
  stage.focus();
  const begin = performance.now();
  let left = count;
  const next = () => {
    if (left-- === 0) return done([count / ((performance.now() - begin) / 1000), Number(document.querySelector("[data-part=slice]").value)]);
    stage.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
})"""
SUBMIT = """(before) => new Promise((done) => {
  const begin = performance.now();
  const look = () => location.pathname !== before && document.querySelector('[data-part=stage][data-state=shown]')
    ? done((performance.now() - begin) / 1000) : performance.now() - begin > 30000 ? done(NaN) : requestAnimationFrame(look);
  document.getElementById('submit').click();
  look();
})"""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure, and what it must be."""

    name: str
    value: float
    unit: str
    bar: float
    is_most: bool = True

    @property
    def is_met(self) -> bool:
        """Whether the bar is met."""
        return self.value <= self.bar if self.is_most else self.value >= self.bar

    def text(self) -> str:
        """The line of the table."""
        sign = "≤" if self.is_most else "≥"
        verdict = "met" if self.is_met else "MISSED"
        return f"{self.name:<44} {self.value:8.2f} {self.unit:<9} {sign} {self.bar:g}  {verdict}"


def fill(work: Path, slices: int) -> None:
    """Make the centre, and a list of readers who have not read yet."""
    say(f"Two studies of {slices} slices are written …")
    write_corpus(work / "files", 2 * slices, shape=(2, 1, 1), is_chest=True)
    say("They are stored and dealt to readers …")
    command = [sys.executable, "-m", "benchmarks.reading_centre", str(work / "centre"), str(work / "files")]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    (work / "readers.json").write_text(answer.strip().splitlines()[-1])


def next_reader(work: Path) -> tuple[str, str]:
    """The name and password of somebody who has not read yet; each run is somebody else's."""
    told = json.loads((work / "readers.json").read_text())
    if not told["readers"]:
        raise click.ClickException("Everybody has read in this centre; give another folder.")
    (work / "readers.json").write_text(json.dumps({**told, "readers": told["readers"][1:]}))
    return str(told["readers"][0]), str(told["password"])


def say(words: str) -> None:
    """Tell how far it is, beside the figures."""
    click.echo(words, err=True)


def signed_in(browser: Browser, url: str, work: Path) -> Page:
    """A window in which a reader has signed in."""
    name, password = next_reader(work)
    page = browser.new_page(viewport={"width": 1400, "height": 900}, base_url=url)
    page.set_default_timeout(PATIENCE_MS)
    page.goto("/accounts/login/?next=/annotation/reads/")
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", password)
    page.click("form button[type=submit]")
    page.wait_for_url("**/annotation/reads/")
    page.add_init_script(f"({WATCH})()")
    return page


def measured(page: Page, slices: int) -> Iterator[Line]:
    """All figures of one session, one after the other."""
    address = page.get_attribute("a.btn-primary", "href") or ""
    yield Line("first image, empty cache", first_image(page, address), "s", 1.0)
    warm = sorted(first_image(page, address) for _ in range(OPENINGS))
    yield Line("first image, files of the page kept", warm[OPENINGS // 2], "s", 0.5)
    yield from loaded(page, slices)
    yield from leafed(page, slices)
    yield Line("first image of the next case after submitting", next_case(page), "s", 0.5)


def first_image(page: Page, address: str) -> float:
    """Seconds from going there until the first slice is painted."""
    # A window that is left gives its case back; a reload that comes before would find it held.
    page.goto("about:blank")
    page.wait_for_timeout(300)
    page.goto(address, wait_until="commit")
    page.wait_for_selector(SHOWN)
    return float(page.evaluate("window.firstImage")) / 1000


def loaded(page: Page, slices: int) -> Iterator[Line]:
    """All slices of the case that is open come and are decoded."""
    # Polled from here: the page's policy forbids the evaluation of strings inside it.
    begin, cpu, first = time.monotonic(), browser_s(), count_of(page)
    while (count := count_of(page)) < slices and time.monotonic() < begin + LOADING_S:
        page.wait_for_timeout(100)
    came = max(1, count - first)
    yield Line("slices loaded and decoded", came / (time.monotonic() - begin), "slices/s", 30, is_most=False)
    yield Line("processor time of the browser for each", 1000 * (browser_s() - cpu) / came, "ms", 33)


def count_of(page: Page) -> int:
    """How many slices are in memory."""
    return int(page.get_attribute("[data-part=stage]", "data-loaded") or 0)


def leafed(page: Page, slices: int) -> Iterator[Line]:
    """From the first slice to the last by the arrow key."""
    page.wait_for_selector(READY)
    page.keyboard.press("Home")
    page.wait_for_timeout(500)
    cpu = browser_s()
    pace, last = page.evaluate(LEAF, slices - 1)
    if last != slices:
        raise click.ClickException(f"Leafing ended at slice {last} of {slices}: the keys did not reach the page.")
    yield Line("leafing through from memory", pace, "slices/s", 30, is_most=False)
    yield Line("processor time of the browser for each", 1000 * (browser_s() - cpu) / (slices - 1), "ms", 33)


def browser_s() -> float:
    """Processor seconds of all processes of the browser so far."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            total += sum(process.cpu_times()[:2]) if "chrom" in process.name() else 0.0
        except psutil.Error:
            continue
    return total


def next_case(page: Page) -> float:
    """Answer, submit, and wait for the first slice of the case after it."""
    page.wait_for_selector("body[data-ahead]")
    page.wait_for_timeout(2000)
    for key in ("q", "1", "f"):
        page.keyboard.press(key)
    page.wait_for_timeout(500)
    return float(page.evaluate(SUBMIT, page.evaluate("location.pathname")))


@click.command()
@click.option("--slices", default=300, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.option("--keep", type=click.Path(path_type=Path), help="A folder for the centre, used again by the next runs.")
def main(*, slices: int, as_json: bool, keep: Path | None) -> None:
    """Make a centre, read in it, print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        work = keep or Path(folder)
        if not (work / "readers.json").exists():
            fill(work, slices)
        say("The centre starts …")
        lines = []
        with programs.centre(work / "centre", work / "centre.log") as (url, _), sync_playwright() as playwright:
            wait_for(url)
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            for line in measured(signed_in(browser, url, work), slices):
                lines.append(line)
                click.echo(line.text(), err=as_json)
            browser.close()
    if as_json:
        click.echo(json.dumps([asdict(line) | {"is_met": line.is_met} for line in lines], indent=2))
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    say(f"Load {load:.1f} on {cores} processors{'; bars are meant for a quiet machine' if load > cores else ''}.")


if __name__ == "__main__":
    main()
