"""``radcommons edge``: the hospital's commands, in the order in which a coordinator uses them."""

import click

from radcommons.edge.commands.fetching import fetch
from radcommons.edge.commands.folders import init, scan, select, status
from radcommons.edge.commands.listening import listen
from radcommons.edge.commands.making import deidentify
from radcommons.edge.commands.mapping import crosswalk, key
from radcommons.edge.commands.pixels import pixels
from radcommons.edge.commands.profiles import profile
from radcommons.edge.commands.reviewing import review
from radcommons.edge.commands.shipping import send
from radcommons.edge.commands.verifying import verify
from radcommons.edge.commands.wording import texts


class InOrder(click.Group):
    """A group whose help lists the commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the work."""
        del ctx
        return list(self.commands)


@click.group("edge", cls=InOrder)
def edge() -> None:
    """Work at the hospital: find, de-identify, review and send studies. Nothing leaves before `send`."""


for command in (
    init,
    listen,
    fetch,
    scan,
    select,
    deidentify,
    review,
    pixels,
    texts,
    verify,
    send,
    status,
    profile,
    crosswalk,
    key,
):
    edge.add_command(command)
