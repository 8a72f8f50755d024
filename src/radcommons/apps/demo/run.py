"""The demonstration: what hospitals, a centre and a researcher do, in one run that can be stopped and gone on with.

``hospitals/`` holds what only hospitals may have, ``centre/`` is a centre's data directory as ``serve`` uses it,
``download/`` is a researcher's copy. Every step is also a command; nothing here is done behind the doors.
"""

import importlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

import httpx

from radcommons.apps import centre
from radcommons.apps.demo import hospitals as edge_side
from radcommons.apps.demo.hospitals import Hospital, Tally
from radcommons.apps.demo.program import program
from radcommons.apps.demo.progress import Steps
from radcommons.apps.serve import DEFAULT_PORT, demand_port
from radcommons.apps.supervisor import PARENT_PIPE, is_serving
from radcommons.client.download import Wish, download
from radcommons.client.verify import verify_folder
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.review.layout import counted
from radcommons.server.platform import keys

START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 30
SETTLE_TIMEOUT_S = 3600
POLL_S = 0.3
LOG_NAME = "centre.log"
HELD_CODE = "deid.pixel-text-not-checked"
FACE_CODE = "deid.face-not-decided"
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What was asked for."""

    data: Path
    source: Path | None
    port: int | None
    is_kept_open: bool
    processes: int

    @property
    def centre_dir(self) -> Path:
        """The centre's data directory."""
        return self.data / "centre"


@dataclass(slots=True)
class DemoResult:
    """What became of everything, in numbers."""

    counts: dict[str, int] = field(default_factory=dict)
    release: dict[str, str] = field(default_factory=dict)
    annotated: str = ""
    findings: Counter[str] = field(default_factory=Counter)
    accounts: list[dict[str, str]] = field(default_factory=list)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def to_json(self) -> dict[str, object]:
        """The result as ``--json`` prints it."""
        return {
            "counts": self.counts,
            "release": self.release,
            "annotated": self.annotated,
            "findings": dict(sorted(self.findings.items())),
            "url": self.url,
            "waiting": self.waiting,
            "accounts": self.accounts,
        }

    def show(self, steps: Steps) -> None:
        """Print the summary for a person."""
        steps.say()
        steps.say("  ".join(f"{name} {count:,}" for name, count in self.counts.items()))
        if self.findings:
            steps.say("Left out, held back or odd (docs/reference/findings.md explains the codes):")
        for code, count in sorted(self.findings.items()):
            steps.say(f"  {count:>6,} × {code}")
        steps.say()
        steps.say(f"Release {self.release['slug']}@{self.release['version']}, root {self.release['root_hash'][:16]}…")
        page = f"{self.url}/releases/{self.release['slug']}/{self.release['version']}/"
        steps.say(f"  the portal      {self.url}/")
        steps.say(f"  its page        {page}")
        if self.annotated:
            steps.say(f"  with labels     {self.url}/releases/{self.annotated.replace('@', '/')}/")
        steps.say(f"  a copy          {self.release['download']}  ({program()} verify {self.release['download']})")
        for account in self.accounts:
            steps.say(f"  sign in as      {account['username']:<24} {account['password']}")
        for held in self.waiting:
            steps.say(f"  {held['site']} waits for your eyes on {counted(held['instances'], 'picture')}:")
            steps.say(f"                  {held['command']}")
        if self.waiting:
            steps.say("  Decide there, then stop here and run the same command again: what you let go is sent.")
        steps.say()


def demand_sent(batch_ids: Sequence[str | None], waiting: Sequence[Mapping[str, Any]]) -> list[str]:
    """The batches that were sent.

    Raises
    ------
    RadCommonsError
        When there are none, with what to do about it: a centre without studies has nothing to show.
    """
    sent = [batch_id for batch_id in batch_ids if batch_id]
    if sent:
        return sent
    message = "No study may leave its hospital yet."
    if waiting:
        pages = "\n".join(f"  {held['command']}" for held in waiting)
        message = f"{message} Look at the pictures that wait, approve, and run the same command again:\n{pages}"
    raise RadCommonsError(Kind.CONFLICT, "demo.nothing-sent", message)


class Demonstration:
    """A running demonstration: starts the centre, ends it on leaving."""

    def __init__(self, options: DemoOptions, steps: Steps, *, stop_timeout_s: float = STOP_TIMEOUT_S) -> None:
        self.options = options
        self._stop_timeout_s = stop_timeout_s
        self.steps = steps
        self.result = DemoResult()
        self.tally = Tally()
        self._serve: subprocess.Popen[bytes] | None = None
        self._centre: ModuleType | None = None
        self._labelling: ModuleType | None = None
        self._pipe = os.pipe()

    def __enter__(self) -> Self:
        self.options.data.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._serve is not None and self._serve.poll() is None:
            self._serve.send_signal(signal.SIGTERM)
            self._serve.wait()

    def run(self) -> DemoResult:
        """Do every step; what an earlier run did is found done."""
        port = self._find_port()
        hospitals = self._hospitals()
        self._start_centre(hospitals, port)
        people = self._staff(hospitals)
        batch_ids = [self._travel(hospital) for hospital in hospitals]
        self._receive(demand_sent(batch_ids, self.result.waiting))
        self._curate(people["curator"])
        self._publish(people["release_manager"])
        self._begin_reading(people["project_manager"])
        if self.options.source is None:
            self._label(people)
        self._download()
        return self.result

    def stay_open(self) -> None:
        """Wait until somebody stops the demonstration."""
        if self._serve is not None:
            self._serve.wait()

    def _hospitals(self) -> list[Hospital]:
        root, source = self.options.data / "hospitals", self.options.source
        with self.steps.step("The hospitals and their originals"):
            hospitals = edge_side.own(root, source) if source else edge_side.made_up(root)
            self.secret = edge_side.content_key(hospitals, "site-key")
            keys.seed(self.options.centre_dir / "secrets" / "salt.key", edge_side.content_key(hospitals, "salt"))
            self.steps.found(", ".join(hospital.name for hospital in hospitals))
        return hospitals

    def _find_port(self) -> int:
        """The centre's port, once nothing else has it or the directory: before anything is made."""
        if is_serving(self.options.centre_dir):
            self._wait_for_an_earlier_centre()
        port = self.options.port or (DEFAULT_PORT if self.options.is_kept_open else _free_port())
        demand_port(HOST, port)
        return port

    def _start_centre(self, hospitals: list[Hospital], port: int) -> None:
        self.result.url = f"http://{HOST}:{port}"
        with self.steps.step(f"A centre at {self.result.url}"):
            command = [sys.executable, "-m", "radcommons", "serve", "--data", str(self.options.centre_dir)]
            # A session of its own: Ctrl-C stops the demonstration, which then stops the centre in order. The pipe
            # ends the centre when the demonstration is killed.
            with (self.options.data / LOG_NAME).open("ab") as log:
                self._serve = subprocess.Popen(
                    [*command, "--port", str(port)],
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=(self._pipe[0],),
                    env={**os.environ, PARENT_PIPE: str(self._pipe[0])},
                )
            self._wait_until_it_answers()
            os.environ.setdefault("RADCOMMONS_PUBLIC_URL", self.result.url)
            centre.connect(str(self.options.centre_dir))
            self._centre = importlib.import_module("radcommons.apps.demo.centre_steps")
            self._labelling = importlib.import_module("radcommons.apps.demo.labelling")
            self.steps.found(f"{counted(len(hospitals), 'site')} will send to it")

    def _wait_for_an_earlier_centre(self) -> None:
        """An interrupted demonstration's centre needs a moment to stop in order; one in use does not stop."""
        deadline = time.monotonic() + self._stop_timeout_s
        with self.steps.step("The centre of an earlier run stops"):
            while is_serving(self.options.centre_dir):
                if time.monotonic() > deadline:
                    message = (
                        f"{self.options.data} is in use: stop what runs there with Ctrl-C, or choose another --data."
                    )
                    raise RadCommonsError(Kind.CONFLICT, "demo.in-use", message)
                time.sleep(POLL_S)

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._serve is None or self._serve.poll() is not None:
                break
            try:
                if httpx.get(f"{self.result.url}/", timeout=2).status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return
            except httpx.HTTPError:
                time.sleep(POLL_S)
        message = f"The centre did not start; {self.options.data / LOG_NAME} says why."
        raise RadCommonsError(Kind.UNAVAILABLE, "demo.centre-not-started", message)

    @property
    def _verbs(self) -> Any:
        """The centre's steps, loaded once Django was ready."""
        return self._centre

    @property
    def _labels(self) -> Any:
        """What its readers do, loaded with them."""
        return self._labelling

    def _staff(self, hospitals: list[Hospital]) -> dict[str, str]:
        with self.steps.step("Accounts for everybody who works at the centre, and a coordinator"):
            self._tokens = {hospital.code: self._verbs.enrol(hospital) for hospital in hospitals}
            made = self._verbs.open_accounts(hospitals)
            self.result.accounts = [
                {"username": item.username, "password": item.password, "role": item.role} for item in made
            ]
            self.steps.found("agreements signed, contributor keys issued")
        return {item.role: item.username for item in made}

    def _travel(self, hospital: Hospital) -> str | None:
        """One hospital's way: scan, select, de-identify, review, send; returns the batch's id."""
        processes, tally = self.options.processes, self.tally
        with self.steps.step(f"{hospital.code}: scan and select"):
            home = edge_side.home_of(hospital, self.secret)
            found, findings = edge_side.scan(hospital, home, processes)
            tally.scanned += found.instances
            tally.findings.update(findings)
            instances, patients = counted(found.instances, "instance"), counted(found.patients, "patient")
            self.steps.found(f"{instances} of {patients} in {counted(found.files, 'file')}")
            if not found.instances:
                message = f"There is no DICOM in {hospital.export}. Name another folder with --from."
                raise RadCommonsError(Kind.INVALID, "demo.no-dicom", message)
        with self.steps.step(f"{hospital.code}: de-identify"):
            made = edge_side.deidentify(hospital, home, processes)
            tally.deidentified += made.instances
            tally.findings.update(made.findings_by_code)
            self.steps.found(f"{made.instances:,} instances; the pixels of {made.pixel_text_not_checked:,} need a look")
        with self.steps.step(f"{hospital.code}: review, seal, send"):
            seen = edge_side.review(hospital, home)
            if made.instances == made.pixel_text_not_checked and seen.pixel_text_waiting:
                self._hold(hospital, writing=made.pixel_text_not_checked)
                tally.findings[HELD_CODE] += made.pixel_text_not_checked
                self.steps.found("nothing may leave before a person has looked at the pixels")
                return None
            sent = edge_side.send(hospital, home, url=self.result.url, token=self._tokens[hospital.code])
            held = sent.findings_by_code
            self._hold(hospital, writing=held.get(HELD_CODE, 0), faces=held.get(FACE_CODE, 0))
            tally.sent += sent.files
            tally.findings.update(sent.findings_by_code)
            self.steps.found(f"{sent.files:,} instances")
        return sent.batch_id

    def _hold(self, hospital: Hospital, *, writing: int, faces: int = 0) -> None:
        self.tally.held[hospital.code] += writing
        if instances := writing + faces:
            page = f"{program()} edge review {hospital.out} --home {hospital.home} --serve"
            self.result.waiting.append({"site": hospital.code, "instances": instances, "command": page})

    def _receive(self, batch_ids: list[str]) -> None:
        with self.steps.step("The centre verifies what came"):
            state = self._wait(lambda: self._verbs.received(batch_ids), lambda found: found.is_settled)
            self.tally.findings.update(state.findings)
            self.result.counts = {
                "scanned": self.tally.scanned,
                "deidentified": self.tally.deidentified,
                "held_for_pixel_text": self.tally.held.total(),
                "sent": self.tally.sent,
                "stored": state.stored,
                "quarantined": state.quarantined,
            }
            self.steps.found(f"{state.stored:,} stored, {state.quarantined:,} in quarantine")

    def _curate(self, curator: str) -> None:
        with self.steps.step("A curator clears what the checks find sound"):
            cleared, left = self._verbs.clear_cases(curator)
            self.tally.findings.update(left)
            self._wait(self._verbs.is_catalogued, bool)
            self.result.counts["cleared"] = cleared
            self.steps.found(counted(cleared, "study", "studies"))

    def _publish(self, manager: str) -> None:
        with self.steps.step("A release manager drafts, checks and publishes"):
            made = self._verbs.publish(manager)
            self.tally.findings.update(made.findings)
            self.result.counts["released"] = made.instances
            self.result.release = {"slug": made.slug, "version": made.version, "root_hash": made.root_hash}
            self.steps.found(f"{made.slug}@{made.version}, {made.instances:,} instances")

    def _begin_reading(self, manager: str) -> None:
        with self.steps.step("Three readers get their cases"):
            begun = self._verbs.begin_reading(manager)
            self.result.counts["reads_to_do"] = sum(project.reads for project in begun)
            texts = [f"{one.slug}: {one.cases:,} cases, {one.reads:,} reads" for one in begun]
            self.steps.found(", ".join(texts) or "nothing to be read")

    def _label(self, people: dict[str, str]) -> None:
        """Only invented studies are read by invented readers."""
        with self.steps.step("Some studies are read, adjudicated and published as DICOM"):
            objects = self._labels.label(people["project_manager"]).objects
            self._wait(self._verbs.is_told, bool)
            self._verbs.clear_cases(people["curator"])
            self._wait(self._verbs.is_catalogued, bool)
            made = self._labels.publish_version(people["release_manager"])
            self.result.counts["annotation_objects"] = sum(objects.values())
            self.result.annotated = f"{made.slug}@{made.version}"
            kinds = ", ".join(f"{count} {kind.upper()}" for kind, count in objects.items())
            self.steps.found(f"{self.result.annotated} with {kinds}")

    def _download(self) -> None:
        folder = self.options.data / "download"
        with self.steps.step("A researcher downloads and verifies it"):
            name = f"{self.result.release['slug']}@{self.result.release['version']}"
            copy = download(Wish(name=name, url=self.result.url), folder)
            checked = verify_folder(folder)
            self.result.counts["downloaded"] = copy.receipt.instances
            self.result.release["manifest"] = str(folder / "release.json")
            self.result.release["download"] = str(folder)
            self.result.findings = self.tally.findings
            if not checked.is_ok:
                raise RadCommonsError(Kind.INVALID, "demo.copy-not-sound", "The downloaded copy does not verify.")
            self.steps.found(f"{copy.receipt.instances:,} instances, every digest and the signature hold")

    def _wait(self, look: Callable[[], Any], is_done: Callable[[Any], bool]) -> Any:
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while not is_done(found := look()):
            if time.monotonic() > deadline:
                message = f"The centre did not finish in time; {self.options.data / LOG_NAME} says what it does."
                raise RadCommonsError(Kind.UNAVAILABLE, "demo.not-settled", message)
            time.sleep(POLL_S)
        return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
