"""What comes of a project: agreement, consensus, the labels as they stand, tables."""

from typing import Any

from django.http import HttpResponse
from ninja import Field, Router, Schema

from radcommons.server.annotation.queries import agreement, final
from radcommons.server.annotation.queries.projects import seen_project
from radcommons.server.annotation.queries.readings import drafts_of, reads_document
from radcommons.server.annotation.services.agreeing import compute_agreement
from radcommons.server.annotation.services.consensus import ConsensusMethod, derive_consensus
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.policy import Action
from radcommons.transfer.annotation.tables import csv_of

router = Router(tags=["annotation: results"])
COLUMNS = ("study_instance_uid", "reader", "occasion", "read_sha256", "question", "value", "number")


class ConsensusIn(Schema):
    """A consensus to be derived."""

    method: ConsensusMethod
    label: str = Field(description="A label of the project's schema.")


@router.get("/managed/{slug}/agreement", summary="Agreement of the readers", operation_id="get_agreement")
@door(Action.ANNOTATION_SEE)
def get_agreement(request: ActorRequest, slug: str) -> dict[str, Any]:
    """Return the latest report; ``is_current`` tells whether a read was submitted since, for which a new one is made."""
    project = seen_project(slug, request.actor)
    found = agreement.latest_report(project)
    return {"is_current": found.is_current, **found.body} if found else {"is_current": False, "questions": []}


@router.post("/managed/{slug}/agreement", summary="Compute the agreement now", operation_id="compute_agreement")
@door(Action.ANNOTATION_SEE)
def compute(request: ActorRequest, slug: str) -> dict[str, Any]:
    """Compute the report of the reads as they are, unless it is at hand."""
    found = compute_agreement(seen_project(slug, request.actor).pk)
    return {"is_current": found.is_current, **found.body}


@router.get("/managed/{slug}/answers.csv", summary="Every answer as a table", operation_id="export_answers")
@door(Action.ANNOTATION_SEE)
def export_answers(request: ActorRequest, slug: str) -> HttpResponse:
    """Return one line for each answer of each submission, readers under their pseudonyms."""
    project = seen_project(slug, request.actor)
    rows = ([row[name] for name in COLUMNS] for row in agreement.answer_rows(project))
    answer = HttpResponse(csv_of(COLUMNS, rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{project.slug}-answers.csv"'
    return answer


@router.get("/managed/{slug}/drafts", summary="Reads that were never submitted", operation_id="export_drafts")
@door(Action.ANNOTATION_SEE)
def export_drafts(request: ActorRequest, slug: str) -> dict[str, Any]:
    """Return what readers had of reads that ended before they were submitted; they count nowhere."""
    project = seen_project(slug, request.actor)
    return reads_document(project, drafts_of(project))


@router.get("/managed/{slug}/readings", summary="Every submitted read", operation_id="export_readings")
@door(Action.ANNOTATION_SEE)
def export_readings(request: ActorRequest, slug: str) -> dict[str, Any]:
    """Return all submissions as radcommons.reading/1, readers under their pseudonyms."""
    project = seen_project(slug, request.actor)
    return reads_document(project, final.reader_readings(project))


@router.get("/managed/{slug}/labels", summary="The labels as they stand", operation_id="export_labels")
@door(Action.ANNOTATION_SEE)
def export_labels(request: ActorRequest, slug: str) -> dict[str, Any]:
    """Return one reading for each settled case: what its readers agree on, and what was decided."""
    project = seen_project(slug, request.actor)
    return reads_document(project, final.final_readings(project))


@router.get("/managed/{slug}/consensus", summary="Consensus derived so far", operation_id="list_consensus")
@door(Action.ANNOTATION_SEE)
def list_consensus(request: ActorRequest, slug: str) -> dict[str, Any]:
    """Return what was derived, without the results: method, label, code, digests of inputs and result."""
    names = ("method", "label", "code_version", "inputs_sha256", "result_sha256")
    rows = seen_project(slug, request.actor).consensuses.select_related("case").order_by("pk")
    return {
        "consensus": [
            {"case": row.case.key if row.case else None, **{name: getattr(row, name) for name in names}} for row in rows
        ]
    }


@router.post("/managed/{slug}/consensus", summary="Derive a consensus", operation_id="derive_consensus")
@door(Action.ANNOTATION_MANAGE)
def derive(request: ActorRequest, slug: str, body: ConsensusIn) -> dict[str, Any]:
    """Derive the consensus on a label from the submissions there are; the same inputs give the same rows."""
    project = seen_project(slug, request.actor, action=Action.ANNOTATION_MANAGE)
    rows = derive_consensus(project, body.method, body.label, actor=request.actor)
    return {
        "consensus": [
            {
                "case": row.case.key if row.case else None,
                "label": row.label,
                "inputs_sha256": row.inputs_sha256,
                "result_sha256": row.result_sha256,
                "result": row.result,
            }
            for row in rows
        ]
    }
