"""``radcommons doctor``: checks a centre and explains, in one line each, what to do about what is wrong."""

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import orjson
import psycopg

from radcommons.apps.centre import DATA_VARIABLE, data_dir_from, recall_address
from radcommons.apps.supervisor import is_serving
from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.finding import Finding, Severity
from radcommons.server.platform.errors import InvalidError
from radcommons.server.platform.objects import kind_of_store, object_store, trouble
from radcommons.server.platform.postgres import EmbeddedPostgres
from radcommons.server.platform.settings import Settings, settings
from radcommons.server.portal.viewer.ohif import installed

LOW_DISK_BYTES = 5 * 2**30
CLOCK_TOLERANCE_S = 5
VERIFIED_WITHIN = timedelta(days=31)
SIGNS = {Severity.INFO: "ok  ", Severity.WARNING: "look", Severity.ERROR: "FAIL"}


@click.command()
@click.option("--data", default=None, help="The centre's data directory (default: ./var).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(data: str | None, *, as_json: bool) -> None:
    """Check this centre and explain what is wrong; exit 1 when something must be mended."""
    data_dir = data_dir_from(data)
    os.environ[DATA_VARIABLE] = str(data_dir)
    with suppress(InvalidError):  # The checks tell of settings that cannot be read.
        recall_address(data_dir)
    findings = [finding for check in CHECKS for finding in _safely(check)]
    if as_json:
        click.echo(orjson.dumps([finding.to_json() for finding in findings]))
    else:
        for finding in findings:
            click.echo(f"{SIGNS[finding.severity]}  {finding.where:<10} {finding.message}")
    sys.exit(1 if any(finding.is_error for finding in findings) else 0)


def _safely(check: Callable[[Settings], Iterator[Finding]]) -> Iterator[Finding]:
    name = check.__name__.removeprefix("_check_")
    try:
        yield from check(settings())
    except RadCommonsError as error:
        yield Finding(Severity.ERROR, error.code, name, error.message)
    except (OSError, psycopg.Error) as error:
        yield Finding(Severity.ERROR, "doctor.unexpected", name, f"Could not be checked: {error}".strip())


def _ok(where: str, message: str) -> Finding:
    return Finding(Severity.INFO, f"doctor.{where}-ok", where, message)


def _check_settings(current: Settings) -> Iterator[Finding]:
    yield _ok("settings", f"data in {current.data_dir}, portal at {current.public_url}")
    if current.public_url.startswith("http://") and "127.0.0.1" not in current.public_url:
        message = "public_url is not HTTPS: passwords and tokens would travel in the clear. Put a TLS proxy in front."
        yield Finding(Severity.WARNING, "doctor.no-tls", "settings", message)


def _check_disk(current: Settings) -> Iterator[Finding]:
    folder = current.data_dir if current.data_dir.exists() else current.data_dir.parent
    free = shutil.disk_usage(folder).free
    text = f"{free / 2**30:.1f} GiB free"
    if free < current.staging_free_bytes:
        yield Finding(Severity.ERROR, "doctor.disk-full", "disk", f"{text}: uploads are refused. Free space.")
    elif free < LOW_DISK_BYTES:
        yield Finding(Severity.WARNING, "doctor.disk-low", "disk", f"{text}: plan for more space.")
    else:
        yield _ok("disk", text)


def _check_database(current: Settings) -> Iterator[Finding]:
    url, database = current.database_url, None
    if not url:
        if not (current.data_dir / "postgres").is_dir():
            message = "There is no database yet. It is made at the first 'radcommons serve'."
            yield Finding(Severity.WARNING, "doctor.no-database", "database", message)
            return
        database = EmbeddedPostgres(current.data_dir / "postgres")
        url = database.ensure_running()
    try:
        yield from _look_into(url)
    finally:
        if database is not None and not is_serving(current.data_dir):
            database.stop()


def _look_into(url: str) -> Iterator[Finding]:
    with psycopg.connect(url, connect_timeout=5) as connection:
        version, now = connection.execute("SELECT current_setting('server_version'), clock_timestamp()").fetchone() or (
            "",
            datetime.now(UTC),
        )
        skew = abs((datetime.now(UTC) - now).total_seconds())
        yield _ok("database", f"PostgreSQL {version} answers")
        if skew > CLOCK_TOLERANCE_S:
            message = f"The database's clock differs by {skew:.0f} s. Synchronise both machines (NTP)."
            yield Finding(Severity.ERROR, "doctor.clock-skew", "clock", message)
        else:
            yield _ok("clock", f"differs from the database's by {skew:.1f} s")
        yield from _look_at_work(connection)
        yield from _look_at_bytes(connection)


def _look_at_work(connection: psycopg.Connection[tuple[object, ...]]) -> Iterator[Finding]:
    if not connection.execute("SELECT to_regclass('platform_outboxfact')").fetchone()[0]:  # type: ignore[index]
        message = "The schema is not there yet. 'radcommons serve' makes it."
        yield Finding(Severity.WARNING, "doctor.no-schema", "database", message)
        return
    failed = connection.execute("SELECT count(*) FROM platform_outboxfact WHERE failed_at IS NOT NULL").fetchone()
    jobs = connection.execute("SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'").fetchone()
    beat = connection.execute("SELECT max(last_heartbeat) FROM procrastinate_workers").fetchone()
    if failed and failed[0]:
        message = f"{failed[0]} facts could not be acted upon: 'radcommons journey failed' lists them."
        yield Finding(Severity.ERROR, "doctor.facts-failed", "worker", message)
    if jobs and jobs[0]:
        message = f"Jobs given up: {jobs[0]}. The portal's page /jobs/ and 'radcommons jobs list' tell which."
        yield Finding(Severity.ERROR, "doctor.jobs-failed", "worker", message)
    if not beat or beat[0] is None:
        message = "No worker has reported. Batches are received but not processed until 'serve' runs."
        yield Finding(Severity.WARNING, "doctor.no-worker", "worker", message)
    else:
        yield _ok("worker", f"last heartbeat {beat[0]:%Y-%m-%d %H:%M:%S}")


def _look_at_bytes(connection: psycopg.Connection[tuple[object, ...]]) -> Iterator[Finding]:
    """What was found when stored bytes were last read again, and how long ago that was."""
    if not connection.execute("SELECT to_regclass('archive_damagedobject')").fetchone()[0]:  # type: ignore[index]
        return
    damaged = connection.execute("SELECT count(*) FROM archive_damagedobject WHERE mended_at IS NULL").fetchone()
    looked = connection.execute("SELECT max(finished_at) FROM archive_verificationrun").fetchone()
    # What came within the month was compared with its digest when it came; the first one that came tells, by its key.
    oldest = connection.execute(
        "SELECT created_at FROM archive_instance WHERE state = 'stored' ORDER BY id LIMIT 1"
    ).fetchone()
    if damaged and damaged[0]:
        message = f"{damaged[0]} objects are damaged and not served: the page Storage lists them; send them again."
        yield Finding(Severity.ERROR, "doctor.objects-damaged", "archive", message)
    at, came = (row[0] if row else None for row in (looked, oldest))
    a_month_ago = datetime.now(UTC) - VERIFIED_WITHIN
    if isinstance(at, datetime) and at > a_month_ago:
        yield _ok("archive", f"stored bytes were last read again on {at:%Y-%m-%d}")
    elif isinstance(came, datetime) and came <= a_month_ago:
        message = (
            "Stored bytes were not read again for a month: 'radcommons archive verify --sample 5' every night does it."
        )
        yield Finding(Severity.WARNING, "doctor.not-verified", "archive", message)


def _check_store(current: Settings) -> Iterator[Finding]:
    del current
    wrong = trouble()
    if wrong is not None:
        yield Finding(Severity.ERROR, wrong.code, "store", wrong.message)
        return
    store, key, began = object_store(), "doctor/probe", time.perf_counter()
    store.put_bytes(key, b"radcommons")
    is_same = store.read(key) == b"radcommons"
    store.delete(key)
    if is_same:
        took_ms = 1000 * (time.perf_counter() - began)
        yield _ok("store", f"{kind_of_store()}: writes, reads and deletes in {took_ms:.0f} ms")
    else:
        yield Finding(Severity.ERROR, "doctor.store-differs", "store", "The object store returned other bytes.")


def _check_keys(current: Settings) -> Iterator[Finding]:
    names = ("session.key", "salt.key", "signing.key", "blinding.key")
    present = [current.secrets_dir / name for name in names if (current.secrets_dir / name).exists()]
    open_keys = [path.name for path in present if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if open_keys:
        message = f"{', '.join(open_keys)} can be read by others. Set mode 0600."
        yield Finding(Severity.ERROR, "doctor.key-mode", "keys", message)
    elif present:
        yield _ok("keys", f"{len(present)} of {len(names)} made, readable by their owner only; keep a backup")
    else:
        yield _ok("keys", "made at the first start")


def _check_viewer(current: Settings) -> Iterator[Finding]:
    if installed(Path(current.viewer_dir)) is not None:
        yield _ok("viewer", f"OHIF in {current.viewer_dir}")
    else:
        message = "OHIF is not installed; the own reading page serves. 'radcommons viewer install' adds it (needs npm)."
        yield Finding(Severity.WARNING, "doctor.no-viewer", "viewer", message)


CHECKS = (_check_settings, _check_disk, _check_database, _check_store, _check_keys, _check_viewer)
