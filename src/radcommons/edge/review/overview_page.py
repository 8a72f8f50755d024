"""The overview of pictures as HTML: groups with one decision each, filters with numbers, pages, all of it without script."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape

from radcommons.deid.pixels.boxes import Box
from radcommons.edge.pixels.memory import Act
from radcommons.edge.review.groups import GROUPINGS, ORDERS, SHOWN, Counts, Group, Page, Query
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
from radcommons.edge.review.listing import ListedPicture
from radcommons.edge.review.look_page import STATE_WORDS

_THUMBNAILS = 4
_FORM = "decide"
_LONGEST_TEXT = 160
KEYS = {
    "← → ↑ ↓": "To the previous or next group",
    "Enter": "Confirm the group: what is outlined is blackened, nothing else tells who the patient is",
    "O": "Open the group: its pictures, large",
    "L": "Look at the series, move and draw boxes",
    "R": "Keep the group out, with a reason",
    "A": "Confirm everything that this page shows large",
    "N P": "Next page, first page",
    "B": "Back from a group to all of them",
    "/": "To the search for words that were read",
}


def overview_html(
    sitting: Sitting, page: Page, *, query: Query, counts: Counts, left: str = "", last: tuple[Act, int] | None = None
) -> str:
    """The page.

    Parameters
    ----------
    page, query, counts
        What is shown, of what, out of how many.
    left
        How long the rest will take.
    last
        The latest decision that stands, and how many pictures it settled.
    """
    title = "Pictures of one group" if query.group else "Writing in pictures"
    lead = (
        "Each picture is shown whole and large, all frames of a film laid over each other."
        if query.group
        else "Alike pictures stand together: one decision settles a group. What is outlined in red is blackened."
    )
    parts = [
        f"<h1>{title}</h1><p>{lead} Confirm only when no name, number or date of a patient stays.</p>",
        sitting.status,
        progress_bar(counts.decided, counts.to_decide, noun="pictures", left=left),
        _signature(sitting, page, query, last),
        _filters(query, counts),
        _list(page, query, counts),
    ]
    return page_html(sitting, name="pictures", title=title, main="".join(parts), keys=KEYS)


def _filters(query: Query, counts: Counts) -> str:
    if query.group:
        return f'<p><a href="{escape(query.with_(group="").place)}#g-{escape(query.group)}" rel="up">Back to the groups <kbd>B</kbd></a></p>'
    shown = (
        (each, words, query.with_(show=each).place, counts.shown[each])
        for each, words in SHOWN.items()
        if counts.shown[each] or each in {query.show, "waiting"}
    )
    modalities = [("", "any modality", query.with_(modality="").place, sum(counts.modalities.values()))]
    modalities += [(each, each, query.with_(modality=each).place, number) for each, number in counts.modalities.items()]
    kept = {"show": query.show, "modality": query.modality}
    form = (
        f'<form method="get" action="/pictures" class="how">{hidden_fields(kept)}'
        f'<label>Words that were read<input type="search" name="text" id="search" maxlength="100" value="{escape(query.text)}"></label>'
        f"{_choice('by', 'Together', GROUPINGS, query.grouping)}{_choice('order', 'Order', ORDERS, query.order)}"
        "<button>Show</button></form>"
    )
    return (
        filter_links("Verdict", shown, chosen=query.show)
        + filter_links("Modality", modalities, chosen=query.modality)
        + form
    )


def _choice(name: str, label: str, options: dict[str, str], chosen: str) -> str:
    values = "".join(
        f'<option value="{each}"{" selected" if each == chosen else ""}>{words}</option>'
        for each, words in options.items()
    )
    return f'<label>{label}<select name="{name}">{values}</select></label>'


def _signature(sitting: Sitting, page: Page, query: Query, last: tuple[Act, int] | None) -> str:
    """The one form of the page: every button below belongs to it, so that a name is written once."""
    every = [each for each in page.groups if query.group and each.is_confirmable(is_large=True)]
    whole = ""
    if len(every) > 1:
        seen = " ".join(f"{each.group_id}:{each.seen}" for each in every)
        whole = _button("confirm", seen, f"Confirm the {len(every)} pictures shown", key="A", css="primary", mark="all")
    undo = ""
    if last is not None:
        act, number = last
        words = f"Last: {escape(act.verb)}, {counted(number, 'picture')}, {escape(act.by)}, {act.at[11:16]} UTC"
        button = f'<button formaction="/undo" name="act" value="{act.act_id}" data-do="undo">Undo <kbd>U</kbd></button>'
        undo = f'<span class="last">{words}</span>{button}'
    hidden = sitting.hidden(back=query.address)
    inner = f'<div class="signature">{sitting.name_field}{whole}{undo}</div>'
    return f'<form method="post" action="/decide" id="{_FORM}">{NO_DEFAULT}{hidden}{inner}</form>'


def _list(page: Page, query: Query, counts: Counts) -> str:
    if not page.groups:
        return _nothing(query, counts)
    is_large = bool(query.group)
    cards = "".join(_card(each, query, is_large=is_large) for each in page.groups)
    first, noun = page.before + 1, "Pictures" if is_large else "Groups"
    words = f"{noun} {first:,} to {first + len(page.groups) - 1:,} of {page.number_of_groups:,}"
    if not is_large:
        words += f", {counted(page.pictures, 'picture')}"
    links = page_links(
        replace(query, after="").place if query.after else "",
        page.following.place if page.following else "",
        words=words,
    )
    css = "groups large" if is_large else "groups"
    return (
        f'<p class="note" id="list-title">{words}</p><ol class="{css}" aria-labelledby="list-title">{cards}</ol>{links}'
    )


def _nothing(query: Query, counts: Counts) -> str:
    """What stands where a list is empty: either nothing is left, or the filters are too narrow."""
    is_whole = not (query.modality or query.text or query.group)
    if not counts.to_decide:
        return '<div class="end"><h2>No picture waits for a person</h2><p>Nothing here has to be looked at.</p><p><a href="/" class="go">Go on</a></p></div>'
    if not counts.waiting:
        return (
            f'<div class="end"><h2>All {counted(counts.to_decide, "picture")} decided</h2>'
            '<p>Go on to the texts, then approve the whole.</p><p><a href="/" class="go">Where it stands, and what is next</a></p></div>'
        )
    if query.group:
        return f'<div class="end"><h2>This group is decided</h2><p><a href="{escape(query.with_(group="").place)}" class="go">Back to the groups</a></p></div>'
    what = "in this list" if is_whole else "with these filters"
    return (
        f'<div class="end"><h2>Nothing {what}</h2><p>{counted(counts.waiting, "picture")} elsewhere'
        f' {"waits" if counts.waiting == 1 else "wait"} for a decision.</p><p><a href="/pictures" class="go">Show everything undecided</a></p></div>'
    )


def _card(group: Group, query: Query, *, is_large: bool) -> str:
    first = group.first
    shown = group.pictures[: 1 if is_large else _THUMBNAILS]
    drawings = "".join(_drawing(each, is_large=is_large) for each in shown)
    links = _open_link(group, query) + _series_link(first)
    doubts = "".join(f'<p class="doubt">{escape(each)}</p>' for each in first.shown.doubts)
    return (
        f'<li><article id="g-{group.group_id}" tabindex="-1" aria-labelledby="t-{group.group_id}">'
        f'<div class="thumbs">{drawings}</div><h2 id="t-{group.group_id}">{_title(first)}</h2><p class="facts">{_facts(group)}</p>{doubts}'
        f'<div class="row">{_buttons(group, is_large=is_large)}{links}</div>{_keep_out(group)}</article></li>'
    )


def _open_link(group: Group, query: Query) -> str:
    """To the pictures of a group, large: where there are several, and where they must be seen so."""
    if query.group or (len(group.pictures) == 1 and not _must_be_opened(group)):
        return ""
    words = f"Open all {len(group.pictures):,}" if len(group.pictures) > 1 else "Open"
    return f'<a href="{escape(query.with_(group=group.group_id).place)}" data-key="o">{words} <kbd>O</kbd></a>'


def _series_link(picture: ListedPicture) -> str:
    words = "Look and decide" if picture.is_face or picture.shown.is_refused else "Draw boxes"
    address = f"/series/{escape(picture.series)}?instance={picture.shown.key}"
    return f'<a href="{address}" data-key="l">{words} <kbd>L</kbd></a>'


def _must_be_opened(group: Group) -> bool:
    return group.is_confirmable(is_large=True) and not group.is_confirmable(is_large=False)


def _title(picture: ListedPicture) -> str:
    if picture.is_face:
        return "A face could be made of this series"
    if picture.shown.is_refused:
        return "An object that cannot be cleaned"
    text = picture.seen.text
    if text:
        return f"<q>{escape(text[:_LONGEST_TEXT])}{' …' if len(text) > _LONGEST_TEXT else ''}</q>"
    if picture.shown.look is None:
        return "No program could look at it"
    return "Writing that could not be read" if picture.shown.boxes else "No writing found"


def _facts(group: Group) -> str:
    first = group.first
    state = first.state
    mark = "waiting" if first.shown.is_waiting else state
    words = "a decision about the face" if first.is_face else STATE_WORDS.get(state, state)
    words = f"waits: {words}" if first.shown.is_waiting else words
    counts = [counted(len(group.pictures), "picture")]
    if len(group.pictures) > 1:
        counts.append(counted(len({each.series for each in group.pictures}), "series", "series"))
        counts.append(counted(len({each.subject for each in group.pictures}), "subject"))
    else:
        counts.append(escape(first.subject))
    said = [escape(first.modality), escape(first.seen.device), ", ".join(counts)]
    return f'<span class="mark {mark}">{words}</span> ' + " · ".join(filter(None, said))


def _drawing(picture: ListedPicture, *, is_large: bool) -> str:
    shown = picture.shown
    if not shown.row["is_image"] and shown.look is None:
        return '<div class="thumb none">no picture</div>'
    frames = max(1, shown.row["number_of_frames"])
    place = "all" if frames > 1 and is_large else "1"
    source = f"/frames/{shown.key}/{place}?side=original{'' if is_large else '&amp;small=1'}"
    label = f"{escape(picture.subject)}, {escape(STATE_WORDS.get(picture.state, picture.state))}"
    return f'<div class="thumb"><img src="{source}" alt="{label}" loading="lazy" decoding="async">{_outlines(picture)}</div>'


def _outlines(picture: ListedPicture) -> str:
    look = picture.shown.look
    if look is None or not look.size[0]:
        return ""
    rows, columns, _ = look.size
    rects = _rects(picture.shown.boxes or (), "cover") + _rects(picture.seen.marks, "stays")
    return f'<svg viewBox="0 0 {columns} {rows}" aria-hidden="true">{rects}</svg>' if rects else ""


def _rects(boxes: Sequence[Box], css: str) -> str:
    return "".join(
        f'<rect class="{css}" x="{each.left}" y="{each.top}" width="{each.width}" height="{each.height}"/>'
        for each in boxes
    )


def _buttons(group: Group, *, is_large: bool) -> str:
    if group.is_confirmable(is_large=is_large):
        number = len(group.pictures)
        label = "Confirm" if number == 1 else f"Confirm all {number:,}"
        return _button("confirm", f"{group.group_id}:{group.seen}", label, key="Enter", css="primary")
    return '<span class="hint">Open it: it must be seen large</span>' if _must_be_opened(group) else ""


def _keep_out(group: Group) -> str:
    if group.first.state == "rejected":
        return ""
    number = len(group.pictures)
    label = "Keep out…" if number == 1 else f"Keep all {number:,} out…"
    reason = f'<label>Reason<input name="reason.{group.group_id}" form="{_FORM}" maxlength="500"></label>'
    button = _button("reject", f"{group.group_id}:{group.seen}", "Keep out")
    return f'<details data-key="r"><summary>{label} <kbd>R</kbd></summary><div class="row">{reason}{button}</div></details>'


def _button(verb: str, groups: str, label: str, *, key: str = "", css: str = "", mark: str = "") -> str:
    shortcut = f" <kbd>{key}</kbd>" if key else ""
    return (
        f'<button form="{_FORM}" name="do" value="{verb} {groups}"{f" class={css}" if css else ""} data-do="{mark or verb}">'
        f"{label}{shortcut}</button>"
    )
