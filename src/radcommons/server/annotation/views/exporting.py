"""The page from which those who manage a project take its reads and labels away."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from radcommons.server.annotation.queries import projects as queries
from radcommons.server.annotation.rules.exporting import FORMATS, ExportFormat, WholeFormat
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.policy import Action
from radcommons.transfer.annotation.mrale_csv import SCHEMA_NAME

WRITTEN = (
    (WholeFormat.ORIGINAL, "Document", "The document that the reads came in, as it was"),
    (WholeFormat.MDAI, "MD.ai", "Every submitted read as an export of MD.ai (JSON)"),
    (WholeFormat.CSV, "CSV", "Every submitted read as a table, one row an answer or a drawing"),
    (WholeFormat.PARQUET, "Parquet", "The same table with typed columns, for pandas, R or DuckDB"),
)
API = "/api/v1/annotation/managed"


@require_safe
@door(Action.ANNOTATION_SEE)
def exports(request: ActorRequest, slug: str) -> HttpResponse:
    """Every format with what it holds."""
    project = queries.seen_project(slug, request.actor)
    root = f"{API}/{project.slug}"
    context = {
        "project": project,
        "whole": (
            ("Reads", "Every submitted read, whole; another centre makes the same project of it", f"{root}/readings"),
            ("Drafts", "Reads that ended before they were submitted; they count nowhere", f"{root}/drafts"),
            ("Labels", "One reading a settled case: what was agreed and what was decided", f"{root}/labels"),
            ("Answers", "A table (CSV), one line an answer", f"{root}/answers.csv"),
        ),
        "written": [
            (name, text, f"{root}/whole/{kind}")
            for kind, name, text in WRITTEN
            if kind is not WholeFormat.ORIGINAL or project.documents.exists()
        ],
        "foreign": [
            (*FORMATS[kind], f"{root}/exports/{kind}")
            for kind in ExportFormat
            if kind is not ExportFormat.MRALE or project.schema.name == SCHEMA_NAME
        ],
    }
    return render(request, "annotation/exports.html", context)


urlpatterns = [path("annotation/projects/<slug:slug>/exports/", exports, name="exports")]
