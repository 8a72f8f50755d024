"""Pages of label schemas: the list, one version as readers will see it, the editor with its preview."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Max
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.finding import Finding
from radcommons.server.annotation.errors import ExampleInvalidError
from radcommons.server.annotation.models import LabelSchema as SchemaRow
from radcommons.server.annotation.queries import projects as queries
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.schema_forms import SchemaForm, WithNewLabels, initial_of, schema_json
from radcommons.server.annotation.services.examples import LARGEST_BYTES, add_example
from radcommons.server.annotation.services.schemas import add_schema
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, may
from radcommons.transfer.annotation.checking import check_schema
from radcommons.transfer.annotation.ready import READY, ready_schema, ready_schemas
from radcommons.transfer.annotation.schema import LabelSchema, schema_from_json

MEANWHILE = (
    "There is a version {version} of {name} that this form does not start from. Open it in another window and enter there what you "
    "changed, or choose another name."
)


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody has written so far: a schema, or why it is none."""

    schema: LabelSchema | None
    value: dict[str, Any]
    gone: list[str]
    findings: tuple[Finding, ...] = ()
    problem: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether it can be kept."""
        return self.schema is not None and not any(finding.is_error for finding in self.findings)


@require_safe
@door(Action.ANNOTATION_SEE)
def schema_list(request: ActorRequest) -> HttpResponse:
    """All schemas, and those that come with the house."""
    rows = list(queries.schemas())
    context = {
        "rows": rows,
        "ready": [schema for schema in ready_schemas() if schema.name not in {row.name for row in rows}],
        "may_manage": may(request.actor, Action.ANNOTATION_MANAGE),
    }
    return render(request, "annotation/schemas.html", context)


@require_safe
@door(Action.ANNOTATION_SEE)
def schema_page(request: ActorRequest, name: str, version: int) -> HttpResponse:
    """One version as readers will see it."""
    row = queries.schema_version(name, version)
    context = {
        "row": row,
        "schema": schema_value(row),
        "latest": SchemaRow.objects.filter(name=name).aggregate(latest=Max("version"))["latest"],
        "may_manage": may(request.actor, Action.ANNOTATION_MANAGE),
    }
    return render(request, "annotation/schema.html", context)


@require_POST
@door(Action.ANNOTATION_MANAGE)
def use_ready(request: ActorRequest, name: str) -> HttpResponse:
    """Take over a schema that comes with the house as it is."""
    if name not in READY:
        raise NotFoundError
    row = add_schema(ready_schema(name).to_json(), actor=request.actor)
    messages.success(request, f"{row.title} can be used in projects now.")
    return redirect("annotation:schema", row.name, row.version)


@require_http_methods(["GET", "HEAD", "POST"])
@door(Action.ANNOTATION_MANAGE)
def edit(request: ActorRequest) -> HttpResponse:
    """Write a schema, or the next version of one; what is written is shown as readers will see it."""
    if request.method != "POST":
        schema, begun_from = _begun(request)
        head, labels = initial_of(schema) if schema else ({}, [])
        head["begun_from"] = begun_from
        forms = {"head": SchemaForm(initial=head), "labels": WithNewLabels(initial=labels, prefix="label")}
        begun = {**forms, "schema": schema}
        return render(request, "annotation/edit_schema.html", begun)
    is_preview = bool(request.headers.get("HX-Request"))
    head_form = SchemaForm(request.POST)
    label_forms = WithNewLabels(request.POST, None if is_preview else request.FILES, prefix="label")
    written = _written(head_form, label_forms, None if is_preview else request.actor)
    if is_preview:
        return render(request, "annotation/_preview.html", {"written": written, "schema": written.schema})
    if written.is_sound:
        try:
            mapping = {"labels": dict.fromkeys(written.gone, "")} if written.value["version"] > 1 else {}
            row = add_schema(written.value, mapping=mapping, actor=request.actor)
        except RadCommonsError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, "Kept. It can be changed until a project uses it.")
            return redirect("annotation:schema", row.name, row.version)
    context = {"head": head_form, "labels": label_forms} | {"written": written, "schema": written.schema}
    return render(request, "annotation/edit_schema.html", context)


def _begun(request: ActorRequest) -> tuple[LabelSchema | None, int | None]:
    """The schema that somebody begins with, and its version when it is kept here."""
    name, ready = request.GET.get("name", ""), request.GET.get("ready", "")
    if ready:
        if ready not in READY:
            raise NotFoundError
        return ready_schema(ready), None
    if not name:
        return None, None
    row = SchemaRow.objects.filter(name=name).order_by("-version").first()
    if row is None:
        raise NotFoundError
    return schema_value(row), row.version


def _written(head: SchemaForm, labels: Any, keeper: Actor | None) -> Written:
    """What the forms say, as a schema with the number that comes next; pictures are kept for whoever saves."""
    if not head.is_valid() or not labels.is_valid():
        return Written(None, {}, [], problem="Some fields are empty or not as they should be.")
    try:
        if keeper is not None:
            _keep_pictures(labels, keeper)
    except RadCommonsError as error:
        return Written(None, {}, [], problem=error.message)
    latest = SchemaRow.objects.filter(name=head.cleaned_data["name"]).aggregate(latest=Max("version"))["latest"] or 0
    value, gone = schema_json(head.cleaned_data, labels, version=latest + 1)
    if keeper is not None and latest != (head.cleaned_data["begun_from"] or 0):
        return Written(None, value, gone, problem=MEANWHILE.format(name=head.cleaned_data["name"], version=latest))
    try:
        schema = schema_from_json(value)
    except RadCommonsError as error:
        return Written(None, value, gone, problem=error.message)
    return Written(schema, schema.to_json(), gone, tuple(check_schema(schema)))


def _keep_pictures(labels: Any, keeper: Actor) -> None:
    """Add uploaded pictures to the examples of their labels."""
    for form in labels.forms:
        picture = form.cleaned_data.get("picture") if form.cleaned_data else None
        if picture is None:
            continue
        if picture.size > LARGEST_BYTES:
            raise ExampleInvalidError
        row = add_example(picture.read(), actor=keeper)
        caption = form.cleaned_data["caption"].strip() or form.cleaned_data["name"]
        form.cleaned_data["examples"] += f"\n{row.sha256} | {caption}"


urlpatterns = [
    path("annotation/schemas/", schema_list, name="schemas"),
    path("annotation/schemas/edit/", edit, name="edit-schema"),
    path("annotation/schemas/ready/<slug:name>/", use_ready, name="use-ready"),
    path("annotation/schemas/<slug:name>/<int:version>/", schema_page, name="schema"),
]
