"""``radcommons edge texts``: every text that stays in headers, once, and a named person's decision about it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge import console
from radcommons.edge.commands.options import home_option, json_option, opened_home, out_argument
from radcommons.edge.home import EdgeHome
from radcommons.edge.texts.applying import keep_harmless, read_texts, settle_texts, text_state
from radcommons.edge.texts.deciding import OPEN, TextDecision
from radcommons.edge.texts.listing import ReviewedText
from radcommons.edge.texts.tables import read_decisions, write_texts

_LONGEST_LINE = 160


@dataclass(frozen=True, slots=True)
class _TextFlags:
    """The options of ``edge texts``."""

    export: Path | None
    decide: Path | None
    keep: tuple[str, ...]
    remove: tuple[str, ...]
    replace: tuple[tuple[str, str], ...]
    reopen: tuple[str, ...]
    is_harmless_kept: bool
    is_all: bool
    by: str

    def decisions(self) -> tuple[TextDecision, ...]:
        """What they decide about single texts."""
        return (
            *(read_decisions(self.decide) if self.decide is not None else ()),
            *(TextDecision(each, "keep") for each in self.keep),
            *(TextDecision(each, "remove") for each in self.remove),
            *(TextDecision(each, "replace", words) for each, words in self.replace),
            *(TextDecision(each, OPEN) for each in self.reopen),
        )


@click.command()
@out_argument
@click.option("--export", type=click.Path(path_type=Path, dir_okay=False), help="Write all as a CSV file to fill in.")
@click.option(
    "--decide",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Read decisions from the columns verdict and replacement of such a file.",
)
@click.option("--keep", multiple=True, metavar="ID", help="This text identifies nobody.")
@click.option("--remove", multiple=True, metavar="ID", help="Take this text out of every object that carries it.")
@click.option("--replace", multiple=True, nargs=2, metavar="ID TEXT", help="Put other words in the place of this text.")
@click.option("--open", "reopen", multiple=True, metavar="ID", help="Take back what was decided about this text.")
@click.option("--keep-harmless", "is_harmless_kept", is_flag=True, help="Keep all that have only words of imaging.")
@click.option("--all", "is_all", is_flag=True, help="List decided texts as well.")
@click.option("--by", default="", help="Who decides; the name stays with the decision.")
@home_option
@json_option
def texts(out: Path, *, home: Path, is_json: bool, **flags: Any) -> None:
    """Show the texts that stay in headers, or decide about them. Those with unknown words come first."""
    opened, chosen = opened_home(home), _TextFlags(**flags)
    decisions = chosen.decisions()
    if chosen.decide is not None and not decisions:
        raise RadCommonsError(Kind.INVALID, "edge.nothing-decided", "The table holds no verdict.")
    if decisions:
        console.show(settle_texts(opened, out, decisions, by=chosen.by), is_json=is_json, title="Decisions recorded")
    if chosen.is_harmless_kept:
        console.show(keep_harmless(opened, out, by=chosen.by), is_json=is_json, title="Harmless texts kept")
    if not (decisions or chosen.is_harmless_kept):
        _show(opened, out, chosen, is_json=is_json)


def _show(home: EdgeHome, out: Path, chosen: _TextFlags, *, is_json: bool) -> None:
    found = read_texts(home, out)
    if chosen.export is not None:
        write_texts(found, chosen.export)
        console.show(text_state(home, out), is_json=is_json, title="Table written; it stays at the hospital")
        return
    listed = [text for text in found if chosen.is_all or not text.verdict]
    if is_json:
        console.show_json([asdict(text) for text in listed])
        return
    for text in listed:
        click.echo(_line(text))
    console.show(text_state(home, out), is_json=False, title="Texts")


def _line(text: ReviewedText) -> str:
    value = " ".join(text.value.split())
    shown = value if len(value) <= _LONGEST_LINE else value[:_LONGEST_LINE] + " …"
    mark = text.verdict or ("? " + " ".join(text.unknown_words) if text.unknown_words else "")
    attributes = ",".join(keyword or "private" for keyword in text.keywords)
    return f"{text.text_id}  {attributes}  ×{text.series}  {shown}" + (f"  [{mark}]" if mark else "")
