"""Numbers with units, states as words with a shape: how values look on every page."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

NARROW_SPACE = "\u202f"

_UNITS = ("kB", "MB", "GB", "TB", "PB")
_STEP = 1000
# From here on a decimal would say more than a reader of sizes wants to know.
_WHOLE_FROM = 99.5
_SHORT_DIGEST = 12
_UNCOUNTED = frozenset({"series"})

_TONES = {
    "good": frozenset(
        {
            "cleared",
            "verified",
            "published",
            "stored",
            "active",
            "valid",
            "approved",
            "released",
            "catalogued",
            "ok",
            "agreed",
            "decided",
            "submitted",
            "locked",
            "granted",
        }
    ),
    "wait": frozenset(
        {
            "open",
            "receiving",
            "sealed",
            "draft",
            "checked",
            "in_curation",
            "queued",
            "running",
            "new",
            "received",
            "assigned",
            "opened",
            "in_progress",
            "reading",
            "pilot",
            "waiting",
        }
    ),
    "warn": frozenset(
        {"held", "warning", "returned", "expiring", "incomplete", "quarantined", "disputed", "paused", "restricted"}
    ),
    "stop": frozenset({"rejected", "refused", "withdrawn", "error", "failed", "revoked", "expired", "broken"}),
}


@register.filter
def count(value: int | Literal[""] | None) -> str:
    """Show a whole number with thin spaces between thousands, a dash when it is not known.

    The engine hands an empty string where a name of the template stands for nothing.
    """
    if value is None or value == "":
        return "–"
    return f"{value:,}".replace(",", NARROW_SPACE)


@register.filter
def size(value: int | None) -> str:
    """Show a number of bytes with a decimal unit: ``12 bytes``, ``1.4 GB``."""
    if value is None:
        return "–"
    if value < _STEP:
        return f"{value}{NARROW_SPACE}bytes"
    power = next((n for n in range(1, len(_UNITS)) if value / _STEP**n < _STEP - 0.5), len(_UNITS))
    amount = value / _STEP**power
    number = f"{amount:.0f}" if amount >= _WHOLE_FROM else f"{amount:.1f}"
    return f"{number}{NARROW_SPACE}{_UNITS[power - 1]}"


@register.filter
def words(value: object) -> str:
    """Turn a slug into words for people: ``site_coordinator`` becomes ``site coordinator``."""
    return str(value).replace("_", " ").replace("-", " ")


@register.filter
def digest(value: str) -> str:
    """Shorten a hexadecimal digest to twelve characters; the full value belongs beside or behind it."""
    return f"{value[:_SHORT_DIGEST]}…" if len(value) > _SHORT_DIGEST + 1 else value


@register.filter
def ending(value: str) -> str:
    """Shorten a long identifier to its end, where UIDs differ; the full value belongs behind it."""
    return f"…{value[-_SHORT_DIGEST:]}" if len(value) > 2 * _SHORT_DIGEST else value


@register.filter
def alike(findings: Iterable[Mapping[str, str]]) -> list[dict[str, object]]:
    """Findings that say the same as one, with all their places; in the order in which they were made."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for finding in findings:
        same = (finding["severity"], finding["code"], finding["message"])
        places.setdefault(same, []).append(finding["where"])
    return [
        {"severity": severity, "code": code, "message": message, "places": found}
        for (severity, code, message), found in places.items()
    ]


@register.simple_tag
def state(value: object, label: str = "") -> SafeString:
    """Show a state as a pill of word, shape and colour; ``label`` replaces the word."""
    text = str(value)
    tone = next((name for name, members in _TONES.items() if text in members), "plain")
    return format_html('<span class="rc-state rc-state-{}">{}</span>', tone, label or words(text))


@register.simple_tag
def moment(value: datetime | None) -> SafeString:
    """Show a point in time in UTC, readable by people and by programs; a dash when there is none."""
    if value is None:
        return SafeString("–")
    return format_html(
        '<time datetime="{}">{}</time>', value.isoformat(timespec="seconds"), f"{value:%-d %b %Y, %H:%M} UTC"
    )


@register.filter
def plural(number: int, noun: str) -> str:
    """A number with its noun: ``1 study`` needs ``study``, other numbers ``studies``, made by the English rule."""
    if number == 1:
        return f"1 {noun}"
    if noun in _UNCOUNTED:
        return f"{count(number)} {noun}"
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count(number)} {many}"


@register.filter
def person(actor_name: str) -> str:
    """An actor as pages name it: ``user:anna`` is anna, ``system:cli`` is the operator, ``site:ALPHA`` the site."""
    kind, _, name = actor_name.partition(":")
    if kind == "site":
        return f"site {name}"
    if kind == "system":
        return {"cli": "the operator", "journey": "the repository"}.get(name, f"the repository ({name})")
    return name or actor_name
