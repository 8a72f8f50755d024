"""The pages on which cases are read and adjudicated: an empty frame, filled by the modules of ``static/annotation``."""

import re
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import urlencode

from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.views.decorators.http import require_safe

from radcommons.server.annotation.queries.adjudication import case_json
from radcommons.server.annotation.queries.own import ended_task
from radcommons.server.annotation.queries.worklist import task_json
from radcommons.server.annotation.rules.states import ENDINGS
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action

FLAGS = (
    ("cannot_read", "Cannot be read", "The images are broken, incomplete or too poor."),
    ("wrong_body_part", "Wrong body part", "Not what this project reads. Goes back to curation."),
    ("burned_in_text", "Text in the image", "Names or numbers of a person are seen. Goes back to curation."),
)
_IMPORT = re.compile(r'^import [^"]*"([^"]+)"', re.MULTILINE)
LOOKING = frozenset({"window", "scroll", "zoom", "pan", "ruler", "undo", "redo"})


@dataclass(frozen=True, slots=True)
class Tool:
    """A button of the tool bar; with a ``verb`` it does something at once instead of being picked."""

    name: str
    word: str
    key: str
    title: str
    path: str
    verb: str = ""
    gap: bool = False

    @property
    def is_drawing(self) -> bool:
        """Whether it is of use only where something can be drawn."""
        return self.name not in LOOKING

    @property
    def aria_key(self) -> str:
        """The key as ``aria-keyshortcuts`` names it."""
        return self.key.replace("Ctrl", "Control").replace(" ", "")


TOOLS = (
    Tool("window", "Window", "W", "Drag to change window and level", "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18"),
    Tool(
        "scroll", "Scroll", "S", "Drag to leaf through the slices", "M12 3v18M12 3l-4 4M12 3l4 4M12 21l-4-4M12 21l4-4"
    ),
    Tool("zoom", "Zoom", "Z", "Drag to zoom", "M10 4a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l6 6M7 10h6M10 7v6"),
    Tool("pan", "Move", "P", "Drag to move the image", "M12 3v18M3 12h18M12 3l-2 2M12 3l2 2M12 21l-2-2M12 21l2-2"),
    Tool("ruler", "Ruler", "R", "Measure a length that is not kept", "M4 16L16 4l4 4L8 20zM8 12l2 2M11 9l2 2M14 6l2 2"),
    Tool("select", "Select", "V", "Pick, move and edit what is drawn", "M6 3l12 9-6 1-3 6z", gap=True),
    Tool("draw", "Draw", "D", "Draw with the picked label", "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3"),
    Tool("erase", "Erase", "E", "Erase from the mask", "M8 19l-4-4 9-10 7 6-8 8zM8 19h12"),
    Tool(
        "threshold", "Range", "T", "Brush that paints only values in a range", "M4 19V9M9 19V5M14 19v-7M19 19V8M3 14h18"
    ),
    Tool(
        "cut",
        "Hole",
        "O",
        "Cut holes into the picked finding",
        "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
        verb="toggleCutting",
    ),
    Tool("copy", "Copy", "C", "Copy the finding to the next slice", "M8 8h12v12H8zM4 16V4h12", verb="copy", gap=True),
    Tool("fill", "Between", "U", "Fill the slices between two drawings", "M4 5h16M4 19h16M7 12h10", verb="interpolate"),
    Tool(
        "hide",
        "Hide",
        "H",
        "Hide or show what is drawn",
        "M3 12c5-7 13-7 18 0-5 7-13 7-18 0zM12 10v4",
        verb="toggleHidden",
    ),
    Tool(
        "undo",
        "Undo",
        "Ctrl+Z",
        "Take the last step back",
        "M8 5L4 9l4 4M4 9h10a5 5 0 0 1 0 10h-4",
        verb="undo",
        gap=True,
    ),
    Tool("redo", "Redo", "Ctrl+Shift+Z", "Do it again", "M16 5l4 4-4 4M20 9H10a5 5 0 0 0 0 10h4", verb="redo"),
)


@require_safe
@door(Action.ANNOTATION_READ)
def read(request: ActorRequest, task: str) -> HttpResponse:
    """The reading page of one task, with everything it needs to begin; where it ended before it was submitted, what became of it."""
    try:
        told = task_json(task, request.actor)
    except NotFoundError:
        return _ended(request, task)
    context = {
        "task": told,
        "tools": TOOLS,
        "flags": FLAGS,
        "modules": modules_of("early", "page"),
        "worklist_url": reverse("annotation:reads"),
        "task_url": reverse("annotation:read", args=["TASK"]),
        "login_url": f"{reverse('account_login')}?{urlencode({'next': request.path})}",
    }
    response = render(request, "annotation/read.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


def _ended(request: ActorRequest, task_key: str) -> HttpResponse:
    task, ending = ended_task(task_key, request.actor)
    context = {
        "task": {"task": task.key, "schema": task.project.schema.definition},
        "project": task.project,
        "ending": ENDINGS[ending],
        "saved_at": task.touched_at if task.revision_count else None,
        "minutes": task.active_seconds / 60,
    }
    response = render(request, "annotation/ended.html", context, status=HTTPStatus.GONE)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
@door(Action.ANNOTATION_ADJUDICATE)
def adjudicate(request: ActorRequest, case: str) -> HttpResponse:
    """The adjudication page of one case: its readers as anonymous columns."""
    told = case_json(case, request.actor)
    context = {
        "case": told,
        "tools": TOOLS,
        "modules": modules_of("adjudication"),
        "worklist_url": f"{reverse('annotation:queue')}?{urlencode({'project': told['project']['slug']})}",
        "case_url": reverse("annotation:adjudicate", args=["CASE"]),
        "login_url": f"{reverse('account_login')}?{urlencode({'next': request.path})}",
    }
    response = render(request, "annotation/adjudicate.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


@cache
def modules_of(*starts: str) -> tuple[str, ...]:
    """The modules that a page is made of, in the order in which its start needs them.

    They are asked for together with the page instead of one after the other along the chain of imports.
    """
    wanted: dict[str, None] = {}
    for start in starts:
        waiting = [f"annotation/{start}.js"]
        while waiting:
            name = waiting.pop(0)
            found = None if name in wanted else finders.find(name)
            if found:
                wanted[name] = None
                waiting += [normpath(join(dirname(name), other)) for other in _IMPORT.findall(Path(found).read_text())]
    return tuple(wanted)


urlpatterns = [
    path("annotation/tasks/<slug:task>/", read, name="read"),
    path("annotation/adjudication/<slug:case>/", adjudicate, name="adjudicate"),
]
