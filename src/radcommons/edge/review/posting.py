"""What the forms of the served pages do: fields in, one verb, and where to go on."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl, quote

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.database import database
from radcommons.edge.deciders import checked_name
from radcommons.edge.home import EdgeHome
from radcommons.edge.outfolder import OutFolder
from radcommons.edge.review.groups import Query
from radcommons.edge.review.look_page import seen_digest
from radcommons.edge.review.overview import Overview
from radcommons.edge.review.series_list import SeriesQuery
from radcommons.edge.review.session import LookSession
from radcommons.edge.review.texts_page import TextQuery, decisions_of, latest
from radcommons.edge.review.verbs import Decision, content_sha256, record_review
from radcommons.edge.texts.deciding import OPEN, TextDecision, decide_texts, keep_undecided
from radcommons.edge.texts.listing import reviewed_texts

_CHANGED = "The content changed since this page was shown. Load it again and look."
_SAID = {
    "approve": "Approved.",
    "exclude": "The series stays here.",
    "withdraw": "The approval is taken back. Nothing of this folder can be sealed until somebody approves it again.",
    "include": "The exclusion is taken back. Look at the series, then approve again.",
}
Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Posted:
    """Where to go on after a form, and what it did."""

    place: str
    said: str


class Posting:
    """The forms of one OUT folder.

    Parameters
    ----------
    home, out
        Whose folder.
    session
        Looks at single series, and makes anew what decisions change.
    overview
        Decides about groups.
    """

    def __init__(self, home: EdgeHome, out: OutFolder, *, session: LookSession, overview: Overview) -> None:
        self._home, self._out, self._session, self._overview = home, out, session, overview
        self._verbs: Mapping[str, Callable[[Form], Posted]] = {
            **{f"/{verb}": partial(self._record, verb) for verb in _SAID},
            "/decide": self._decide,
            "/undo": self._undo,
            "/texts": self._texts,
            "/keep-imaging": self._keep_imaging,
            "/undo-texts": self._undo_texts,
            "/undo-rule": self._undo_rule,
            "/confirm-series": partial(self._decide_series, "confirm"),
            "/reject-series": partial(self._decide_series, "reject"),
        }

    def post(self, path: str, form: Form) -> Posted:
        """Do what a form asks for; what it changes is made anew behind.

        Raises
        ------
        RadCommonsError
            ``edge.no-such-page``, ``edge.content-changed``, ``edge.pictures-changed``, and those of the verbs.
        """
        verb = self._verbs.get(path)
        if verb is None:
            raise RadCommonsError(Kind.NOT_FOUND, "edge.no-such-page", "There is no such page.")
        posted = verb(form)
        self._session.maker.poke()
        return posted

    def _record(self, verb: str, form: Form) -> Posted:
        """Approve, withdraw, exclude or include: about exactly the content that the person saw."""
        with self._session.maker.lock:
            if form.get("content") != content_sha256(self._home, self._out.path):
                raise RadCommonsError(Kind.CONFLICT, "edge.content-changed", _CHANGED)
            record_review(self._home, self._out.path, decision=_decision(verb, form))
        is_listed = verb in {"exclude", "include"}
        return Posted(SeriesQuery.of(_asked(form)).place if is_listed else "/", _SAID[verb])

    def _decide(self, form: Form) -> Posted:
        verb, *named = form.get("do", "").split(" ")
        pairs = [(group, seen) for group, _, seen in (each.partition(":") for each in named)]
        reason = form.get(f"reason.{pairs[0][0]}", "") if len(pairs) == 1 else ""
        query = Query.of(_asked(form))
        said = self._overview.decide(query, verb, pairs, by=form.get("by", ""), reason=reason)
        return Posted(query.place, said)

    def _undo(self, form: Form) -> Posted:
        said = self._overview.undo(form.get("act", ""), by=form.get("by", ""))
        return Posted(Query.of(_asked(form)).place, said)

    def _texts(self, form: Form) -> Posted:
        return self._decided_texts(decisions_of(form), form)

    def _keep_imaging(self, form: Form) -> Posted:
        with database(self._home) as connection:
            kept = keep_undecided(connection, self._out, by=checked_name(form.get("by", "")), only_harmless=True)
        return Posted(TextQuery.of(_asked(form)).place, _texts_said(kept, "recorded"))

    def _undo_texts(self, form: Form) -> Posted:
        """Take back what was recorded last about texts of this folder."""
        with database(self._home) as connection:
            last = latest(reviewed_texts(connection, self._out))
        if last is None or last.at != form.get("at"):
            message = "Another decision was made since, or this one was taken back. Load the page again."
            raise RadCommonsError(Kind.NOT_FOUND, "edge.no-such-act", message)
        return self._decided_texts((TextDecision(each.text_id, OPEN) for each in last.texts), form, done="taken back")

    def _decided_texts(self, decisions: Iterable[TextDecision], form: Form, *, done: str = "recorded") -> Posted:
        with database(self._home) as connection:
            decided = decide_texts(connection, self._out, decisions, by=checked_name(form.get("by", "")))
        said = _texts_said(decided.decided, done)
        if decided.held:
            noun = "object is" if decided.held == 1 else "objects are"
            said += f" {decided.held:,} {noun} made anew; that goes on while you read."
        return Posted(TextQuery.of(_asked(form)).place, said)

    def _undo_rule(self, form: Form) -> Posted:
        with self._session.maker.lock:
            self._session.take_back(form.get("act", ""), by=form.get("by", ""))
        return Posted("/", "The rule is taken back; what it concerned is made anew.")

    def _decide_series(self, verb: str, form: Form) -> Posted:
        series = form.get("series", "")
        shown, _, _ = self._session.shown(series)
        if form.get("seen") != seen_digest(shown):
            raise RadCommonsError(Kind.CONFLICT, "edge.pictures-changed", _CHANGED)
        pictures = {each.key: each.sha256 for each in shown.pictures}
        values = {"by": form.get("by", ""), "pictures": pictures, "reason": form.get("reason", ""), "verb": verb}
        done = self._session.act(series, values)
        following = done["next"]
        return Posted("/" if following is None else f"/series/{quote(str(following))}", str(done["said"]))


def _asked(form: Form) -> dict[str, str]:
    """What the address of the page asked for that the form stands on."""
    return dict(parse_qsl(form.get("back", "")))


def _decision(verb: str, form: Form) -> Decision:
    by, series = form.get("by", ""), form.get("series", "")
    if verb == "approve":
        return Decision(by, is_approval=True)
    if verb == "withdraw":
        return Decision(by, is_withdrawal=True)
    if verb == "include":
        return Decision(by, include=(series,))
    return Decision(by, exclude=(series,), reason=form.get(f"reason.{series}", form.get("reason", "")))


def _texts_said(number: int, done: str) -> str:
    return f"{number:,} {'decision' if number == 1 else 'decisions'} about texts {done}."
