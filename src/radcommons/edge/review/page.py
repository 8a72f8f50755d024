"""The review page on disk: plain HTML without scripts and forms, readable from the file system and without any network."""

from collections.abc import Set as AbstractSet
from html import escape
from importlib import resources
from string import Template

from radcommons.edge.home import EdgeHome
from radcommons.edge.review.decisions import Content, Review, is_approved
from radcommons.edge.review.pictures import close_up_name, sheet_name
from radcommons.edge.review.rules_section import rules_section
from radcommons.edge.review.subject import Picture, ReviewSubject, ShownSeries, findings_table
from radcommons.edge.review.texts_section import texts_section
from radcommons.edge.review.waiting import VERDICT_WORDS


def page_html(
    home: EdgeHome,
    subject: ReviewSubject,
    *,
    content: Content,
    review: Review,
    drawn: AbstractSet[str],
) -> str:
    """The whole page; ``drawn`` are the names of the pictures that exist."""
    template = Template((resources.files("radcommons.edge.review") / "page.html").read_text("utf-8"))
    parts = _Parts(subject, content=content, review=review, drawn=drawn)
    return template.substitute(
        site=escape(home.site),
        project=escape(home.project),
        state=parts.state(),
        facts=parts.facts(),
        pixels=parts.pixels(),
        rules=parts.rules(),
        texts=parts.texts(),
        findings=parts.findings(),
        series=parts.series(),
    )


def style_css() -> str:
    """The page's style sheet."""
    return (resources.files("radcommons.edge.review") / "style.css").read_text("utf-8")


class _Parts:
    """The sections of one page."""

    def __init__(self, subject: ReviewSubject, *, content: Content, review: Review, drawn: AbstractSet[str]) -> None:
        self._drawn = drawn
        self._subject = subject
        self._content = content
        self._review = review

    def state(self) -> str:
        approval = self._review.approval
        if approval is not None and is_approved(self._review, self._content):
            text = f"Approved by {escape(approval.by)} on {escape(approval.at)}."
            return f'<div class="state approved"><p>{text}</p></div>'
        text = "Not approved yet."
        if approval is not None:
            text = "The content changed after the last approval; it must be approved again."
        how = "<code>radcommons edge review OUT --approve --by NAME</code>"
        return f'<div class="state"><p>{text}</p>{self._open()}{how}</div>'

    def _open(self) -> str:
        """What an approval does with what nobody decided."""
        waiting = len(self._subject.waiting - set(self._review.exclusions))
        texts = [each for each in self._subject.texts if not each.verdict]
        unknown = sum(not each.is_harmless for each in texts)
        lines = []
        if waiting:
            lines.append(f'{waiting} <a href="#pixels">series</a> wait for a look at their pictures and stay here.')
        if texts:
            lines.append(
                f'{len(texts)} <a href="#texts">texts</a> are not decided, {unknown} of them with unknown words:'
                " whoever approves keeps them as they are."
            )
        return f"<ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>" if lines else ""

    def facts(self) -> str:
        shown = self._subject.series
        values = {
            "subjects": len({each.subject_id for each in shown}),
            "studies": len({each.study_instance_uid for each in shown}),
            "series": len(shown),
            "instances": sum(each.instances for each in shown),
            "series that wait for a person": len(self._subject.waiting - set(self._review.exclusions)),
            "excluded series": len([each for each in shown if self._is_excluded(each)]),
            "distinct texts": len(self._subject.texts),
        }
        return "".join(f"<div><dt>{name}</dt><dd>{number}</dd></div>" for name, number in values.items())

    def pixels(self) -> str:
        pictured = [each for each in self._subject.series if each.verdicts]
        return self._refused() + "".join(map(self._pixel_series, pictured)) or "<p>None.</p>"

    def _refused(self) -> str:
        """Series of which nothing was made: a person decides about each on its own page."""
        made = {each.series_instance_uid for each in self._subject.series}
        apart = self._subject.waiting - made - set(self._review.exclusions)
        if not apart:
            return ""
        noun = "series holds" if len(apart) == 1 else "series hold"
        said = f"<strong>{len(apart)} {noun} nothing but objects that cannot be cleaned.</strong>"
        return f'<p class="refused">{said} They stay here unless a person lets them go.</p>'

    def rules(self) -> str:
        return rules_section(self._subject.rules)

    def texts(self) -> str:
        return texts_section(self._subject.texts)

    def findings(self) -> str:
        return findings_table(self._subject.findings)

    def series(self) -> str:
        return "".join(
            f'<article class="{self._class(each)}">{self._head(each)}{self._sheet(each)}</article>'
            for each in self._subject.series
        )

    def _pixel_series(self, series: ShownSeries) -> str:
        found = ", ".join(f"{number} {VERDICT_WORDS[name]}" for name, number in series.verdicts.items())
        return (
            f'<article class="{self._class(series)}">{self._head(series)}<p>{found}</p>'
            f"{self._close_ups(series)}</article>"
        )

    def _close_ups(self, series: ShownSeries) -> str:
        """Every picture large."""
        hidden = ""
        if series.hidden_frames > 0:
            hidden = f"<p><strong>{series.hidden_frames} further frames are not shown.</strong> Look at them in a viewer.</p>"
        pictures = "".join(self._figure(each, close_up_name(each)) for each in series.close_ups)
        return f'{hidden}<div class="pictures large">{pictures}</div>'

    def _head(self, series: ShownSeries) -> str:
        tags = [f'<span class="tag">{escape(series.modality or "no modality")}</span>']
        excluded = self._review.exclusions.get(series.series_instance_uid)
        if excluded is not None:
            tags.append(f'<span class="tag bad">excluded by {escape(excluded.by)}: {escape(excluded.reason)}</span>')
        elif self._is_waiting(series):
            tags.append('<span class="tag wait">held back: a person must look at its pictures</span>')
        elif series.verdicts:
            tags.append('<span class="tag ok">pixels confirmed</span>')
        noun = "instance" if series.instances == 1 else "instances"
        title = escape(series.description or "(no description)")
        return (
            f"<h3>{title}</h3><div>{' '.join(tags)} {escape(series.subject_id)} · {series.instances} {noun}</div>"
            f'<div class="uid">{escape(series.series_instance_uid)}</div>'
        )

    def _sheet(self, series: ShownSeries) -> str:
        if not series.sheet:
            return "<p>No pictures in this series.</p>"
        return f'<div class="pictures">{"".join(self._figure(each, sheet_name(each)) for each in series.sheet)}</div>'

    def _class(self, series: ShownSeries) -> str:
        if self._is_excluded(series):
            return "excluded"
        return "waiting" if self._is_waiting(series) else ""

    def _is_excluded(self, series: ShownSeries) -> bool:
        return series.series_instance_uid in self._review.exclusions

    def _is_waiting(self, series: ShownSeries) -> bool:
        return series.series_instance_uid in self._subject.waiting and not self._is_excluded(series)

    def _figure(self, picture: Picture, file_name: str) -> str:
        caption = escape(picture.caption)
        image = '<div class="missing">cannot be drawn</div>'
        if file_name in self._drawn:
            image = f'<img src="pictures/{escape(file_name)}" alt="{caption}" loading="lazy">'
        return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"
