"""What persons decided for every picture of this hospital: words that may stay, rectangles that are always blackened."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from radcommons.edge.pixels.looks import SiteRectangle


@dataclass(frozen=True, slots=True)
class ShownRule:
    """One rule of the house that holds now; ``act_id`` is the decision to take back."""

    act_id: int
    words: str
    by: str
    at: str


def shown_rules(connection: sqlite3.Connection) -> tuple[ShownRule, ...]:
    """Every rule that persons of this home made and nobody took back, the latest first."""
    rows = connection.execute(
        "SELECT act_id, kind, unseal(body) AS body, unseal(by) AS by, at FROM pixel_rule JOIN pixel_act USING (act_id)"
        " WHERE undone_at = '' ORDER BY act_id DESC"
    )
    return tuple(ShownRule(row["act_id"], _words(row["kind"], row["body"]), row["by"], row["at"]) for row in rows)


def rules_section(rules: Sequence[ShownRule], *, hidden: str = "", name: str = "") -> str:
    """The section; ``hidden`` fields and the ``name`` field make it a form, empty on a page that records nothing."""
    if not rules:
        return "<p>None. A word that may stay everywhere (M) or a rectangle of a device (D) is made while looking at a picture.</p>"
    rows = "".join(
        f"<tr><td>{escape(each.words)}</td><td>{escape(each.by)}</td><td>{escape(each.at[:10])}</td>{_button(each, hidden)}</tr>"
        for each in rules
    )
    head = f"<tr><th>Rule</th><th>By</th><th>On</th>{'<th>Change</th>' if hidden else ''}</tr>"
    table = f'<div class="scroll"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'
    if not hidden:
        return table
    return f'<form method="post" action="/undo-rule" class="texts">{hidden}<div class="signature">{name}</div>{table}</form>'


def _button(rule: ShownRule, hidden: str) -> str:
    if not hidden:
        return ""
    label = f"Take back: {escape(rule.words)}"
    return f'<td><button name="act" value="{rule.act_id}" aria-label="{label}">Take back</button></td>'


def _words(kind: str, body: str) -> str:
    if kind == "marker":
        return f"“{body}” may stay in every picture"
    rectangle = SiteRectangle.from_text(body)
    box, device = rectangle.box, rectangle.device
    named = " ".join(filter(None, (device.manufacturer, device.model)))
    place = f"{box.width} by {box.height} pixels at {box.left}, {box.top}"
    return f"{place} is blackened in every image of {named} with {device.columns} by {device.rows} pixels"
