"""The texts of a review page on disk: what to read first, grouped by attribute, with the ids that ``edge texts`` takes."""

import re
from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from radcommons.edge.texts.listing import ReviewedText

_LONGEST_SHOWN = 4000
_DONE = {"keep": "kept", "remove": "taken out", "replace": "replaced"}


def texts_section(texts: Sequence[ReviewedText]) -> str:
    """The section."""
    if not texts:
        return "<p>None.</p>"
    waiting = [text for text in texts if not text.verdict]
    decided = [text for text in texts if text.verdict]
    unknown = [text for text in waiting if not text.is_harmless]
    harmless = [text for text in waiting if text.is_harmless]
    open_now = f"{_counted(len(waiting), 'text')} to decide, {len(unknown)} of them with unknown words"
    parts = [f"<p>{open_now}; {_counted(len(decided), 'text')} decided before.</p>"]
    parts += [_groups(unknown, heading="With unknown words"), _groups(harmless, heading="Only words of imaging")]
    parts.append(_decided(decided))
    return "".join(parts)


def marked(text: ReviewedText) -> str:
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


def attributes(text: ReviewedText) -> str:
    """Where a text stands."""
    return ", ".join(keyword or "private attribute" for keyword in text.keywords)


def verdict_words(text: ReviewedText) -> str:
    """What was decided about a text, by whom and when."""
    verdict = _DONE[text.verdict] + (f": {escape(text.replacement)}" if text.verdict == "replace" else "")
    who = f"{escape(text.decided_by)} {escape(text.decided_at[:10])}".strip()
    return f"{verdict} <small>{who}</small>"


def _groups(texts: Iterable[ReviewedText], *, heading: str) -> str:
    return "".join(
        _group(list(group), title=f"{title} · {heading.lower()}") for title, group in groupby(texts, key=attributes)
    )


def _group(texts: Sequence[ReviewedText], *, title: str) -> str:
    rows = "".join(
        f'<tr><td class="value">{marked(text)}</td><td class="number">{text.series}</td>'
        f"<td><code>{text.text_id}</code></td></tr>"
        for text in texts
    )
    head = "<thead><tr><th>Text</th><th>Series</th><th>Id</th></tr></thead>"
    return f'<table class="texts"><caption>{escape(title)}</caption>{head}<tbody>{rows}</tbody></table>'


def _decided(texts: Sequence[ReviewedText]) -> str:
    """What was decided before, folded away."""
    if not texts:
        return ""
    rows = "".join(
        f'<tr><td>{escape(attributes(text))}</td><td class="value">{marked(text)}</td><td class="number">{text.series}</td>'
        f"<td>{verdict_words(text)}</td><td><code>{text.text_id}</code></td></tr>"
        for text in texts
    )
    head = "<tr><th>Attribute</th><th>Text</th><th>Series</th><th>Decision</th><th>Id</th></tr>"
    table = f'<table class="texts"><thead>{head}</thead><tbody>{rows}</tbody></table>'
    how = "<p>Change one with <code>radcommons edge texts OUT --replace ID TEXT --by NAME</code>.</p>"
    return f"<details><summary>{_counted(len(texts), 'text')} decided before</summary>{table}{how}</details>"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
