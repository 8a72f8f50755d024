"""The researcher's commands: ``radcommons download`` and ``radcommons verify``."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import orjson
from click.core import ParameterSource

from radcommons.client.download import Download, Wish
from radcommons.client.download import download as run_download
from radcommons.client.errors import on_disk, printable, size_of
from radcommons.client.layout import Layout
from radcommons.client.list_commands import SUFFIXES, ListWish, download_list, is_list, show_list
from radcommons.client.progress import shown
from radcommons.client.verify import Verification, verify_folder

EXIT_INCOMPLETE = 3
SHOWN_PATHS = 20
LONGEST_CITATION = 10_000


@click.command()
@click.argument("name", metavar="SLUG@VERSION|LIST")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--from", "url", metavar="URL", help="Address of the repository; a list may name its own.")
@click.option("--where", metavar="SQL", help="Only what this condition on the release's tables selects.")
@click.option(
    "--layout",
    type=click.Choice([layout.value for layout in Layout]),
    default=Layout.SUBJECT.value,
    show_default=True,
    help="How the images are filed.",
)
@click.option("--threads", type=click.IntRange(1, 64), default=8, show_default=True, help="Parallel transfers.")
@click.option(
    "--token",
    envvar="RADCOMMONS_TOKEN",
    help="Access token, for releases that need one; given to the server that --from names, to no other.",
)
@click.option(
    "--endpoint-url",
    "endpoint",
    metavar="URL",
    envvar=["S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
    help="S3 store of a list for s5cmd or rclone; without it, S3_ENDPOINT_URL or AWS_ENDPOINT_URL, else Amazon's.",
)
@click.option("--access-key", envvar="AWS_ACCESS_KEY_ID", hidden=True)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def download(context: click.Context, /, name: str, folder: Path, *, is_json: bool, **options: object) -> None:
    """Download a release, or continue where an earlier download stopped.

    SLUG@latest means the newest version. Instead of a release, LIST is a file that another program reads: a .tcia or CSV list
    of series, a Gen3 manifest (.json), or a list for s5cmd or rclone (.txt). Every file is verified; the exit code is 3 when
    anything is missing.
    """
    url, threads = _text(options["url"]), int(str(options["threads"]))
    if is_list(name):
        _refuse_release_options(context)
        wanted = ListWish(
            url=url,
            token=_text(options["token"]),
            endpoint=_text(options["endpoint"]),
            access_key=_text(options["access_key"]),
            threads=threads,
        )
        with _downloading(), shown(is_wanted=not is_json) as report:
            found = download_list(Path(name), folder, wanted, report=report)
        show_list(found, folder, is_json=is_json)
        if not found.is_complete:
            context.exit(EXIT_INCOMPLETE)
        return
    if Path(name).suffix.lower() in SUFFIXES and "@" not in name:
        raise click.UsageError("There is no list of that name here.")
    if url is None:
        raise click.UsageError("Say with --from where the repository is.")
    wish = Wish(
        name=name,
        url=url,
        where=_text(options["where"]),
        layout=Layout(str(options["layout"])),
        token=_text(options["token"]),
        threads=threads,
    )
    with _downloading(), shown(is_wanted=not is_json) as report:
        outcome = run_download(wish, folder, report=report)
    if is_json:
        click.echo(orjson.dumps(outcome.to_json(), option=orjson.OPT_INDENT_2))
    else:
        _show_download(outcome, folder)
    if not outcome.is_complete:
        context.exit(EXIT_INCOMPLETE)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The repository's public key (PEM), obtained another way than with this copy.",
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def verify(context: click.Context, /, folder: Path, *, key_file: Path | None, is_json: bool) -> None:
    """Check a downloaded release offline: signature, hash tree and every file.

    The exit code is 3 when anything is missing or changed.
    """
    with on_disk():
        found = verify_folder(folder, pinned_key=key_file.read_bytes() if key_file else None)
    if is_json:
        click.echo(orjson.dumps(found.to_json(), option=orjson.OPT_INDENT_2))
    else:
        _show_verification(found)
    if not found.is_ok:
        context.exit(EXIT_INCOMPLETE)


def _refuse_release_options(context: click.Context) -> None:
    """Say what a list does not take, rather than leave it out silently."""
    for option in ("where", "layout"):
        if context.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{option} is for releases; a list names what is wanted and where it goes.")
    if context.params["token"] and not context.params["url"]:
        words = "--token needs --from: a list may name any server, and the token is given to none but the one that you name."
        if context.get_parameter_source("token") is ParameterSource.COMMANDLINE:
            raise click.UsageError(words)
        click.echo("RADCOMMONS_TOKEN is not used: without --from the token is given to nobody.", err=True)


@contextmanager
def _downloading() -> Iterator[None]:
    """Errors of the network have their own words; whatever else the system refuses concerns the disk."""
    try:
        with on_disk():
            yield
    except KeyboardInterrupt:
        click.echo("What has arrived is kept: run the same command again to go on.", err=True)
        raise


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _show_download(outcome: Download, folder: Path) -> None:
    receipt = outcome.receipt
    click.echo(f"{receipt.slug}@{receipt.version}: {receipt.instances} instances, {size_of(receipt.size_bytes)}")
    click.echo(f"fetched {outcome.fetched} files, {outcome.already_there} were already there")
    if not receipt.instances and receipt.where:
        click.echo("The condition selects nothing of this version.", err=True)
    for line in outcome.failures.lines():
        click.echo(line, err=True)
    _show_verification(outcome.audit)
    if outcome.is_complete:
        click.echo(f"Cite as: {printable(receipt.citation, LONGEST_CITATION)}")
    else:
        click.echo(f"The copy in {folder} is not complete; run the same command again.", err=True)


def _show_verification(found: Verification) -> None:
    key = "the given key" if found.is_key_pinned else "the key delivered with it"
    click.echo(f"{found.name}: signature valid by {key} ({found.key_id[:16]}…), root hash {found.root_hash}")
    for problem in found.problems:
        click.echo(f"problem: {problem}", err=True)
    for kind in ("missing", "changed", "extra"):
        paths: list[str] = getattr(found, kind)
        for path in paths[:SHOWN_PATHS]:
            click.echo(f"{kind}: {path}", err=kind != "extra")
        if found.counts[kind] > SHOWN_PATHS:
            click.echo(f"{kind}: … and {found.counts[kind] - SHOWN_PATHS} more", err=kind != "extra")
    word = "complete and unchanged" if found.is_ok else "NOT complete"
    click.echo(f"{found.counts['checked']} files checked: {word}")
