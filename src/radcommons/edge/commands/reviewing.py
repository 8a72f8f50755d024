"""``radcommons edge review``: the page of an OUT folder, and a named person's decision about it."""

import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from radcommons.edge import console
from radcommons.edge.commands.options import home_option, json_option, opened_home, out_argument, processes_option
from radcommons.edge.progress import progress_option, step_progress
from radcommons.edge.review import Decision, record_review, review_state, write_page
from radcommons.edge.review.serve import ReviewServer


@dataclass(frozen=True, slots=True)
class _ReviewFlags:
    """The options of ``edge review`` that decide something."""

    approve: bool
    withdraw: bool
    approve_pixels: tuple[str, ...]
    exclude: tuple[str, ...]
    exclude_text: tuple[str, ...]
    include: tuple[str, ...]
    by: str
    reason: str

    @property
    def is_decision(self) -> bool:
        return (
            self.approve
            or self.withdraw
            or bool(self.approve_pixels or self.exclude or self.exclude_text or self.include)
        )


@click.command()
@out_argument
@click.option("--serve", "is_served", is_flag=True, help="Open the page with buttons, on this machine only.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port for --serve; any free one by default.")
@click.option("--approve", is_flag=True, help="Approve everything in OUT as it is now.")
@click.option("--withdraw", is_flag=True, help="Take the approval back; what was sent already stays sent.")
@click.option("--approve-pixels", multiple=True, metavar="SERIES_UID|all", help="No identifying text in its pixels.")
@click.option("--exclude", multiple=True, metavar="SERIES_UID", help="Keep this series out.")
@click.option("--exclude-text", multiple=True, metavar="ID", help="Keep out every series that carries this text.")
@click.option("--include", multiple=True, metavar="SERIES_UID", help="Take its exclusion back; approve again then.")
@click.option("--by", default="", help="Who decides; the name travels with the batch.")
@click.option("--reason", default="", help="Why something is excluded.")
@home_option
@progress_option
@processes_option
@json_option
def review(out: Path, *, is_served: bool, port: int, home: Path, processes: int, is_json: bool, **flags: Any) -> None:
    """Look at what would leave OUT, and approve it. Without --serve or a decision, a page is written."""
    opened, chosen = opened_home(home), _ReviewFlags(**flags)
    if chosen.is_decision:
        decision = Decision(
            by=chosen.by,
            is_approval=chosen.approve,
            approve_pixels=chosen.approve_pixels,
            exclude=chosen.exclude,
            exclude_texts=chosen.exclude_text,
            reason=chosen.reason,
            include=chosen.include,
            is_withdrawal=chosen.withdraw,
        )
        result = record_review(opened, out, decision=decision)
        console.show(result, is_json=is_json, title="Decision recorded")
        if (result.pixel_text_waiting or result.faces_waiting) and not is_json:
            message = (
                "What waits is not sent until somebody has looked at it: the same command with --serve alone shows it."
            )
            click.echo(message, err=True)
        return
    if is_served:
        console.show(review_state(opened, out), is_json=is_json, title="Where the review stands")
        server = ReviewServer(opened, out, port=port)
        click.echo(f"Open {server.url}\nCtrl-C ends it; every decision is kept as it is made.", err=True)
        webbrowser.open(server.url)
        server.run()
        return
    with step_progress(is_json=is_json) as progress:
        result = write_page(opened, out, processes=processes, progress=progress)
    console.show(result, is_json=is_json, title="Review page written")
