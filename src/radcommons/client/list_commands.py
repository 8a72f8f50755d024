"""Doors of other programs' lists: ``radcommons manifest``, and what ``radcommons download`` does with a list."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO
from urllib.parse import quote

import click
import orjson

from radcommons.client import lists
from radcommons.client.bucket_lists import is_bucket_list, read_bucket_list
from radcommons.client.by_drs import ObjectDownload, download_objects
from radcommons.client.by_series import SeriesDownload, download_series
from radcommons.client.download import fetch_core, resolve
from radcommons.client.errors import ListError, MissingExtraError, on_disk, size_of
from radcommons.client.layout import Layout, path_of
from radcommons.client.remote import Remote
from radcommons.client.run import Report
from radcommons.client.tables import selected_rows

AnyDownload = SeriesDownload | ObjectDownload
SUFFIXES = frozenset({".tcia", ".csv", ".txt", ".json"})


def is_list(name: str) -> bool:
    """Whether what is to be downloaded is a list of another program and not the name of a release."""
    return Path(name).suffix.lower() in SUFFIXES and Path(name).is_file()


@dataclass(frozen=True, slots=True)
class ListWish:
    """How a list is to be downloaded.

    Parameters
    ----------
    url
        The server, where the list names none or another is wanted.
    endpoint
        Address of the S3 store, for lists of objects in buckets; None for Amazon's.
    access_key
        Key of a bucket that is not public; what belongs to it is in the usual variables.
    """

    url: str | None = None
    token: str | None = None
    endpoint: str | None = None
    access_key: str | None = None
    threads: int = 8


def download_list(path: Path, folder: Path, wish: ListWish, *, report: Report = lambda _: None) -> AnyDownload:
    """Download what a ``.tcia``, CSV or Gen3 list, or one of s5cmd or rclone, names.

    Raises
    ------
    ListError
        When it cannot be understood, or names no server and none was given.
    MissingExtraError
        When it is of objects in buckets, and what reads buckets is not installed.
    """
    # Whoever wrote the list must not learn the token by naming a server.
    trusted, threads = wish.token if wish.url else None, wish.threads
    if path.suffix.lower() == ".json":
        entries = lists.read_gen3(path.read_bytes())
        with Remote(_server(wish.url, entries[0].origin if entries else ""), token=trusted) as remote:
            return download_objects(entries, folder, remote, threads=threads, report=report)
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix.lower() == ".txt" and is_bucket_list(text):
        return _download_from_buckets(text, folder, wish, report=report)
    wanted = lists.read_series_list(text)
    with Remote(_server(wish.url, wanted.origin), token=trusted) as remote:
        return download_series(wanted.series_instance_uids, folder, remote, threads=min(threads, 8), report=report)


def _download_from_buckets(text: str, folder: Path, wish: ListWish, *, report: Report) -> ObjectDownload:
    entries = read_bucket_list(text)
    try:
        by_bucket = importlib.import_module("radcommons.client.by_bucket")
    except ModuleNotFoundError as error:
        if error.name != "obstore":
            raise
        raise MissingExtraError("A list of objects in buckets", "s3") from error
    make = by_bucket.opened(wish.endpoint or "", wish.access_key or "")
    outcome: ObjectDownload = by_bucket.download_bucket_list(entries, folder, make, threads=wish.threads, report=report)
    return outcome


def _server(url: str | None, origin: str) -> str:
    if not url and not origin:
        raise ListError("The list names no server. Say with --from where its series are.")
    return url or origin


def show_list(outcome: AnyDownload, folder: Path, *, is_json: bool) -> None:
    """Print how the download of a list ended."""
    if is_json:
        click.echo(orjson.dumps(outcome.to_json(), option=orjson.OPT_INDENT_2))
        return
    number = outcome.series if isinstance(outcome, SeriesDownload) else outcome.objects
    word = "series" if isinstance(outcome, SeriesDownload) else "objects"
    click.echo(f"{number} {word} named, {outcome.fetched} fetched, {outcome.already_there} were already there")
    by_size_only = 0 if isinstance(outcome, SeriesDownload) else outcome.by_size_only
    click.echo(f"{size_of(outcome.size_bytes)} compared with their digests")
    if by_size_only:
        click.echo(f"{by_size_only} of them by their size only, for no digest of them is known", err=True)
    for line in outcome.failures.lines():
        click.echo(line, err=True)
    if "client.unreachable" in outcome.failures:
        click.echo(
            "A server that a list names is asked over HTTPS; where it is elsewhere, name it with --from.", err=True
        )
    if not outcome.is_complete:
        click.echo(f"The copy in {folder} is not complete; run the same command again.", err=True)


@click.command()
@click.argument("name", metavar="SLUG@VERSION")
@click.option("--from", "url", required=True, metavar="URL", help="Address of the repository.")
@click.option("--where", metavar="SQL", help="Only what this condition on the release's tables selects.")
@click.option("--for", "kind", required=True, type=click.Choice([kind.value for kind in lists.Kind]), help="For what.")
@click.option(
    "--layout",
    type=click.Choice([layout.value for layout in Layout]),
    default=Layout.SUBJECT.value,
    show_default=True,
    help="How the images are filed.",
)
@click.option("--token", envvar="RADCOMMONS_TOKEN", help="Access token, for releases that need one.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of the output.")
def manifest(*, name: str, url: str, where: str | None, kind: str, output: Path | None, **options: str | None) -> None:
    """Write a list of a release, or of a part of it, for another program; nothing but the tables is fetched.

    sha256sums is read by sha256sum --check, aria2 by aria2c -i, bagit-fetch is a BagIt fetch.txt, tcia and csv name series for
    NBIA's and TCIA's downloaders, gen3 is for gen3-client, s5cmd for s5cmd run where the objects lie in a bucket.
    """
    layout = Layout(str(options["layout"]))
    with TemporaryDirectory(prefix="radcommons-") as aside, Remote(url, token=options["token"]) as remote:
        folder = Path(aside)
        slug, version = resolve(remote, name)
        base = f"files/releases/{quote(slug)}/{quote(version)}/"
        core = fetch_core(remote, base, folder, (slug, version))
        rows = selected_rows(folder, core, where)
        with _sink(output) as sink:
            if lists.Kind(kind) is lists.Kind.S5CMD:
                places = {row.sha256: path_of(row, layout) for row in rows}
                known = remote.document(f"{base}lists/s5cmd.txt").decode().splitlines()
                sink.writelines(lists.chosen_s5cmd(known, places))
            else:
                sink.writelines(lists.written(lists.Kind(kind), rows, f"{url.rstrip('/')}/{base}", layout))


@contextmanager
def _sink(output: Path | None) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
        return
    aside = output.with_name(f"{output.name}.part")
    with on_disk(), aside.open("w", encoding="utf-8", newline="\n") as sink:
        yield sink
    aside.replace(output)
