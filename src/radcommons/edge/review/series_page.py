"""The list of all series as HTML: pictures of each, what keeps it out, and how to keep it out or take that back."""

from collections.abc import Mapping
from dataclasses import replace
from html import escape

from radcommons.edge.review.decisions import Exclusion
from radcommons.edge.review.layout import Sitting, counted, filter_links, hidden_fields, page_html, page_links
from radcommons.edge.review.series_list import SeriesPage, SeriesQuery, SeriesRow

KEYS = {"↑ ↓": "To the previous or next series", "N P": "Next page, first page", "/": "To the search"}
_FORM = "series"


def series_html(sitting: Sitting, page: SeriesPage, *, query: SeriesQuery, excluded: Mapping[str, Exclusion]) -> str:
    """The page."""
    cards = "".join(_card(each, excluded.get(each.uid)) for each in page.rows)
    form = (
        f'<form method="post" action="/exclude" id="{_FORM}">{sitting.hidden(back=query.address)}'
        f'<div class="signature">{sitting.name_field}</div></form>'
    )
    words = counted(page.number, "series", "series")
    links = page_links(
        replace(query, after="").place if query.after else "",
        "" if page.following is None else page.following.place,
        words=words,
    )
    body = f'{form}<ol class="groups" aria-label="Series">{cards}</ol>{links}' if cards else _nothing()
    lead = "<p>As they would leave: some pictures of each. A series kept out here stays, whatever else is decided.</p>"
    main = f"<h1>All series</h1>{lead}{sitting.status}{_filters(query, page, len(excluded))}{body}"
    return page_html(sitting, name="series", title="All series", main=main, keys=KEYS)


def _filters(query: SeriesQuery, page: SeriesPage, excluded: int) -> str:
    every = sum(page.modalities.values())
    modalities = [("", "any modality", SeriesQuery("", query.text, query.show).place, every)]
    modalities += [
        (each, each, SeriesQuery(each, query.text, query.show).place, number)
        for each, number in page.modalities.items()
    ]
    shown = [
        ("all", "all", SeriesQuery(query.modality, query.text).place, page.total),
        ("excluded", "kept out", SeriesQuery(query.modality, query.text, "excluded").place, excluded),
    ]
    kept = hidden_fields({"modality": query.modality, "show": query.show})
    search = (
        f'<form method="get" action="/all-series" class="how">{kept}<label>Words of the description'
        f'<input type="search" name="text" id="search" maxlength="100" value="{escape(query.text)}"></label><button>Show</button></form>'
    )
    return (
        filter_links("Kept out", shown, chosen=query.show)
        + filter_links("Modality", modalities, chosen=query.modality)
        + search
    )


def _card(series: SeriesRow, exclusion: Exclusion | None) -> str:
    drawings = "".join(
        f'<div class="thumb"><img src="/frames/{key}/{frame}?side=result&amp;small=1" alt="" loading="lazy" decoding="async"></div>'
        for key, frame in series.samples
    )
    thumbs = f'<div class="thumbs">{drawings}</div>' if drawings else '<p class="note">No pictures in this series.</p>'
    tag = ""
    if exclusion is not None:
        tag = f'<span class="mark rejected">kept out by {escape(exclusion.by)}: {escape(exclusion.reason)}</span> '
    facts = f"{tag}{escape(series.modality or 'no modality')} · {escape(series.subject_id)} · {counted(series.instances, 'instance')}"
    uid = escape(series.uid)
    return (
        f'<li><article tabindex="-1" id="g-{uid}" aria-labelledby="t-{uid}">{thumbs}'
        f'<h2 id="t-{uid}">{escape(series.description or "(no description)")}</h2><p class="facts">{facts}</p>'
        f'<p class="uid">{uid}</p>{_decide(uid, is_excluded=exclusion is not None)}</article></li>'
    )


def _decide(uid: str, *, is_excluded: bool) -> str:
    if is_excluded:
        return (
            f'<button form="{_FORM}" formaction="/include" name="series" value="{uid}">Take the exclusion back</button>'
        )
    reason = f'<label>Reason<input name="reason.{uid}" form="{_FORM}" maxlength="500"></label>'
    button = f'<button form="{_FORM}" name="series" value="{uid}">Keep this series out</button>'
    return f'<details data-key="r"><summary>Keep out… <kbd>R</kbd></summary><div class="row">{reason}{button}</div></details>'


def _nothing() -> str:
    return '<div class="end"><h2>No such series</h2><p><a href="/all-series" class="go">Show all series</a></p></div>'
