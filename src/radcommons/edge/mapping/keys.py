"""Changing how the secret is kept, and changing the secret."""

import sqlite3
from dataclasses import dataclass, replace

from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.database import database, durable, finish_rotation, transaction
from radcommons.edge.home import EdgeHome, Pseudonyms, exclusive, signing_key_of
from radcommons.edge.keyfile import KeyFile, key_text, replace_private
from radcommons.edge.mapping.events import Because, note_event
from radcommons.edge.outfolder import fingerprint_of
from radcommons.edge.sealer import Sealer
from radcommons.transfer.release.attestation import key_id, public_key_pem


@dataclass(frozen=True, slots=True)
class KeyState:
    """What may be known of a home's secret.

    Parameters
    ----------
    generation
        1 at first, one more with each rotation.
    is_protected
        Whether a passphrase locks it.
    signing_key_id, signing_key
        The public half of the key with which this home signs, by digest and as PEM; tell the centre.
    """

    generation: int
    is_protected: bool
    signing_key_id: str
    signing_key: str


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did: the new generation, subjects kept and forgotten, results that must be made anew."""

    generation: int
    subjects_kept: int
    subjects_forgotten: int
    results_forgotten: int
    signing_key_id: str


def key_state(home: EdgeHome) -> KeyState:
    """The state of the home's secret."""
    return _state(home.key_file())


def protect_key(home: EdgeHome, passphrase: str, *, because: Because) -> KeyState:
    """Lock the secret with a passphrase, or with another one; without it the home's files say nothing.

    Raises
    ------
    RadCommonsError
        ``edge.passphrase-too-short``, ``edge.reason-needed`` and those of :meth:`EdgeHome.key`.
    """
    return _kept_as(home, passphrase, verb="protect", because=because)


def unprotect_key(home: EdgeHome, *, because: Because) -> KeyState:
    """Keep the secret plain again, readable by the account alone; raises as :func:`protect_key`."""
    return _kept_as(home, None, verb="unprotect", because=because)


def rotate_key(home: EdgeHome, *, is_keeping_subjects: bool, because: Because) -> Rotated:
    """Give the home a new secret and seal its database anew; after any interruption the old or the new one is in force.

    Parameters
    ----------
    is_keeping_subjects
        Patients of the crosswalk keep subject and date shift: who is who, and how long between, stays true over batches.
        Otherwise all are forgotten and everybody becomes a new subject.

    Raises
    ------
    RadCommonsError
        ``edge.keyed-has-no-table`` when subjects shall be kept by a home that keeps none, ``edge.reason-needed``.
    """
    because = because.checked()
    if is_keeping_subjects and home.pseudonyms is Pseudonyms.KEYED:
        raise RadCommonsError(
            Kind.UNSUPPORTED,
            "edge.keyed-has-no-table",
            "This home keeps no table of patients, so a new key makes new subjects of all. Rotate with --new-subjects.",
        )
    with exclusive(home), database(home) as connection:
        present = home.key_file()
        following = present.rotated(fingerprint_of(PseudonymKey(present.secret)))
        replace_private(
            home.next_key_path, key_text(following, passphrase=home.ask_passphrase() if present.is_protected else None)
        )
        with durable(connection):
            forgotten = 0 if is_keeping_subjects else _forget_subjects(connection)
            results = _forget_results(connection)
            _seal_anew(connection, Sealer(present.secret), Sealer(following.secret))
            kept = connection.execute("SELECT count(DISTINCT subject_id) FROM subject").fetchone()[0]
            note_event(
                connection, "rotate", subjects=kept + forgotten, generation=following.generation, because=because
            )
        finish_rotation(connection, home)
    return Rotated(following.generation, kept, forgotten, results, key_id(home.signing_key().public_key()))


def _kept_as(home: EdgeHome, passphrase: str | None, *, verb: str, because: Because) -> KeyState:
    because = because.checked()
    with exclusive(home), database(home) as connection:
        key = home.key_file()
        content = key_text(key, passphrase=passphrase)
        with transaction(connection):
            note_event(connection, verb, subjects=0, generation=key.generation, because=because)
        replace_private(home.key_path, content)
    return _state(replace(key, is_protected=passphrase is not None))


def _state(key: KeyFile) -> KeyState:
    public = signing_key_of(key.secret).public_key()
    return KeyState(key.generation, key.is_protected, key_id(public), public_key_pem(public).decode("ascii"))


def _forget_subjects(connection: sqlite3.Connection) -> int:
    forgotten = connection.execute(
        "INSERT INTO forgotten_subject SELECT DISTINCT subject_id FROM subject WHERE true ON CONFLICT DO NOTHING"
    ).rowcount
    for table in ("subject", "mapped_study", "confirmed_patient", "subject_status"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of this module
    return forgotten


def _forget_results(connection: sqlite3.Connection) -> int:
    """What was made with the secret before is not sent any more, and made anew when it is wanted."""
    for table in ("kept_text", "text_set", "out_profile"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of this module
    return connection.execute("DELETE FROM output").rowcount


def _seal_anew(connection: sqlite3.Connection, before: Sealer, after: Sealer) -> None:
    """Every sealed column, which is every column of type BLOB, from one key to the other."""
    connection.create_function("seal_anew", 1, lambda each: after.seal(before.unseal(each)), deterministic=True)
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    for table in tables:
        columns = [row["name"] for row in connection.execute(f"PRAGMA table_info({table})") if row["type"] == "BLOB"]
        if columns:
            changes = ", ".join(f"{each} = seal_anew({each})" for each in columns)
            connection.execute(f"UPDATE {table} SET {changes}")  # noqa: S608 - names of the schema
    after.register(connection)
