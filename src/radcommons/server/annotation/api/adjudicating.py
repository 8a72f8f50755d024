"""What the adjudication page asks: the queue, one case with anonymous columns, the decision."""

from typing import Any

from ninja import Field, Router, Schema

from radcommons.server.annotation.queries import adjudication
from radcommons.server.annotation.queries.aliases import aliases_of_case
from radcommons.server.annotation.rules.identifiers import with_identifiers
from radcommons.server.annotation.rules.states import Verdict
from radcommons.server.annotation.services.adjudicating import Ruling, decide
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.policy import Action

router = Router(tags=["annotation: adjudicating"])


class RulingIn(Schema):
    """A decision on one label of a case."""

    label: str = Field(description="A label of the schema; '*' decides whether the case can be read.")
    verdict: Verdict
    seen: str = Field(description="'seen' of the case as it was loaded.")
    rationale: str
    columns: list[str] = []
    items: list[Any] = Field(default=[], description="Items of radcommons.reading/1, for a new or hand-merged answer.")
    override_reason: str = ""


@router.get("/adjudication", summary="Projects in which I adjudicate", operation_id="own_adjudications")
@door(Action.ANNOTATION_ADJUDICATE)
def own_projects(request: ActorRequest) -> dict[str, Any]:
    """Return the caller's projects with how many cases wait in each."""
    return {
        "projects": [
            {
                "slug": member.project.slug,
                "title": member.project.title,
                "state": member.project.state,
                "waiting": adjudication.waiting(member.project, request.actor).count(),
            }
            for member in adjudication.memberships(request.actor)
        ]
    }


@router.get(
    "/adjudication/projects/{slug}/queue", summary="Cases that need a person", operation_id="adjudication_queue"
)
@door(Action.ANNOTATION_ADJUDICATE)
def queue(request: ActorRequest, slug: str, offset: int = 0, limit: int = 100) -> dict[str, Any]:
    """Return the cases on which readers disagree, without those that the caller reads."""
    project = adjudication.membership(slug, request.actor).project
    rows = adjudication.waiting(project, request.actor)
    start, size = max(offset, 0), min(max(limit, 1), 500)
    lines = adjudication.queue_lines(list(rows[start : start + size]), first_number=start + 1)
    return {
        "count": rows.count(),
        "cases": [{"case": line.case.key, "labels": line.labels, "reads": line.reads} for line in lines],
    }


@router.get(
    "/adjudication/cases/{case}", summary="One case with its reads side by side", operation_id="adjudicated_case"
)
@door(Action.ANNOTATION_ADJUDICATE)
def get_case(request: ActorRequest, case: str) -> dict[str, Any]:
    """Return the reads as columns A, B, C, in an order of this case; who is behind them is not told."""
    return adjudication.case_json(case, request.actor)


@router.post("/adjudication/cases/{case}/decisions", summary="Decide a label", operation_id="decide_label")
@door(Action.ANNOTATION_ADJUDICATE)
def decide_label(request: ActorRequest, case: str, ruling: RulingIn) -> dict[str, Any]:
    """Pick, merge or answer anew, with a rationale; returns the next case of the queue.

    409 ``annotation.reads-changed`` when a read was superseded since; 403 when the caller has read the case and gives no
    ``override_reason``.
    """
    found, _ = adjudication.adjudicated_case(case, request.actor)
    items = with_identifiers(ruling.items, aliases_of_case(found).real)
    made = decide(case, Ruling(**{**ruling.dict(), "items": items}), actor=request.actor)
    rows = adjudication.waiting(made.case.project, request.actor)
    following = rows.exclude(pk=made.case_id).values_list("key", flat=True).first()
    told = adjudication.case_json(case, request.actor)
    return {"state": told["state"], "outcomes": told["outcomes"], "next_case": following}
