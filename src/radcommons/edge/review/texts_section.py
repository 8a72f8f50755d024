"""The texts of a review page: what to read first, grouped by attribute, with one decision a line.

Plain forms, so that it works under the strictest policy and without any script: Tab goes from text to text, the arrow
keys choose, Enter records. A page on disk has no forms and shows the ids that ``radcommons edge texts`` takes.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import groupby

from radcommons.edge.texts.deciding import VERDICTS, TextDecision
from radcommons.edge.texts.listing import ReviewedText

_VERDICT_FIELD, _WORDS_FIELD = "verdict.", "words."
_KEEP_FIELD = "keep."
_LONGEST_SHOWN = 4000
_MOST_TOGETHER = 100
_DONE = {"keep": "kept", "remove": "taken out", "replace": "replaced"}


def texts_section(texts: Sequence[ReviewedText], *, hidden: Mapping[str, str]) -> str:
    """The section; ``hidden`` are the fields every form carries, none when the page cannot record anything."""
    if not texts:
        return "<p>None.</p>"
    waiting = [text for text in texts if not text.verdict]
    decided = [text for text in texts if text.verdict]
    unknown = [text for text in waiting if not text.is_harmless]
    harmless = [text for text in waiting if text.is_harmless]
    open_now = f"{_counted(len(waiting), 'text')} to decide, {len(unknown)} of them with unknown words"
    parts = [f"<p>{open_now}; {_counted(len(decided), 'text')} decided before.</p>"]
    parts.extend(_groups(unknown, hidden, heading="With unknown words"))
    parts.append(_keep_all(harmless, hidden))
    parts.extend(_groups(harmless, hidden, heading="Only words of imaging"))
    if decided:
        rows = "".join(_decided_row(text) for text in decided)
        head = "<tr><th>Attribute</th><th>Text</th><th>Series</th><th>Decision</th><th>Id</th></tr>"
        table = f'<div class="scroll"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'
        parts.append(f"<details><summary>{_counted(len(decided), 'text')} decided before</summary>{table}")
        parts.append(
            "<p>Change one with <code>radcommons edge texts OUT --replace ID TEXT --by NAME</code>.</p></details>"
        )
    return "".join(parts)


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
    return tuple(found)


def _groups(texts: Iterable[ReviewedText], hidden: Mapping[str, str], *, heading: str) -> Iterable[str]:
    for keywords, group in groupby(texts, key=lambda text: text.keywords):
        members = list(group)
        for start in range(0, len(members), _MOST_TOGETHER):
            yield _group(
                members[start : start + _MOST_TOGETHER], hidden, title=f"{_attributes(keywords)} · {heading.lower()}"
            )


def _group(texts: Sequence[ReviewedText], hidden: Mapping[str, str], *, title: str) -> str:
    rows = "".join(_open_row(text, has_form=bool(hidden)) for text in texts)
    decide = "<th>Decision</th>" if hidden else ""
    table = (
        f'<div class="scroll"><table class="texts"><caption>{escape(title)}</caption>'
        f"<thead><tr><th>Text</th><th>Series</th>{decide}<th>Id</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
    if not hidden:
        return table
    return f'<form method="post" action="/texts" class="texts">{_hidden(hidden)}{table}{_signature("Record these decisions")}</form>'


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


def _decided_row(text: ReviewedText) -> str:
    verdict = _DONE[text.verdict] + (f": {escape(text.replacement)}" if text.verdict == "replace" else "")
    who = f"{escape(text.decided_by)} {escape(text.decided_at[:10])}".strip()
    return (
        f'<tr><td>{escape(_attributes(text.keywords))}</td><td class="value">{_marked(text)}</td><td class="number">{text.series}</td>'
        f"<td>{verdict} <small>{who}</small></td><td><code>{text.text_id}</code></td></tr>"
    )


def _keep_all(texts: Sequence[ReviewedText], hidden: Mapping[str, str]) -> str:
    if not texts or not hidden:
        return ""
    fields = "".join(f'<input type="hidden" name="{_KEEP_FIELD}{text.text_id}" value="">' for text in texts)
    label = f"Keep all {len(texts)} texts below that have only words of imaging"
    return f'<form method="post" action="/texts">{_hidden(hidden)}{fields}{_signature(label)}</form>'


def _signature(label: str) -> str:
    name = '<label>Your name<input name="by" required maxlength="120" autocomplete="name"></label>'
    return f'<div class="signature">{name}<button>{escape(label)}</button></div>'


def _hidden(fields: Mapping[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
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
