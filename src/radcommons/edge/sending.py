"""Sending what was approved, and asking what became of it."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.finding import Finding
from radcommons.edge.database import database
from radcommons.edge.home import EdgeHome
from radcommons.edge.sealing import Sealed, sealed
from radcommons.transfer.centre import SendOptions
from radcommons.transfer.sender import SendProgress, batch_state, send_batch

_UNFINISHED = "unfinished"
_NEXT = {
    _UNFINISHED: "Not all of it has arrived. Run the same send command again: it goes on where it stopped.",
    "receiving": "Not all of it has arrived. Run the same send command again: it goes on where it stopped.",
    "sealed": "The centre is looking at every file. Nothing is to be done.",
    "held": "The centre does not know the key of this home yet. Somebody there compares its fingerprint with you, as"
    " `radcommons edge key show` prints it; then the batch goes on by itself.",
    "refused": "The centre took no file. Ask there for the findings, correct the cause and send again.",
    "verified": "The centre has looked at every file. What it accepted is with its curators.",
}


def next_step(state: str) -> str:
    """What a state of a batch means for whoever sent it; empty for one that is not known here."""
    return _NEXT.get(state, "")


@dataclass(frozen=True, slots=True)
class EdgeSendResult:
    """What was sent.

    Parameters
    ----------
    batch_id, state
        The batch's name and the centre's word for it.
    files, sent, sent_bytes, already_there
        Files of the batch; files and bytes sent by this call; files the centre had before.
    held_back, excluded
        What stays at the hospital: unchecked pixels (the first few hundred), and series excluded by a named person.
    findings_by_code
        All that were held back, by code.
    centre
        What the centre said after verifying, when it was asked.
    """

    batch_id: str
    state: str
    files: int
    sent: int
    sent_bytes: int
    already_there: int
    held_back: tuple[Finding, ...]
    excluded: int
    findings_by_code: Mapping[str, int]
    centre: Mapping[str, object] | None = None

    def with_centre(self, answer: Mapping[str, object]) -> "EdgeSendResult":
        """The result with the centre's last word about the batch."""
        return replace(self, centre=answer, state=str(answer.get("state", self.state)))


@dataclass(frozen=True, slots=True)
class SentBatch:
    """A batch that this home sent, with what the centre last said."""

    batch_id: str
    url: str
    files: int
    state: str
    at: str
    centre: Mapping[str, object] | None

    def lines(self) -> Iterator[str]:
        """The batch for a person: what the centre said, and what that means."""
        yield f"  sent     {self.batch_id[:16]}… to {self.url}: {self.files} files, {self.state}"
        studies = (self.centre or {}).get("studies")
        if isinstance(studies, list) and studies:
            states = Counter(str(each.get("state", "")).replace("_", " ") for each in studies)
            yield f"           studies: {', '.join(f'{number} {state}' for state, number in sorted(states.items()))}"
        if self.centre is not None and "message" in self.centre:
            yield f"           {self.centre['message']}"
        if told := next_step(self.state):
            yield f"           {told}"


def send(
    home: EdgeHome,
    out: Path,
    *,
    url: str,
    token: str,
    options: SendOptions | None = None,
    progress: SendProgress | None = None,
) -> EdgeSendResult:
    """Seal what was approved and send it; killed at any moment, the same call goes on where it stopped.

    Raises
    ------
    RadCommonsError
        ``edge.not-approved``, ``edge.nothing-to-send``, ``transfer.…`` and every refusal of the centre.
    """
    return send_sealed(home, sealed(home, out), url=url, token=token, options=options, progress=progress)


def send_sealed(
    home: EdgeHome,
    batch: Sealed,
    *,
    url: str,
    token: str,
    options: SendOptions | None = None,
    progress: SendProgress | None = None,
) -> EdgeSendResult:
    """Send what was sealed; see :func:`send`."""
    with database(home) as connection:
        note = partial(
            _note,
            connection,
            batch.manifest.batch_id,
            url=url,
            out=batch.out.name,
            files=batch.result.files,
        )
        note(state=_UNFINISHED)
        sent = send_batch(
            batch.manifest,
            batch.paths,
            envelope=batch.envelope,
            url=url,
            token=token,
            options=options,
            progress=progress,
        )
        note(state=sent.state)
    return EdgeSendResult(
        batch_id=sent.batch_id,
        state=sent.state,
        files=sent.files,
        sent=sent.sent,
        sent_bytes=sent.sent_bytes,
        already_there=sent.already_there,
        held_back=batch.result.held_back,
        excluded=batch.result.excluded,
        findings_by_code=batch.result.findings_by_code,
    )


def sent_batches(
    home: EdgeHome, *, token: str | None = None, options: SendOptions | None = None
) -> tuple[SentBatch, ...]:
    """Every batch this home sent; with a token, what the centre says of each now.

    A centre that does not answer leaves ``centre`` empty and the last known state.
    """
    with database(home) as connection:
        rows = connection.execute("SELECT * FROM sending ORDER BY at, batch_id").fetchall()
        return tuple(_asked(connection, row, token=token, options=options) for row in rows)


def _asked(
    connection: sqlite3.Connection, row: sqlite3.Row, *, token: str | None, options: SendOptions | None
) -> SentBatch:
    answer: dict[str, object] | None = None
    if token is not None:
        try:
            answer = batch_state(row["batch_id"], url=row["url"], token=token, options=options)
        except RadCommonsError as error:
            answer = {"code": error.code, "message": error.message}
    state = str(answer["state"]) if answer and "state" in answer else row["state"]
    if state != row["state"]:
        _note(connection, row["batch_id"], url=row["url"], out=row["out"], files=row["files"], state=state)
    return SentBatch(row["batch_id"], row["url"], row["files"], state, row["at"], answer)


def _note(connection: sqlite3.Connection, batch_id: str, *, url: str, out: bytes, files: int, state: str) -> None:
    connection.execute(
        "INSERT INTO sending (batch_id, url, out, files, state, at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (batch_id, url) DO UPDATE SET state = excluded.state",
        (batch_id, url, out, files, state, datetime.now(UTC).isoformat(timespec="seconds")),
    )
