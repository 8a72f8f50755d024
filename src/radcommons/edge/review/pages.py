"""The served pages of one OUT folder: an address in, a whole page out."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.database import database
from radcommons.edge.home import EdgeHome
from radcommons.edge.outfolder import OutFolder
from radcommons.edge.review.decisions import content_of, read_review
from radcommons.edge.review.groups import Query
from radcommons.edge.review.layout import Sitting
from radcommons.edge.review.overview import Overview
from radcommons.edge.review.overview_page import overview_html
from radcommons.edge.review.pace import left_words, seconds_a_decision
from radcommons.edge.review.rules_section import shown_rules
from radcommons.edge.review.series_list import SeriesQuery, series_page
from radcommons.edge.review.series_page import series_html
from radcommons.edge.review.start_page import Standing, start_html
from radcommons.edge.review.subject import finding_counts
from radcommons.edge.review.texts_page import TextQuery, texts_html
from radcommons.edge.review.verbs import content_sha256
from radcommons.edge.review.waiting import waiting_series
from radcommons.edge.texts.listing import ReviewedText, reviewed_texts


class Pages:
    """Every page but that of one series.

    Parameters
    ----------
    home, out
        Whose folder.
    overview
        Of its pictures.
    token
        The session's.
    """

    def __init__(self, home: EdgeHome, out: OutFolder, overview: Overview, *, token: str) -> None:
        self._home, self._out, self._overview, self._token = home, out, overview, token

    def html(self, path: str, fields: Mapping[str, str], *, by: str, said: str) -> str:
        """The page at an address, for somebody whose last form did something.

        Raises
        ------
        RadCommonsError
            ``edge.no-such-page``, ``edge.nothing-made``, ``edge.invalid-request``.
        """
        page = {"/": self._start, "/pictures": self._pictures, "/texts": self._texts, "/all-series": self._series}
        if path not in page:
            raise RadCommonsError(Kind.NOT_FOUND, "edge.no-such-page", "There is no such page.")
        content = content_sha256(self._home, self._out.path)
        return page[path](Sitting(self._home, self._token, by, said, content), fields)

    def _start(self, sitting: Sitting, _: Mapping[str, str]) -> str:
        with database(self._home) as connection:
            content, review = content_of(connection, self._out), read_review(self._out)
            standing = self._standing(connection)
        return start_html(sitting, standing, out=self._out, content=content, review=review)

    def _standing(self, connection: sqlite3.Connection) -> Standing:
        counts = self._overview.shown(Query()).counts
        texts = [each for each in reviewed_texts(connection, self._out) if not each.verdict]
        row = connection.execute(
            "SELECT count(DISTINCT subject_id) AS subjects, count(DISTINCT study_uid) AS studies,"
            " count(DISTINCT series_uid) AS series, count(*) AS instances FROM output WHERE out = ? AND is_kept",
            (self._out.name,),
        ).fetchone()
        sent = connection.execute("SELECT url FROM sending ORDER BY at DESC LIMIT 1").fetchone()
        every = connection.execute(
            "SELECT count(DISTINCT value) FROM kept_text WHERE out = ?", (self._out.name,)
        ).fetchone()[0]
        return Standing(
            **dict(row),
            pictures_decided=counts.decided,
            pictures_to_decide=counts.to_decide,
            waiting=waiting_series(connection, self._out, excluded=read_review(self._out).exclusions),
            texts=every,
            texts_decided=every - len(texts),
            texts_unknown=sum(not each.is_harmless for each in texts),
            findings=finding_counts(connection, self._out),
            rules=shown_rules(connection),
            centre="" if sent is None else sent["url"],
        )

    def _pictures(self, sitting: Sitting, fields: Mapping[str, str]) -> str:
        query = Query.of(fields)
        shown = self._overview.shown(query, by=sitting.by)
        return overview_html(sitting, shown.page, query=query, counts=shown.counts, left=shown.left, last=shown.last)

    def _texts(self, sitting: Sitting, fields: Mapping[str, str]) -> str:
        with database(self._home) as connection:
            texts = reviewed_texts(connection, self._out)
        left = left_words(sum(not each.verdict for each in texts), _pace(texts, sitting.by))
        return texts_html(sitting, texts, query=TextQuery.of(fields), left=left)

    def _series(self, sitting: Sitting, fields: Mapping[str, str]) -> str:
        query, excluded = SeriesQuery.of(fields), read_review(self._out).exclusions
        with database(self._home) as connection:
            page = series_page(connection, self._out, query, excluded=excluded)
        return series_html(sitting, page, query=query, excluded=excluded)


def _pace(texts: tuple[ReviewedText, ...], by: str) -> float | None:
    """Seconds for one text: several are recorded at one moment, which is one breath of many decisions."""
    moments = [datetime.fromisoformat(each.decided_at) for each in texts if each.decided_at and each.decided_by == by]
    return seconds_a_decision(sorted(moments)[-100:])
