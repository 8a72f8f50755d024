# ruff: noqa: E402 — Django must be ready before the rooms are imported
"""Write the pages under ``docs/reference`` from the code, so that they cannot lag behind it.

``python -m tools.make_reference`` writes them; with ``--check`` it changes nothing and says which page is out of date.
"""

import dataclasses
import inspect
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click

_EMPTY = str(Path(tempfile.gettempdir()) / "radcommons-reference")
os.environ.setdefault("RADCOMMONS_DATA", _EMPTY)
os.environ.setdefault("RADCOMMONS_DATABASE_URL", "postgresql://127.0.0.1:1/nothing")

from tools import deidentification_page
from tools.code_slugs import find_slugs

from radcommons.apps import bootstrap, cli
from radcommons.apps.exits import EXIT_CODES

bootstrap.setup()

from radcommons.server.journey import table
from radcommons.server.platform import policy, problems, settings

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
NOTICE = "<!-- Written by tools/make_reference.py from the code. Change the code, then run `python -m tools.make_reference`. -->"


def page_of_settings() -> Iterator[str]:
    """Every setting of the centre."""
    yield "# Settings of a centre\n"
    yield "`radcommons.toml` in the data directory; unknown keys are refused. An environment variable wins over the file.\n"
    yield "| setting | default | environment | meaning |\n|---|---|---|---|"
    meanings = parameters_of(inspect.getdoc(settings.Settings) or "")
    for field in dataclasses.fields(settings.Settings):
        variable = settings.ENVIRONMENT.get(field.name, "")
        yield row(
            f"`{field.name}`", default_of(field), f"`{variable}`" if variable else "", meanings.get(field.name, "")
        )


def default_of(field: dataclasses.Field[object]) -> str:
    """The default of a setting as people would write it."""
    if field.default is not dataclasses.MISSING:
        return f"`{field.default!r}`" if field.default not in {"", ()} else ""
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
        home = str(Path.home())
        return f"`{str(value).replace(home, '~')}`" if value else ""
    return "`./var`" if field.name == "data_dir" else "required"


def parameters_of(docstring: str) -> dict[str, str]:
    """The descriptions under ``Parameters`` of a numpydoc docstring."""
    found: dict[str, str] = {}
    name = ""
    for line in docstring.partition("----------\n")[2].splitlines():
        if line and not line.startswith(" "):
            name = line.strip()
            found[name] = ""
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return {single.strip(): text for name, text in found.items() for single in name.split(",")}


def page_of_commands() -> Iterator[str]:
    """Every command with its options."""
    yield "# Commands\n"
    yield "`--json` makes a command answer one JSON object; `--data DIR` names the centre's data for commands that need a centre.\n"
    yield "## Exit codes\n\n| kind of refusal | code |\n|---|---|"
    yield row("none: all went well", "0")
    for kind, code in EXIT_CODES.items():
        yield row(kind.value.replace("_", " "), str(code))
    yield ""
    for name in cli.COMMANDS:
        command = getattr(__import__(cli.COMMANDS[name].module, fromlist=["_"]), cli.COMMANDS[name].attribute)
        yield from describe(command, f"radcommons {name}")


def describe(command: click.Command, name: str) -> Iterator[str]:
    """One command, then the commands below it."""
    yield f"## `{name}`\n"
    yield f"{(inspect.cleandoc(command.help or '')).strip()}\n"
    parameters = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    if parameters:
        yield "| argument or option | meaning |\n|---|---|"
        for parameter in parameters:
            yield row(signature_of(parameter), meaning_of(parameter))
        yield ""
    if isinstance(command, click.Group):
        for inner in sorted(command.commands):
            yield from describe(command.commands[inner], f"{name} {inner}")


def signature_of(parameter: click.Parameter) -> str:
    """How an argument or option is written."""
    if isinstance(parameter, click.Argument):
        return f"`{parameter.make_metavar(click.Context(click.Command('x')))}`"
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    is_flag = getattr(parameter, "is_flag", False)
    return names if is_flag else f"{names} {parameter.type.name.upper()}"


def meaning_of(parameter: click.Parameter) -> str:
    """What an option does, and its default."""
    text = getattr(parameter, "help", None) or ("required" if parameter.required else "")
    default = parameter.default
    is_plain = isinstance(default, str | int | float) and not isinstance(default, bool) and str(default)
    return (
        f"{text} Default: {default}."
        if is_plain and "efault" not in text and not isinstance(parameter, click.Argument)
        else text
    )


def page_of_findings() -> Iterator[str]:
    """Every code of a finding."""
    yield "# Findings\n"
    yield (
        "A finding is a problem found in data, as a value: severity, code, place, message. It never holds the offending value. An *error*"
        " keeps an object out, a *warning* wants a person, an *info* is recorded. Where the text shows …, a count or a name of ours stands.\n"
    )
    yield "| code | message |\n|---|---|"
    for slug in find_slugs():
        if not slug.is_error:
            yield row(f"`{slug.code}`", slug.sentence)


def page_of_errors() -> Iterator[str]:
    """Every code of a refusal, and how kinds become HTTP statuses."""
    yield "# Errors\n"
    yield 'A refusal answers `{"code", "message"}` and facts a program may need. Its kind decides the HTTP status and the exit code.\n'
    yield "| kind | HTTP status | exit code |\n|---|---|---|"
    for kind, status in problems.STATUS.items():
        yield row(kind.value.replace("_", " "), str(status), str(EXIT_CODES.get(kind, "")))
    yield "\n| code | message |\n|---|---|"
    for slug in find_slugs():
        if slug.is_error:
            yield row(f"`{slug.code}`", slug.sentence)


def page_of_actions() -> Iterator[str]:
    """Every action and who may do it."""
    yield "# Who may do what\n"
    yield "Denied unless it stands here. A role is granted to an account for the whole repository or for one site.\n"
    yield "| action | who |\n|---|---|"
    for action in policy.Action:
        yield row(f"`{action.value}`", ", ".join(sorted(who.value.replace("_", " ") for who in policy.POLICY[action])))


def page_of_journey() -> Iterator[str]:
    """The transition table of a study."""
    yield "# The journey of a study\n"
    yield "A fact that a room announced leads a study from one state to the next and asks other rooms for something.\n"
    yield "| state | fact | next state | asks for |\n|---|---|---|---|"
    for state in table.State:
        for fact in table.FactKind:
            step = table.TABLE.get((state, fact))
            if step is not None:
                verbs = ", ".join(f"`{verb.value}`" for verb in step.verbs)
                yield row(state.value.replace("_", " "), fact.value, step.next_state.value.replace("_", " "), verbs)
    yield "\n## What cannot happen\n\n| state | fact | why |\n|---|---|---|"
    for (state, fact), why in table.IMPOSSIBLE.items():
        yield row(state.value.replace("_", " "), fact.value, why)


def row(*cells: str) -> str:
    """One line of a table."""
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "settings.md": page_of_settings,
    "commands.md": page_of_commands,
    "findings.md": page_of_findings,
    "errors.md": page_of_errors,
    "actions.md": page_of_actions,
    "journey.md": page_of_journey,
    "deidentification.md": deidentification_page.page,
}


def text_of(name: str) -> str:
    """A page as it should be."""
    return NOTICE + "\n\n" + "\n".join(PAGES[name]()).rstrip() + "\n"


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; fail when a page is out of date.")
def main(*, check: bool) -> None:
    """Write the reference pages from the code."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    stale = []
    for name in PAGES:
        path, text = FOLDER / name, text_of(name)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.write_text(text, encoding="utf-8")
    click.echo(f"{'Out of date' if check else 'Written'}: {', '.join(stale) or 'none'}")
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
