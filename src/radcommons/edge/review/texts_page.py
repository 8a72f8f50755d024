"""The texts of a review, served: every distinct one once, with one decision a line, filters with numbers, page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from urllib.parse import urlencode

from radcommons.edge.review.layout import (
    NO_DEFAULT,
    Sitting,
    counted,
    filter_links,
    hidden_fields,
    page_html,
    page_links,
    progress_bar,
)
from radcommons.edge.review.texts_section import attributes, marked, verdict_words
from radcommons.edge.texts.deciding import OPEN, VERDICTS, TextDecision
from radcommons.edge.texts.listing import ReviewedText

TEXTS_A_PAGE = 50
_VERDICT_FIELD, _WORDS_FIELD, _OPEN_FIELD = "verdict.", "words.", "open."
_SHOWN = {
    "waiting": "undecided",
    "unknown": "with unknown words",
    "imaging": "only words of imaging",
    "decided": "decided",
    "all": "all",
}
_MEANING = {"keep": "keep", "remove": "take out", "replace": "replace by"}
KEYS = {
    "↑ ↓": "To the text above or below",
    "1 2 3": "Keep it, take it out, put other words in its place",
    "Enter": "Record what was chosen",
    "N P": "Next page, first page",
    "/": "To the search",
}


@dataclass(frozen=True, slots=True)
class TextQuery:
    """What an address asks for: a list, an attribute, words in the text, and after which text the page begins."""

    show: str = "waiting"
    attribute: str = ""
    text: str = ""
    after: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> "TextQuery":
        """What the fields of an address ask for; a list that there is not is the usual one."""
        show = fields.get("show", "")
        return cls(
            show if show in _SHOWN else cls().show,
            fields.get("attribute", ""),
            fields.get("text", "").strip()[:100],
            fields.get("after", ""),
        )

    @property
    def address(self) -> str:
        """The query string; what is as always is left out."""
        parts = {"show": self.show, "attribute": self.attribute, "text": self.text, "after": self.after}
        return urlencode({name: each for name, each in parts.items() if each not in {"", "waiting"}})

    @property
    def place(self) -> str:
        """The whole address."""
        return "/texts" + (f"?{self.address}" if self.address else "")

    def includes(self, text: ReviewedText) -> bool:
        """Whether a text belongs to what is asked for."""
        is_listed = {
            "waiting": not text.verdict,
            "unknown": not text.verdict and not text.is_harmless,
            "imaging": not text.verdict and text.is_harmless,
            "decided": bool(text.verdict),
            "all": True,
        }[self.show]
        is_there = self.attribute in {"", attributes(text)}
        return is_listed and is_there and self.text.casefold() in text.value.casefold()


@dataclass(frozen=True, slots=True)
class LastTexts:
    """The latest decisions about texts, recorded at one moment by one person."""

    at: str
    by: str
    texts: tuple[ReviewedText, ...]


def latest(texts: Sequence[ReviewedText]) -> LastTexts | None:
    """What undo would take back."""
    at = max((each.decided_at for each in texts if each.verdict), default="")
    found = tuple(each for each in texts if each.verdict and each.decided_at == at)
    return LastTexts(at, found[0].decided_by, found) if at else None


def texts_html(sitting: Sitting, texts: Sequence[ReviewedText], *, query: TextQuery, left: str = "") -> str:
    """The page."""
    decided = sum(bool(each.verdict) for each in texts)
    # The order does not depend on what was decided, so that the next page begins where this one ended.
    ordered = sorted(texts, key=lambda each: (each.is_harmless, each.keywords, -each.series, each.value))
    ids = [each.text_id for each in ordered]
    start = ids.index(query.after) + 1 if query.after in ids else 0
    asked = [each for each in ordered if query.includes(each)]
    rest = [each for each in ordered[start:] if query.includes(each)]
    parts = [
        (
            "<h1>Texts that stay in the headers</h1><p>Every distinct text once, whatever series carry it. Words that are no words of"
            " imaging are marked. What you decide holds for every object that carries the text, now and in later batches.</p>"
        ),
        sitting.status,
        progress_bar(decided, len(texts), noun="texts", left=left),
        _filters(query, texts),
        _form(sitting, rest[:TEXTS_A_PAGE], query=query, last=latest(texts)),
        _pages(query, asked, rest) if asked else _nothing(query, texts),
    ]
    return page_html(sitting, name="texts", title="Texts", main="".join(parts), keys=KEYS)


def decisions_of(form: Mapping[str, str]) -> tuple[TextDecision, ...]:
    """The decisions in the fields of a form; texts without a choice are left open."""
    found = [
        TextDecision(
            name.removeprefix(_VERDICT_FIELD), verdict, form.get(_WORDS_FIELD + name.removeprefix(_VERDICT_FIELD), "")
        )
        for name, verdict in form.items()
        if name.startswith(_VERDICT_FIELD)
    ]
    found.extend(TextDecision(name.removeprefix(_OPEN_FIELD), OPEN) for name in form if name.startswith(_OPEN_FIELD))
    return tuple(found)


def _filters(query: TextQuery, texts: Sequence[ReviewedText]) -> str:
    shown = [
        (each, words, TextQuery(each, query.attribute, query.text).place, _number(TextQuery(each), texts))
        for each, words in _SHOWN.items()
    ]
    listed: dict[str, int] = {}
    for each in texts:
        if TextQuery(query.show, text=query.text).includes(each):
            listed[attributes(each)] = listed.get(attributes(each), 0) + 1
    options = "".join(
        f'<option value="{escape(each)}"{" selected" if each == query.attribute else ""}>{escape(each)} ({number:,})</option>'
        for each, number in sorted(listed.items())
    )
    form = (
        f'<form method="get" action="/texts" class="how">{hidden_fields({"show": query.show})}'
        f'<label>Words<input type="search" name="text" id="search" maxlength="100" value="{escape(query.text)}"></label>'
        f'<label>Attribute<select name="attribute"><option value="">any attribute</option>{options}</select></label>'
        "<button>Show</button></form>"
    )
    return filter_links("List", shown, chosen=query.show) + form


def _number(query: TextQuery, texts: Sequence[ReviewedText]) -> int:
    return sum(query.includes(each) for each in texts)


def _form(sitting: Sitting, shown: Sequence[ReviewedText], *, query: TextQuery, last: LastTexts | None) -> str:
    undo = ""
    if last is not None:
        words = f"Last: {counted(len(last.texts), 'text')}, {escape(last.by)}, {last.at[11:16]} UTC"
        undo = (
            f'<span class="last">{words}</span>'
            f'<button formaction="/undo-texts" name="at" value="{last.at}" data-do="undo" formnovalidate>Undo <kbd>U</kbd></button>'
        )
    open_now = [each for each in shown if not each.verdict]
    record = (
        '<button class="primary" data-do="record">Record these decisions <kbd>Enter</kbd></button>' if open_now else ""
    )
    harmless = ""
    if open_now and all(each.is_harmless for each in open_now):
        harmless = '<button formaction="/keep-imaging">Keep every text that has only words of imaging</button>'
    rows = "".join(_open_row(each) if not each.verdict else _decided_row(each) for each in shown)
    head = '<tr><th scope="col">Text</th><th scope="col">Where</th><th scope="col">Series</th><th scope="col">Decision</th></tr>'
    table = f'<table class="texts"><caption class="hidden">Texts</caption><thead>{head}</thead><tbody>{rows}</tbody></table>'
    return (
        f'<form method="post" action="/texts" class="texts">{NO_DEFAULT}{sitting.hidden(back=query.address)}'
        f'<div class="signature">{sitting.name_field}{record}{harmless}{undo}</div>{table if shown else ""}</form>'
    )


def _open_row(text: ReviewedText) -> str:
    name = text.text_id
    radios = "".join(
        f'<label><input type="radio" name="{_VERDICT_FIELD}{name}" value="{verdict}"> {_MEANING[verdict]}</label>'
        for verdict in VERDICTS
    )
    words = f'<input name="{_WORDS_FIELD}{name}" aria-label="Words in its place" placeholder="words in its place">'
    legend = f'<legend class="hidden">{escape(text.value[:80])}</legend>'
    return (
        f'<tr tabindex="-1" id="t-{name}"><td class="value">{marked(text)}</td><td>{escape(attributes(text))}</td>'
        f'<td class="number">{text.series:,}</td><td><fieldset>{legend}{radios}{words}</fieldset></td></tr>'
    )


def _decided_row(text: ReviewedText) -> str:
    label = f"Take back: {escape(text.value[:80])}"
    button = f'<button name="{_OPEN_FIELD}{text.text_id}" value="yes" aria-label="{label}">Take back</button>'
    return (
        f'<tr tabindex="-1" id="t-{text.text_id}"><td class="value">{marked(text)}</td><td>{escape(attributes(text))}</td>'
        f'<td class="number">{text.series:,}</td><td>{verdict_words(text)} {button}</td></tr>'
    )


def _pages(query: TextQuery, asked: Sequence[ReviewedText], rest: Sequence[ReviewedText]) -> str:
    first = len(asked) - len(rest) + 1
    shown = rest[:TEXTS_A_PAGE]
    words = f"Texts {first:,} to {first + len(shown) - 1:,} of {len(asked):,}"
    following = replace(query, after=shown[-1].text_id).place if len(rest) > TEXTS_A_PAGE else ""
    return page_links(replace(query, after="").place if query.after else "", following, words=words)


def _nothing(query: TextQuery, texts: Sequence[ReviewedText]) -> str:
    waiting = _number(TextQuery(), texts)
    if not texts:
        return '<div class="end"><h2>No text stays in a header</h2><p><a href="/" class="go">Go on</a></p></div>'
    if not waiting and query.show in {"waiting", "unknown", "imaging"}:
        return (
            f'<div class="end"><h2>All {counted(len(texts), "text")} decided</h2>'
            '<p><a href="/" class="go">Where it stands, and what is next</a></p></div>'
        )
    return (
        f'<div class="end"><h2>Nothing in this list</h2><p>{counted(waiting, "text")} elsewhere to decide.</p>'
        '<p><a href="/texts" class="go">Show everything undecided</a></p></div>'
    )
