"""``radcommons edge send``: what was approved leaves the hospital."""

from pathlib import Path
from typing import Any

import click

from radcommons.edge import console
from radcommons.edge.commands.options import (
    home_option,
    json_option,
    opened_home,
    out_argument,
    token_of,
    token_options,
)
from radcommons.edge.progress import byte_progress, progress_option, step_progress
from radcommons.edge.sealing import sealed
from radcommons.edge.sending import next_step, send_sealed
from radcommons.transfer.centre import SendOptions
from radcommons.transfer.sender import wait_until_verified


@click.command()
@out_argument
@click.option("--to", "url", required=True, help="The centre's address, https://…")
@token_options
@click.option("--threads", type=click.IntRange(1, 64), default=4, show_default=True, help="Parts sent side by side.")
@click.option("--timeout", "timeout_s", type=float, default=60.0, show_default=True, help="Longest silence, seconds.")
@click.option("--patience", "patience_s", type=float, default=180.0, show_default=True, help="Retry for, seconds.")
@click.option("--plain-http", "may_use_plain_http", is_flag=True, help="Allow http:// to another machine.")
@click.option("--wait", "is_awaited", is_flag=True, help="Wait until the centre has verified the batch.")
@home_option
@progress_option
@json_option
def send(
    out: Path, *, token: str | None, token_file: Path | None, is_awaited: bool, home: Path, is_json: bool, **how: Any
) -> None:
    """Seal what was approved in OUT and send it. Stopped at any moment, it goes on where it was."""
    opened, url = opened_home(home), str(how.pop("url"))
    options, secret = SendOptions(**how), token_of(token, token_file)
    with step_progress(is_json=is_json) as sealing:
        batch = sealed(opened, out, progress=sealing)
    with byte_progress(is_json=is_json) as progress:
        result = send_sealed(opened, batch, url=url, token=secret, options=options, progress=progress)
    if is_awaited:
        verified = wait_until_verified(result.batch_id, url=url, token=secret, options=options)
        result = result.with_centre(verified)
    console.show(result, is_json=is_json, title="Sent")
    if not is_json and (told := next_step(result.state)):
        click.echo(told)
