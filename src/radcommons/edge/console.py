"""How edge commands tell a result: as lines for a person or as one JSON object."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import click
import orjson

from radcommons.edge.findings import result_json

_SHOWN_FINDINGS, _SHOWN_PLACES = 10, 3


def show(result: object, *, is_json: bool, title: str) -> None:
    """Print a result: one JSON object, or a title and one line for each value."""
    values = result_json(result)
    if is_json:
        click.echo(orjson.dumps(values))
        return
    click.secho(title, bold=True)
    for name, value in values.items():
        if isinstance(value, Mapping):
            _show_mapping(name, value)
        elif isinstance(value, list):
            _show_findings(name, value)
        elif value is not None:
            click.echo(f"  {_label(name):<24} {_text(name, value)}")


def show_json(value: object) -> None:
    """Print one JSON value."""
    click.echo(orjson.dumps(value))


def _show_mapping(name: str, values: Mapping[str, object]) -> None:
    if not values:
        return
    click.echo(f"  {_label(name)}")
    for key, value in values.items():
        if (shown := _brief(value)) != "":
            click.echo(f"    {key or '(none)':<36} {shown}")


def _brief(value: object) -> object:
    """What is nested deeper, in a few words; ``--json`` has all of it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{number} {name}" for name, number in value.items() if number)
    if not isinstance(value, list):
        return value
    states = Counter(str(each.get("state", each.get("code", ""))) for each in value if isinstance(each, Mapping))
    return ", ".join(f"{number} {name}" for name, number in sorted(states.items())) or ", ".join(map(str, value))


def _show_findings(name: str, values: list[Any]) -> None:
    """A few one by one; many by their cause, the rarest first, with some of the places of each."""
    found = [value for value in values if isinstance(value, dict)]
    if len(values) <= _SHOWN_FINDINGS:
        for value in found:
            click.echo(f"  {value.get('code', '')}  {value.get('where', '')}: {value.get('message', '')}")
        return
    causes: dict[tuple[str, str], list[str]] = {}
    for value in found:
        causes.setdefault((value.get("code", ""), value.get("message", "")), []).append(value.get("where", ""))
    click.echo(f"  {_label(name)} by cause (more with --json)")
    for (code, message), places in sorted(causes.items(), key=lambda cause: (len(cause[1]), cause[0])):
        click.echo(f"    {code}  {message}")
        more = len(places) - _SHOWN_PLACES
        click.echo(f"      {', '.join(places[:_SHOWN_PLACES])}{f' and {more} more' if more > 0 else ''}")


def _label(name: str) -> str:
    return name.removeprefix("is_").replace("_", " ")


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.endswith("bytes"):
        return f"{value:,}"
    return str(value)
