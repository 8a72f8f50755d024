"""The texts of a review page: what to read first, grouped by attribute, with one decision a line.

Plain forms, so that it works under the strictest policy and without any script: Tab goes from text to text, the arrow
keys choose, Enter records. A page on disk has no forms and shows the ids that ``radcommons edge texts`` takes.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from radcommons.edge.texts.deciding import OPEN, VERDICTS, TextDecision
from radcommons.edge.texts.listing import ReviewedText

_VERDICT_FIELD, _WORDS_FIELD = "verdict.", "words."
_KEEP_FIELD, _OPEN_FIELD = "keep.", "open."
_LONGEST_SHOWN = 4000
_DONE = {"keep": "kept", "remove": "taken out", "replace": "replaced"}


def texts_section(texts: Sequence[ReviewedText], *, hidden: str = "", name: str = "") -> str:
    """The section; ``hidden`` fields and the ``name`` field make forms of it, empty on a page that records nothing."""
    if not texts:
        return "<p>None.</p>"
    waiting = [text for text in texts if not text.verdict]
    decided = [text for text in texts if text.verdict]
    unknown = [text for text in waiting if not text.is_harmless]
    harmless = [text for text in waiting if text.is_harmless]
    open_now = f"{_counted(len(waiting), 'text')} to decide, {len(unknown)} of them with unknown words"
    form = _Form(hidden, name)
    parts = [f"<p>{open_now}; {_counted(len(decided), 'text')} decided before.</p>"]
    parts.append(form.around(_groups(unknown, form, heading="With unknown words"), "Record these decisions"))
    parts.append(_keep_all(harmless, form))
    parts.append(form.around(_groups(harmless, form, heading="Only words of imaging"), "Record these decisions"))
    parts.append(_decided(decided, form))
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class _Form:
    """What makes a form of a part of the page; on a page that records nothing, parts stay as they are."""

    hidden: str
    name: str

    def around(self, content: str, label: str) -> str:
        """The content with a button that stays in sight."""
        if not self.hidden or not content:
            return content
        signature = f'<div class="signature sticky">{self.name}<button>{escape(label)}</button></div>'
        return f'<form method="post" action="/texts" class="texts">{self.hidden}{content}{signature}</form>'


def decisions_of(form: Mapping[str, str]) -> tuple[TextDecision, ...]:
    """The decisions in the fields of a form; texts without a choice are left open."""
    found = [
        TextDecision(
            name.removeprefix(_VERDICT_FIELD), verdict, form.get(_WORDS_FIELD + name.removeprefix(_VERDICT_FIELD), "")
        )
        for name, verdict in form.items()
        if name.startswith(_VERDICT_FIELD)
    ]
    found.extend(TextDecision(name.removeprefix(_KEEP_FIELD), "keep") for name in form if name.startswith(_KEEP_FIELD))
    found.extend(TextDecision(name.removeprefix(_OPEN_FIELD), OPEN) for name in form if name.startswith(_OPEN_FIELD))
    return tuple(found)


def _groups(texts: Iterable[ReviewedText], form: _Form, *, heading: str) -> str:
    return "".join(
        _group(list(group), title=f"{_attributes(keywords)} · {heading.lower()}", has_form=bool(form.hidden))
        for keywords, group in groupby(texts, key=lambda text: text.keywords)
    )


def _group(texts: Sequence[ReviewedText], *, title: str, has_form: bool) -> str:
    rows = "".join(_open_row(text, has_form=has_form) for text in texts)
    decide = "<th>Decision</th>" if has_form else ""
    return (
        f'<table class="texts"><caption>{escape(title)}</caption>'
        f"<thead><tr><th>Text</th><th>Series</th>{decide}<th>Id</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _open_row(text: ReviewedText, *, has_form: bool) -> str:
    choices = ""
    if has_form:
        radios = "".join(
            f'<label><input type="radio" name="{_VERDICT_FIELD}{text.text_id}" value="{verdict}"> {verdict}</label>'
            for verdict in VERDICTS
        )
        words = f'<input name="{_WORDS_FIELD}{text.text_id}" aria-label="Words in its place" placeholder="words in its place">'
        legend = f'<legend class="hidden">{escape(text.value[:80])}</legend>'
        choices = f"<td><fieldset>{legend}{radios}{words}</fieldset></td>"
    return (
        f'<tr><td class="value">{_marked(text)}</td><td class="number">{text.series}</td>{choices}'
        f"<td><code>{text.text_id}</code></td></tr>"
    )


def _decided(texts: Sequence[ReviewedText], form: _Form) -> str:
    """What was decided before, folded away, each with a button that takes it back."""
    if not texts:
        return ""
    rows = "".join(_decided_row(text, has_form=bool(form.hidden)) for text in texts)
    last = "<th>Change</th>" if form.hidden else "<th>Id</th>"
    head = f"<tr><th>Attribute</th><th>Text</th><th>Series</th><th>Decision</th>{last}</tr>"
    table = f'<table class="texts"><thead>{head}</thead><tbody>{rows}</tbody></table>'
    how = "<p>Change one with <code>radcommons edge texts OUT --replace ID TEXT --by NAME</code>.</p>"
    if form.hidden:
        how = ""
        table = (
            f'<form method="post" action="/texts" class="texts">{form.hidden}<div class="signature">{form.name}</div>'
            f"{table}</form>"
        )
    return f"<details><summary>{_counted(len(texts), 'text')} decided before</summary>{table}{how}</details>"


def _decided_row(text: ReviewedText, *, has_form: bool) -> str:
    verdict = _DONE[text.verdict] + (f": {escape(text.replacement)}" if text.verdict == "replace" else "")
    who = f"{escape(text.decided_by)} {escape(text.decided_at[:10])}".strip()
    last = f"<code>{text.text_id}</code>"
    if has_form:
        label = f"Take back: {escape(text.value[:80])}"
        last = f'<button name="{_OPEN_FIELD}{text.text_id}" value="yes" aria-label="{label}">Take back</button>'
    return (
        f'<tr><td>{escape(_attributes(text.keywords))}</td><td class="value">{_marked(text)}</td><td class="number">{text.series}</td>'
        f"<td>{verdict} <small>{who}</small></td><td>{last}</td></tr>"
    )


def _keep_all(texts: Sequence[ReviewedText], form: _Form) -> str:
    if not texts or not form.hidden:
        return ""
    # A field without a value would be left out of what the browser's form is read as.
    fields = "".join(f'<input type="hidden" name="{_KEEP_FIELD}{text.text_id}" value="yes">' for text in texts)
    label = f"Keep all {len(texts)} texts below that have only words of imaging"
    return (
        f'<form method="post" action="/texts">{form.hidden}{fields}{form.name}<button>{escape(label)}</button></form>'
    )


def _marked(text: ReviewedText) -> str:
    """The text with its unknown words marked."""
    value = text.value[:_LONGEST_SHOWN]
    rest = " …" if len(text.value) > _LONGEST_SHOWN else ""
    if not text.unknown_words:
        return escape(value) + rest
    words = "|".join(re.escape(word) for word in sorted(text.unknown_words, key=len, reverse=True))
    pieces = re.split(rf"(?<![^\W\d_])({words})(?![^\W\d_])", value)
    # Every second piece is a word that the pattern caught.
    return (
        "".join(f"<mark>{escape(piece)}</mark>" if index % 2 else escape(piece) for index, piece in enumerate(pieces))
        + rest
    )


def _attributes(keywords: Sequence[str]) -> str:
    return ", ".join(keyword or "private attribute" for keyword in keywords)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
