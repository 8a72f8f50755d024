"""The looking page as HTML: complete without script, where the browser runs none; the script takes it over otherwise."""

import hashlib
from html import escape
from string import Template
from urllib.parse import quote

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.detection import Candidate
from radcommons.edge.home import EdgeHome
from radcommons.edge.pixels.looks import HouseRules
from radcommons.edge.review.layout import asset
from radcommons.edge.review.looking import ShownPicture, ShownSeriesPictures
from radcommons.edge.review.session import Place
from radcommons.edge.review.waiting import VERDICT_WORDS

STATE_WORDS = {
    **VERDICT_WORDS,
    "not_applicable": "no picture",
    "refused": "cannot be cleaned",
    "rejected": "kept out",
    "released": "let go",
}


def look_html(
    home: EdgeHome,
    shown: ShownSeriesPictures,
    place: Place,
    *,
    house: HouseRules,
    token: str,
    instance: str = "",
    said: str = "",
) -> str:
    """The whole page, with one picture of the series shown large."""
    picture = next((each for each in shown.pictures if each.key == instance), None) or _first(shown)
    position, waiting = place.words
    number = shown.pictures.index(picture) + 1
    values = {
        "boxes": _boxes(picture, house),
        "by": "",
        "description": escape(shown.description or "(no description)"),
        "hidden": _hidden(shown, token),
        "history": "<li>See the decisions with <code>radcommons edge pixels</code>.</li>",
        "modality": escape(shown.modality or "no modality"),
        "next": _series_address(place.beside(1)),
        "number": f"Picture {number} of {len(shown.pictures)}",
        "original": _original(picture),
        "place": position,
        "previous": _series_address(place.beside(-1)),
        "project": escape(home.project),
        "result": _result(picture),
        "result_state": escape(STATE_WORDS.get(picture.state, picture.state)),
        "said": escape(said),
        "series": escape(shown.series_instance_uid),
        "sheet": "".join(
            _sheet_item(each, index, is_shown=each is picture) for index, each in enumerate(shown.pictures)
        ),
        "site": escape(home.site),
        "subject": escape(shown.subject_id),
        "token": escape(token),
        "waiting": waiting,
    }
    return Template(asset("look.html")).substitute(values)


def seen_digest(shown: ShownSeriesPictures) -> str:
    """Stands for exactly these pictures with exactly these boxes, in a form that somebody sends after looking."""
    lines = (f"{each.sha256} {[box.to_json() for box in each.boxes or ()]}\n" for each in shown.pictures)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _first(shown: ShownSeriesPictures) -> ShownPicture:
    return next((each for each in shown.pictures if each.is_waiting), shown.pictures[0])


def _hidden(shown: ShownSeriesPictures, token: str) -> str:
    values = {"series": shown.series_instance_uid, "seen": seen_digest(shown), "token": token}
    return "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in values.items())


def _series_address(uid: str | None) -> str:
    return "" if uid is None else f"/series/{quote(uid)}"


def _original(picture: ShownPicture) -> str:
    if not picture.row["is_image"] and picture.look is None:
        return "<p>It holds no picture that could be shown and cleaned here. Open the original in a program that shows it.</p>"
    rects = "".join(f'<g class="box">{_rect(each)}</g>' for each in picture.boxes or ())
    return _svg(picture, side="original", inner=rects, label="Original with what is blackened")


def _result(picture: ShownPicture) -> str:
    if not picture.row["is_kept"]:
        return "<p>Nothing.</p>"
    if picture.look is None and not picture.row["is_image"]:
        return "<p>The object without its identifying attributes.</p>"
    return _svg(picture, side="result", inner="", label="The picture as it would leave")


def _svg(picture: ShownPicture, *, side: str, inner: str, label: str) -> str:
    address = f"/frames/{picture.key}/1?side={side}"
    rows, columns, _ = (0, 0, 0) if picture.look is None else picture.look.size
    if not rows:
        return f'<img src="{address}" alt="{label}">'
    return (
        f'<svg viewBox="0 0 {columns} {rows}" role="img" aria-label="{label}">'
        f'<image href="{escape(address)}" x="0" y="0" width="{columns}" height="{rows}"/>{inner}</svg>'
    )


def _rect(box: Box) -> str:
    return f'<rect x="{box.left}" y="{box.top}" width="{box.width}" height="{box.height}"/>'


def _boxes(picture: ShownPicture, house: HouseRules) -> str:
    seen = () if picture.look is None else house.candidates(picture.look)
    doubts = "".join(f'<p class="doubt">{escape(each)}</p>' for each in picture.doubts)
    rows = "".join(f"<tr><td>{escape(each.text or each.kind)}</td><td>{_fate(each)}</td></tr>" for each in seen)
    head = '<tr><th scope="col">It reads</th><th scope="col">It is</th></tr>'
    return doubts + (f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>" if rows else "<p>None found.</p>")


def _fate(candidate: Candidate) -> str:
    if candidate.is_doubtful:
        return "in doubt: stays unless you blacken it"
    return "stays" if candidate.is_marker else "blackened"


def _sheet_item(picture: ShownPicture, index: int, *, is_shown: bool) -> str:
    current = ' aria-current="true"' if is_shown else ""
    words = STATE_WORDS.get(picture.state, picture.state)
    drawing = '<span class="none">no picture</span>'
    if picture.row["is_image"] or picture.look is not None:
        drawing = f'<img src="/frames/{picture.key}/1?side=original&amp;small=1" alt="" loading="lazy">'
    return (
        f'<li><a href="?instance={picture.key}"{current}>{drawing}<span>Picture {index + 1}</span><br>'
        f'<span class="mark {"waiting" if picture.is_waiting else picture.state}">{"waits: " if picture.is_waiting else ""}{words}</span></a></li>'
    )
