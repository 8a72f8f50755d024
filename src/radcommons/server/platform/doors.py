"""Doors: every view and API operation names the action it stands for, and none opens without.

:func:`door` checks the request's actor; :class:`ActorMiddleware` sets it; :class:`DoorMiddleware` refuses any view that
has no door, so a forgotten one fails closed.
"""

import functools
import logging
import sys
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_safe
from django.views.defaults import page_not_found
from ninja.operation import PathView

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.server.platform.actors import actor_of_token, actor_of_user
from radcommons.server.platform.errors import ForbiddenError, InvalidError, NotFoundError, UnauthenticatedError
from radcommons.server.platform.models import User
from radcommons.server.platform.policy import Action, Actor, admit
from radcommons.server.platform.problems import NO_DATABASE, UNEXPECTED, status_of

logger = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., Any])
API_PREFIX = "/api/"
ERROR_PAGE = "portal/error.html"
RETRY_AFTER_S = 30
NO_METHOD = {
    "code": "platform.method-not-allowed",
    "message": "This address does not take this method; Allow names those it takes.",
}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# allauth's own pages decide for themselves who may use them (login, logout, password, second factor).
SELF_GUARDED_MODULES = ("allauth.",)


class ActorRequest(HttpRequest):
    """A request as our views see it: with its actor and an id that logs and error pages share."""

    actor: Actor
    request_id: str
    is_bearer: bool


def door(action: Action) -> Callable[[View], View]:
    """Mark a view or an API operation with the action it stands for, and check the actor before it runs."""

    def mark(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> Any:
            admit(request.actor, action)
            return view(request, *args, **kwargs)

        guarded.door_action = action  # type: ignore[attr-defined]
        return cast(View, guarded)

    return mark


def action_of(view: Callable[..., object]) -> Action | None:
    """The action a view was marked with, or None."""
    return getattr(view, "door_action", None)


class ActorMiddleware:
    """Sets ``request.actor`` from the bearer token or the session, and a request id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: ActorRequest) -> HttpResponse:
        """Answer a request on behalf of its actor."""
        request.request_id = uuid.uuid4().hex[:12]
        scheme, _, plain = request.headers.get("Authorization", "").partition(" ")
        request.is_bearer = scheme.lower() == "bearer"
        if request.is_bearer:
            try:
                request.actor = actor_of_token(plain.strip())
            except UnauthenticatedError as error:
                return answer_problem(request, error)
        else:
            request.actor = SimpleLazyObject(lambda: _session_actor(request))  # type: ignore[assignment]
        response = self.get_response(request)
        response.headers["X-Request-Id"] = request.request_id
        if request.is_bearer:
            # What a token opens is for its owner, on whatever way the answer goes.
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


def _session_actor(request: HttpRequest) -> Actor:
    user = request.user
    return actor_of_user(user) if isinstance(user, User) and user.is_authenticated else Actor.anonymous()


class _ForcedCsrf(CsrfViewMiddleware):
    """Django's own check, for API operations that a browser session calls."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
        raise ForbiddenError("The form's protection token is missing or old. Reload the page and try again.")


class DoorMiddleware:
    """Refuses views without a door, checks CSRF for session calls of the API, and turns errors into answers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: ActorRequest) -> HttpResponse:
        """Pass the request on; a method that a page does not know is answered with a page, not with an empty one."""
        response = self.get_response(request)
        is_api = request.path.startswith(API_PREFIX)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED or not (is_api or request.method in {"GET", "POST"}):
            return response
        context = {"status": 405, "request_id": request.request_id}
        told = JsonResponse(NO_METHOD, status=405) if is_api else render(request, ERROR_PAGE, context, status=405)
        told.headers["Allow"] = response.headers["Allow"]
        return told

    def process_view(
        self, request: ActorRequest, view: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]
    ) -> HttpResponse | None:
        """Fail closed before any view runs that does not say what it stands for."""
        del args, kwargs
        if not is_guarded(view):
            logger.error("a view without a door was asked for: %s", getattr(view, "__qualname__", "?"))
            return answer_problem(request, ForbiddenError())
        is_api = request.path.startswith(API_PREFIX)
        if not is_api and any("\0" in value for _, values in request.POST.lists() for value in values):
            # PostgreSQL keeps no NUL byte in a text, and no browser sends one.
            return answer_not_understood(request)
        is_session_write = request.method not in SAFE_METHODS and not request.is_bearer
        if is_api and is_session_write and request.actor.is_authenticated:
            try:
                check = _ForcedCsrf(lambda _: HttpResponse())
                check.process_request(request)
                check.process_view(request, lambda _: HttpResponse(), (), {})
            except ForbiddenError as error:
                return answer_problem(request, error)
        # An operation's own door opens after its body was read; a stranger is not told what a sound body looks like.
        action = _action_of_operation(view, request.method or "") if is_api else None
        try:
            if action is not None:
                admit(request.actor, action)
        except RadCommonsError as error:
            return answer_problem(request, error)
        return None

    def process_exception(self, request: ActorRequest, error: Exception) -> HttpResponse | None:
        """Turn the house's errors into answers; everything else is Django's 500 with our page."""
        return answer_problem(request, error) if isinstance(error, RadCommonsError) else None


def describe_api(schema: Callable[[], dict[str, Any]]) -> Callable[[HttpRequest], HttpResponse]:
    """The view that shows the API's OpenAPI description to anybody."""

    @require_safe
    @door(Action.PORTAL_VIEW)
    def openapi(request: HttpRequest) -> HttpResponse:
        """Answer with the description."""
        del request
        return JsonResponse(schema())

    return openapi


def is_guarded(view: Callable[..., object]) -> bool:
    """Whether a view says what it stands for: a door, doors on all its API operations, or allauth's own pages."""
    if action_of(view) is not None or view.__module__.startswith(SELF_GUARDED_MODULES):
        return True
    path_view = _path_view(view)
    return path_view is not None and all(action_of(operation.view_func) for operation in path_view.operations)


def _path_view(view: Callable[..., object]) -> PathView | None:
    """The operations behind an API view: ninja hands Django a closure over its path view."""
    held = [cell.cell_contents for cell in getattr(view, "__closure__", None) or ()]
    return next((item for item in held if isinstance(item, PathView)), None)


def _action_of_operation(view: Callable[..., object], method: str) -> Action | None:
    path_view = _path_view(view)
    operations = path_view.operations if path_view is not None else []
    return next((action_of(each.view_func) for each in operations if method in each.methods), None)


def answer_problem(request: ActorRequest, error: RadCommonsError) -> HttpResponse:
    """An error as JSON for programs, as a page for people, as the sign-in page where signing in would help them."""
    status = status_of(error)
    if _is_program(request) or request.is_bearer:
        return JsonResponse(error.to_json(), status=status)
    if error.kind is Kind.UNAUTHENTICATED:
        return redirect(_sign_in_address(request))
    context = {"error": error, "status": status, "request_id": request.request_id}
    return render(request, ERROR_PAGE, context, status=status)


def _is_program(request: HttpRequest) -> bool:
    """Whether errors are told in JSON: below the interface for programs, and wherever JSON is asked for and no page is."""
    accepted = request.headers.get("Accept", "")
    return request.path.startswith(API_PREFIX) or ("json" in accepted and "text/html" not in accepted)


def _sign_in_address(request: ActorRequest) -> str:
    """Where to sign in; it leads back to what was asked for, unless that was the sending of a form."""
    address = reverse("account_login")
    return f"{address}?{urlencode({'next': request.get_full_path()})}" if request.method == "GET" else address


def answer_unexpected(request: HttpRequest) -> HttpResponse:
    """The answer to an exception nobody foresaw: an id, and nothing else; 503 where the database does not answer."""
    request_id = getattr(request, "request_id", "")
    if isinstance(sys.exception(), (OperationalError, InterfaceError)):
        return _answer_unavailable(request, request_id)
    if _is_program(request):
        return JsonResponse({**UNEXPECTED, "request_id": request_id}, status=500)
    return render(request, ERROR_PAGE, {"status": 500, "request_id": request_id}, status=500)


def _answer_unavailable(request: HttpRequest, request_id: str) -> HttpResponse:
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    if _is_program(request):
        return JsonResponse({**NO_DATABASE, "request_id": request_id}, status=503, headers=headers)
    context = {"status": 503, "error": NO_DATABASE, "request_id": request_id}
    return HttpResponse(page_for_nobody(ERROR_PAGE, context), status=503, headers=headers)


def page_for_nobody(template: str, context: dict[str, object] | None = None) -> str:
    """A page as nobody signed in sees it; it is drawn without the database and without the request, whom it does not ask."""
    request = HttpRequest()
    request.path = "/"
    return render_to_string(template, context, request=request)


def answer_not_understood(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The answer to what is no sound request. Unlike Django's own it never reads the form, which may be what is unsound."""
    del exception
    if _is_program(request):
        error = InvalidError(
            "platform.request-unreadable", "The request could not be read: its body or address is malformed."
        )
        return JsonResponse(error.to_json(), status=400)
    return render(request, "400.html", status=400)


def answer_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The answer where there is nothing: a page for people, JSON for programs."""
    if _is_program(request):
        return JsonResponse(NotFoundError().to_json(), status=404)
    return page_not_found(request, exception or Http404())


def in_any_thread(view: View) -> View:
    """A view of an error page, which Django calls outside the thread of its request: it leaves no connection behind."""

    @functools.wraps(view)
    def closing(*args: Any, **kwargs: Any) -> Any:
        if connection.in_atomic_block:
            # Called in the thread of its caller, whose connection is not ours to close.
            return view(*args, **kwargs)
        close_old_connections()
        try:
            return view(*args, **kwargs)
        finally:
            close_old_connections()

    return cast(View, closing)
