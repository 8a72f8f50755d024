"""``radcommons demo``: everything at once, on made-up hospitals or on somebody's own studies."""

import signal
import sys
from pathlib import Path
from types import FrameType

import click
import orjson

from radcommons.apps.demo.program import program
from radcommons.apps.demo.progress import Steps
from radcommons.apps.demo.run import Demonstration, DemoOptions
from radcommons.apps.serve import DEFAULT_PORT, PORT

DEFAULT_DATA = "demo-data"


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path), default=DEFAULT_DATA, show_default=True, help="Where to put it."
)
@click.option("--from", "source", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Your own DICOM.")
@click.option("--port", type=PORT, default=None, help=f"Port of the portal (default: {DEFAULT_PORT}).")
@click.option("--no-serve", is_flag=True, help="End after publication and a researcher's download.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
@click.option("--processes", default=2, show_default=True, help="Processes for reading and de-identifying.")
def demo(data: Path, source: Path | None, port: int | None, *, no_serve: bool, as_json: bool, processes: int) -> None:
    """Show everything: hospitals de-identify and send, a centre curates and publishes, a researcher downloads.

    Run again on the same directory, it goes on where it was stopped.
    """
    options = DemoOptions(data=data.resolve(), source=source, port=port, is_kept_open=not no_serve, processes=processes)
    signal.signal(signal.SIGTERM, _interrupt)
    steps = Steps(is_quiet=as_json)
    with Demonstration(options, steps) as demonstration:
        result = demonstration.run()
        if as_json:
            click.echo(orjson.dumps(result.to_json(), option=orjson.OPT_INDENT_2))
            sys.stdout.flush()
        else:
            result.show(steps)
        if not no_serve:
            steps.say(f"Press Ctrl-C to stop. '{program()} serve --data {options.centre_dir}' opens it again.")
            demonstration.stay_open()


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt
