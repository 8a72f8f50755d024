"""Where a review stands: what is left of each step, who answers for the whole, and the exact commands that come next."""

from dataclasses import dataclass
from html import escape
from shlex import quote

from radcommons.edge.home import DEFAULT_HOME
from radcommons.edge.outfolder import OutFolder
from radcommons.edge.review.decisions import Content, Review, is_approved
from radcommons.edge.review.layout import Sitting, counted, page_html, progress_bar
from radcommons.edge.review.rules_section import ShownRule, rules_section
from radcommons.edge.review.subject import FindingCount, findings_table
from radcommons.edge.review.waiting import WaitingSeries

KEYS = {"Enter": "Go on with what is left"}


@dataclass(frozen=True, slots=True)
class Standing:
    """The numbers of the page.

    Parameters
    ----------
    subjects, studies, series, instances
        In OUT.
    pictures_decided, pictures_to_decide
        Pictures a person decided, of those a person has to.
    waiting
        Series that wait for a look at their pictures.
    texts, texts_decided, texts_unknown
        Distinct texts, those decided, and those undecided with unknown words.
    findings, rules
        What was found, and the rules of the house.
    centre
        Where the last batch went, or empty.
    """

    subjects: int
    studies: int
    series: int
    instances: int
    pictures_decided: int
    pictures_to_decide: int
    waiting: tuple[WaitingSeries, ...]
    texts: int
    texts_decided: int
    texts_unknown: int
    findings: tuple[FindingCount, ...]
    rules: tuple[ShownRule, ...]
    centre: str = ""


def start_html(sitting: Sitting, standing: Standing, *, out: OutFolder, content: Content, review: Review) -> str:
    """The page."""
    parts = [
        (
            "<h1>May this leave?</h1>"
            "<p>Look for anything that could tell who a patient is. What a named person approves here leaves the hospital, and nothing else.</p>"
        ),
        sitting.status,
        _facts(standing, review),
        '<ol class="steps">',
        _pictures(standing),
        _texts(standing),
        _approval(sitting, standing, content=content, review=review),
        _next(sitting, standing, out=out, is_ready=is_approved(review, content)),
        "</ol>",
        (
            '<section aria-labelledby="rules"><h2 id="rules">Rules of this hospital for pictures</h2>'
            f"{rules_section(standing.rules, hidden=sitting.hidden(), name=sitting.name_field)}</section>"
        ),
        f'<section aria-labelledby="findings"><h2 id="findings">Findings</h2><div class="scroll">{findings_table(standing.findings)}</div></section>',
    ]
    return page_html(sitting, name="start", title="Where it stands", main="".join(parts), keys=KEYS)


def _facts(standing: Standing, review: Review) -> str:
    values = {
        "subjects": standing.subjects,
        "studies": standing.studies,
        "series": standing.series,
        "instances": standing.instances,
        "series kept out": len(review.exclusions),
    }
    return f'<dl class="facts">{"".join(f"<div><dt>{name}</dt><dd>{number:,}</dd></div>" for name, number in values.items())}</dl>'


def _step(title: str, body: str, *, is_done: bool) -> str:
    mark = '<span class="mark approved">done</span>' if is_done else '<span class="mark waiting">open</span>'
    return f'<li class="{"done" if is_done else "open"}"><h2>{title} {mark}</h2>{body}</li>'


def _pictures(standing: Standing) -> str:
    if not standing.pictures_to_decide:
        return _step("Pictures", "<p>No picture has to be looked at.</p>", is_done=True)
    bar = progress_bar(standing.pictures_decided, standing.pictures_to_decide, noun="pictures")
    series = sum(bool(each.waiting) for each in standing.waiting)
    if standing.pictures_decided >= standing.pictures_to_decide:
        return _step("Pictures", f'{bar}<p><a href="/pictures?show=decided">See what was decided</a></p>', is_done=True)
    first = next(each.series_instance_uid for each in standing.waiting if each.waiting)
    waits = (
        "1 series waits for a look at its pictures and stays"
        if series == 1
        else f"{series:,} series wait for a look at their pictures and stay"
    )
    said = (
        f"<p>{waits} here until somebody decided.</p>"
        f'<p><a class="go" href="/pictures">Look at the pictures, alike ones together</a>'
        f'<a href="/series/{escape(first)}">or series by series</a></p>'
    )
    return _step("Pictures", bar + said, is_done=False)


def _texts(standing: Standing) -> str:
    if not standing.texts:
        return _step("Texts", "<p>No text stays in a header.</p>", is_done=True)
    bar = progress_bar(standing.texts_decided, standing.texts, noun="texts")
    left = standing.texts - standing.texts_decided
    if not left:
        return _step("Texts", f'{bar}<p><a href="/texts?show=decided">See what was decided</a></p>', is_done=True)
    said = (
        f"<p>{counted(left, 'text')} {'is' if left == 1 else 'are'} not decided, {standing.texts_unknown:,} of them with unknown words:"
        ' whoever approves keeps them as they are.</p><p><a class="go" href="/texts">Read the texts</a></p>'
    )
    return _step("Texts", bar + said, is_done=False)


def _approval(sitting: Sitting, standing: Standing, *, content: Content, review: Review) -> str:
    approval = review.approval
    if approval is not None and is_approved(review, content):
        said = f"<p>Approved by {escape(approval.by)} on {escape(approval.at)}.</p>"
        return _step("Approval", said + _form(sitting, "withdraw", "Take the approval back"), is_done=True)
    said = "<p>Not approved yet.</p>"
    if approval is not None:
        said = "<p>The content changed after the last approval; it must be approved again.</p>"
    waiting = standing.pictures_to_decide - standing.pictures_decided
    if waiting:
        said += f"<p>{counted(waiting, 'picture')} would stay behind: nothing leaves that waits for a look.</p>"
    said += '<p>Have you leafed through <a href="/all-series">all series</a>?</p>'
    return _step("Approval", said + _form(sitting, "approve", "Approve everything shown"), is_done=False)


def _form(sitting: Sitting, verb: str, label: str) -> str:
    return f'<form method="post" action="/{verb}">{sitting.hidden()}{sitting.name_field}<button class="primary">{label}</button></form>'


def _next(sitting: Sitting, standing: Standing, *, out: OutFolder, is_ready: bool) -> str:
    home = "" if sitting.home.path == DEFAULT_HOME.expanduser() else f" --home {quote(str(sitting.home.path))}"
    centre = quote(standing.centre) if standing.centre else "https://CENTRE"
    folder = quote(str(out.path))
    commands = (
        f"radcommons edge verify {folder}{home}\n"
        f"radcommons edge send {folder} --to {centre} --token-file token.txt --wait{home}"
    )
    lead = "Next: a second look at every file, then seal the batch and send it. End this page with Ctrl-C in its terminal and type:"
    if not is_ready:
        lead = "When it is approved: end this page with Ctrl-C in its terminal, then a second look, seal and send."
    return _step("Verify, seal and send", f'<p>{lead}</p><pre tabindex="0">{escape(commands)}</pre>', is_done=False)
