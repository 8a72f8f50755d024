"""``radcommons edge profile``: what a profile does to an attribute, and why."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

import click
from pydicom.datadict import keyword_for_tag

from radcommons.deid.profile import (
    MEANINGS,
    OPTION_CODES,
    READY_PROFILES,
    Action,
    Profile,
    explain,
    find_attribute,
    find_class,
    load_profile,
    tables_compared,
)
from radcommons.deid.profile.loading import profile_text
from radcommons.dicom.elements import tag_text
from radcommons.edge import console
from radcommons.edge.commands.options import json_option

_name = click.argument("name")


@click.group()
def profile() -> None:
    """See what a profile does: whole, compared, or to one attribute."""


@profile.command()
@_name
@click.option("--toml", "is_file", is_flag=True, help="Print its file, to begin a profile of your own with.")
@json_option
def show(name: str, *, is_file: bool, is_json: bool) -> None:
    """Show the profile NAME (basic, ricord, tcia, or the path of a TOML file): options, own rules, pixels."""
    shown = load_profile(name)
    if is_file:
        click.echo(profile_text(name), nl=False)
        return
    if is_json:
        console.show_json(_as_json(shown))
        return
    for line in _lines(shown):
        click.echo(line)


@profile.command()
@click.argument("left")
@click.argument("right")
@json_option
def diff(left: str, right: str, *, is_json: bool) -> None:
    """Show what the profiles LEFT and RIGHT say differently, attribute by attribute."""
    one, other = load_profile(left), load_profile(right)
    rows = list(tables_compared(one, other))
    options = {"left_only": _only(one, other), "right_only": _only(other, one)}
    if is_json:
        listed = [{"attribute": name, "left": own, "right": others} for name, own, others in rows]
        console.show_json({"left": _stamp(one), "right": _stamp(other), "options": options, "attributes": listed})
        return
    click.secho(f"{_stamp(one)} and {_stamp(other)} differ in {len(rows)} attributes", bold=True)
    for side, names in options.items():
        click.echo(f"  options {side.replace('_', ' ')}: {', '.join(names) or 'none'}")
    for name, own, others in rows:
        click.echo(f"  {name:<72} {own:>6} {others:>6}")


@profile.command("explain")
@click.argument("attribute")
@click.option(
    "--profile", "name", default=READY_PROFILES[1], show_default=True, help="The profile asked, name or path."
)
@click.option("--sop-class", help="The object it is in, such as CTImageStorage; a few common ones by default.")
@click.option("--vr", default="", help="Its value representation, when it is not that of the dictionary.")
@click.option("--creator", default="", help="Whose block a private attribute lies in, as in the object.")
@json_option
def explain_command(attribute: str, *, name: str, sop_class: str | None, vr: str, creator: str, is_json: bool) -> None:
    """Say what happens to ATTRIBUTE, and why.

    ATTRIBUTE is a keyword or a tag such as (0008,1010); a private one is written (0019,"SIEMENS MR HEADER",0C).
    """
    (tag, named), uid = find_attribute(attribute), find_class(sop_class) if sop_class else ""
    answer = explain(load_profile(name), tag, vr=vr.upper(), sop_class_uid=uid, creator=creator or named)
    if is_json:
        console.show_json(asdict(answer))
        return
    for line in answer.lines():
        click.echo(line)


def _stamp(shown: Profile) -> str:
    return f"{shown.name} {shown.version}"


def _only(one: Profile, other: Profile) -> list[str]:
    return [option for option in one.options if option not in other.options]


def _as_json(shown: Profile) -> dict[str, object]:
    return {
        "name": shown.name,
        "version": shown.version,
        "title": shown.title,
        "digest": shown.digest,
        "options": {option: OPTION_CODES[option][0] for option in shown.options},
        "dates": shown.dates_mark,
        "maximum_age_years": shown.maximum_age_years,
        "actions": {
            tag_text(tag): {"keyword": keyword_for_tag(tag), "code": code} for tag, code in shown.codes.items()
        },
        "own_rules": {
            tag_text(tag): {"keyword": keyword_for_tag(tag), "code": code, "reason": reason}
            for tag, (code, reason) in shown.overrides.items()
        },
        "classes": {
            uid: {tag_text(tag): code for tag, (code, _) in own.overrides.items() if shown.overrides.get(tag) is None}
            for uid, own in shown.classes.items()
        },
        "private": [attribute.text() for attribute in shown.private_attributes().values()],
        "pixels": {
            "release": shown.pixels.release,
            "markers": list(shown.pixels.markers),
            "rectangles": [rule.name for rule in shown.pixels.rectangles],
            "is_faces_held": shown.pixels.is_faces_held,
        },
    }


def _lines(shown: Profile) -> Iterator[str]:
    yield f"{_stamp(shown)}: {shown.title or 'no title'}"
    yield f"  digest {shown.digest}"
    yield "  PS3.15 2026d, Basic Application Confidentiality Profile (113100), with"
    for option in shown.options:
        code, meaning = OPTION_CODES[option]
        yield f"    {code}  {meaning.removesuffix(' Option')}"
    age = shown.maximum_age_years
    yield f"  ages: {'kept' if age is None else f'above {age} one category, {age + 1:03d}Y'}; dates: {shown.dates_mark.lower()}"
    yield "  attributes of Table E.1-1 and of its own, by code:"
    for code, count in sorted(Counter(shown.codes.values()).items()):
        meaning = MEANINGS[Action(code)] if len(code) == 1 else "as the object needs it"
        yield f"    {code:<7} {count:>4}  {meaning}"
    private = shown.private_attributes()
    yield f"  private attributes that stay: {len(private)} of {len({each.creator for each in private.values()})} creators"
    for tag, (code, reason) in sorted(shown.overrides.items()):
        yield f"  own rule {tag_text(tag)} {keyword_for_tag(tag)}: {code} ({reason})"
    for uid, own in shown.classes.items():
        for tag, (code, reason) in sorted(own.overrides.items()):
            if shown.overrides.get(tag) != (code, reason):
                yield f"  only in {uid}: {tag_text(tag)} {keyword_for_tag(tag)}: {code} ({reason})"
    release = (
        "after a person confirmed it" if shown.pixels.release == "person" else "when the detector finds nothing left"
    )
    yield f"  pixels that may carry writing leave {release}; markers that stay: {', '.join(shown.pixels.markers) or 'built in'}"
    yield f"  heads in CT and MR {'wait for a decision' if shown.pixels.is_faces_held else 'do not wait'}"
