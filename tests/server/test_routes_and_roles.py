"""Every route, asked by everybody: nobody gets, learns or changes more than the policy's table says.

"A site's coordinator cannot see another site's batch, an anonymous visitor nothing unpublished, by URL, API or
DICOMweb." A route that is not in :mod:`tests.server.route_table` fails the first test.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlencode

import httpx
import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import connection, connections
from django.urls import URLPattern, URLResolver, get_resolver
from ninja.operation import PathView
from starlette.routing import Mount, Route
from tests.server.route_content import PUBLIC, READERS, SITES, STALE, VISITORS, Content, Visitor, filled, fingerprint
from tests.server.route_table import DICOMWEB, SCOPES, SEALED_ROWS, TABLE, Row

from radcommons.apps import asgi, wiring
from radcommons.server.archive.dicomweb import address as dicomweb_address
from radcommons.server.archive.dicomweb.address import Resource

pytestmark = pytest.mark.django_db
CSRF = "c" * 32
DENIED, GONE, NO_METHOD = {401, 403, 404}, 410, 405
UID = "2.25.404"
# The same shapes as the content's, of things that do not exist.
UNREAL = {"code": "OMEGA", "batch_id": "0" * 64, "username": "nobody.atall", "draft": "never-drafted-ct"}
UNREAL |= {"reading": "never-read", "task": "f" * 24, "other_task": "f" * 24, "case": "f" * 24, "name": "never-asked"}
UNREAL |= {"upload": "f" * 24}
PARAMETER = re.compile(r"<(?:[\w-]+:)?(\w+)>|\{(\w+)(?::path)?\}")
CURIOUS = {"anonymous", "researcher", "coordinator of BETA", "key of BETA"}
A_FEW = {"anonymous", "curator", "coordinator of ALPHA", "coordinator of BETA"}
# Lengths follow the echo of the address; cookies are fresh each time.
COUNTING = {"date", "content-length", "set-cookie"}
Ask = Callable[..., httpx.Response]
CHANGING = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')


def django_routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and pattern of every view; the method is empty where the view decides."""
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from django_routes(entry, pattern)
            continue
        methods = operation_methods(entry)
        yield from ((method, pattern) for method in methods or [""])


def operation_methods(entry: URLPattern) -> list[str]:
    """The methods of an API operation; empty for another view."""
    held = [cell.cell_contents for cell in getattr(entry.callback, "__closure__", None) or ()]
    views = [item for item in held if isinstance(item, PathView)]
    return [method for view in views for operation in view.operations for method in operation.methods]


def starlette_routes(routes: list[object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and pattern of everything beside Django."""
    for route in routes:
        if isinstance(route, Mount) and route.path == "" and not route.routes:
            yield from django_routes(get_resolver())
        elif isinstance(route, Mount) and route.routes:
            yield from starlette_routes(route.routes, prefix + route.path)
        elif isinstance(route, Route):
            methods = (route.methods or {"GET"}) - {"HEAD"}
            yield from ((method, prefix + route.path) for method in methods)
        elif route.path == "/dicom-web":
            # One application for a whole grammar of addresses; the next test looks at each line of it.
            yield from ((method, f"{route.path}/{{path:path}}") for method in ("GET", "POST", "PUT", "PATCH", "DELETE"))
        elif route.path == "/static":
            # The portal's own scripts, styles and fonts: public files of the package, the same for everybody.
            continue
        else:
            yield "?", f"{prefix}{getattr(route, 'path', route)}"


def test_every_route_of_the_application_is_in_the_table():
    known = {(row.method, row.route) for row in TABLE}
    patterns = {route for _, route in known}
    declared = set(starlette_routes(asgi.application.routes))
    missing = {(method, route) for method, route in declared if route not in patterns}
    missing |= {(method, route) for method, route in declared if method and (method, route) not in known}
    assert not missing, f"Say in tests/server/route_table.py who may use: {sorted(missing)}"
    assert patterns <= {route for _, route in declared}, "The table names routes that are gone."
    assert len(declared) > 100


def test_every_kind_of_scope_and_every_dicomweb_resource_is_in_the_table():
    assert {scope.path.split("/")[0] for scope in SCOPES if scope.action} == set(wiring.SCOPES)
    values = {"study": "1.2", "series": "1.2", "instance": "1.2"}
    examples = [f"scope/{address.format(**values)}" for address in DICOMWEB]
    bulkdata = [path for path in examples if "/bulkdata/" in path]
    assert {dicomweb_address.parse_address(path).resource for path in bulkdata} == {Resource.BULKDATA}
    for shape, (resource, level) in dicomweb_address._GRAMMAR.items():
        pattern = "scope/" + "/".join(shape).replace("*", "[^/]+")
        fitting = [dicomweb_address.parse_address(path) for path in examples if re.fullmatch(pattern, path)]
        assert [(found.resource, found.level) for found in fitting] == [(resource, level)], pattern
    assert len(examples) == len(dicomweb_address._GRAMMAR) + len(bulkdata)


@pytest.fixture(scope="module")
def content(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Content]:
    """The filled centre, once for all rows."""
    with django_db_blocker.unblock(), filled(tmp_path_factory.mktemp("files")) as made:
        yield made


def address_of(row: Row, real: dict[str, str]) -> str:
    """The address of a row for the things that the words in ``real`` name."""
    words = {"slug": PUBLIC, "version": "1.0.0", "study_instance_uid": real["open_study"], **real}
    words |= {name: value.format_map(words) for name, value in row.given.items()}
    filled_in = PARAMETER.sub(lambda match: words[match[1] or match[2]], row.at or row.route)
    return "/" + filled_in.removeprefix("/") + (f"?{row.query.format_map(words)}" if row.query else "")


def unreal(real: dict[str, str]) -> dict[str, str]:
    """Words that name nothing, in the places of those that do."""
    made = {name: "987654" for name in real if name.endswith("_id")}
    made |= {name: UID for name in real if name.endswith(("_study", "_series", "_instance"))}
    made |= {name: "f" * 64 for name in real if name.endswith("sha256")}
    return {**real, **made, **UNREAL}


def may_use(visitor: Visitor, row: Row) -> bool:
    """Whether the table lets somebody in."""
    if row.is_session_only and not visitor.has_browser:
        return False
    if row.is_token_only and visitor.has_browser:
        return False
    if row.is_restricted:
        return visitor.reads_sealed
    return row.is_static or (row.action is not None and visitor.may(row.action, row.site))


@pytest.fixture(scope="module")
def ask(content) -> Iterator[Ask]:
    """Asks the real application; ``has_token`` tells whether a form came from a page of ours."""

    def once(method, path, visitor, *, body=b"", has_token=True):
        headers = {"Host": "testserver", "Content-Length": str(len(body)), **content.credentials[visitor.name]}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        headers["Cookie"] = f"csrftoken={CSRF}; {headers.get('Cookie', '')}"
        if has_token:
            headers["X-CSRFToken"] = CSRF
        return runner.run(call(method, path, headers, body))

    # Django answers all these requests in one thread, which keeps its connection: thousands of new ones take minutes.
    with asyncio.Runner() as runner:
        thread = ThreadSensitiveContext()
        runner.run(thread.__aenter__())
        runner.run(sync_to_async(keep_connection)())
        yield once
        runner.run(sync_to_async(connections.close_all)())
        runner.run(thread.__aexit__(None, None, None))


def keep_connection() -> None:
    """Let this thread's connection outlast a request."""
    connection.settings_dict = {**connection.settings_dict, "CONN_MAX_AGE": None}


async def call(method: str, address: str, headers: dict[str, str], body: bytes) -> httpx.Response:
    """One request as a server hands it over, from a client that stays until the application has returned."""
    raw, sent = [{"type": "http.request", "body": body}], []
    path, _, query = address.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": quote(path).encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "server": ("testserver", 80),
        "client": ("127.0.0.1", 12345),
    }

    async def receive() -> dict[str, object]:
        return raw.pop() if raw else await asyncio.Event().wait()

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await asgi.application(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in sent)
    return httpx.Response(sent[0]["status"], headers=sent[0]["headers"], content=content)


def body_of(row: Row, content: Content) -> bytes:
    """What is sent along: something that passes the door and changes nothing."""
    form = {name: value.format_map(content.real) for name, value in row.form.items()} if row.is_reading else row.form
    return getattr(content, row.content) if row.content else urlencode(form).encode()


def is_denied(answer: httpx.Response) -> bool:
    """Whether an answer keeps its asker out."""
    to_sign_in = answer.status_code == 302 and answer.headers["Location"].startswith("/accounts/login/")
    return to_sign_in or answer.status_code in DENIED


def text_of(answer: httpx.Response, path: str) -> str:
    """Everything an answer tells that was not in its question."""
    told = answer.text + "\n".join(f"{name}: {value}" for name, value in answer.headers.items() if name not in COUNTING)
    for echo in (path, quote(path, safe=""), quote(path)):
        told = told.replace(echo, "")
    return CHANGING.sub("", told.replace(answer.headers.get("x-request-id", "-" * 80), ""))


def problems_of(row: Row, visitor: Visitor, content: Content, ask: Ask) -> Iterator[str]:
    """What is wrong with the answer that somebody gets."""
    path = address_of(row, content.real)
    answer = ask(row.method, path, visitor, body=body_of(row, content))
    told, status = text_of(answer, path), answer.status_code
    if status >= 500:
        yield f"{visitor.name}: {status}"
    for secret in content.secrets:
        if secret.is_hidden_from(visitor) and secret.word in told:
            yield f"{visitor.name}: {status} tells {secret.word!r}"
    if may_use(visitor, row):
        if (is_denied(answer) and not row.is_static) or status in {NO_METHOD, GONE}:
            yield f"{visitor.name}: is kept out with {status}"
        if row.is_restricted and "no-store" not in answer.headers.get("cache-control", ""):
            yield f"{visitor.name}: may keep what is restricted"
        return
    if row.is_gone and not visitor.is_worthless:
        if status != GONE:
            yield f"{visitor.name}: {status} instead of a tombstone"
        return
    # NBIA's word for "not yours".
    is_refused_call = path.startswith("/nbia-api/") and status == 400
    if not is_denied(answer) and not is_refused_call and status != NO_METHOD:
        yield f"{visitor.name}: is let in with {status}"
    yield from (f"{visitor.name}: the refusal names {code}" for code in SITES if code in told and code != visitor.site)
    other = address_of(row, unreal(content.real))
    if visitor.name in CURIOUS and other != path:
        twin = ask(row.method, other, visitor, body=body_of(row, content))
        if (twin.status_code, text_of(twin, other)) != (status, told):
            yield f"{visitor.name}: {status} tells that it exists; what does not exist is {twin.status_code}"


@pytest.mark.parametrize("row", SEALED_ROWS, ids=lambda row: row.name)
def test_a_restricted_version_is_read_by_those_who_were_granted_it(row, content, ask):
    # The coordinator of ALPHA sent what is in it; BETA's is here like any account without access.
    asked = [visitor for visitor in VISITORS if visitor.name in (CURIOUS | A_FEW) - {"coordinator of BETA"}]
    asked += READERS
    if row.is_like_others:
        asked = [visitor for visitor in asked if visitor.name in {"anonymous", "granted by token", "revoked by token"}]
    problems = [problem for visitor in asked for problem in problems_of(row, visitor, content, ask)]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_route_lets_in_whom_the_table_says_and_tells_others_nothing(row, content, ask):
    before = fingerprint()
    asking = [visitor for visitor in VISITORS if visitor.name in A_FEW or not row.is_like_others]
    kept_out = [visitor for visitor in asking if not may_use(visitor, row)]
    let_in = [visitor for visitor in asking if may_use(visitor, row)]
    problems = [problem for visitor in kept_out for problem in problems_of(row, visitor, content, ask)]
    if row.method != "GET" and fingerprint() != before:
        problems.append("a refused request changed something")
    problems += [problem for visitor in let_in for problem in problems_of(row, visitor, content, ask)]
    if row.method == "GET" and fingerprint() != before:
        problems.append("reading changed something")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    "row", [row for row in TABLE if row.method == "POST" and not row.is_reading], ids=lambda row: row.name
)
def test_a_form_that_is_not_ours_is_refused_and_changes_nothing(row, content, ask):
    before, path = fingerprint(), address_of(row, content.real)
    for visitor in VISITORS:
        if visitor.has_browser or visitor.name == "anonymous":
            answer = ask("POST", path, visitor, body=body_of(row, content), has_token=False)
            assert is_denied(answer) or answer.status_code == NO_METHOD, (visitor.name, answer.status_code)
    assert fingerprint() == before


@pytest.mark.parametrize("route", sorted({row.route for row in TABLE if not row.route.startswith(("/", "accounts/"))}))
def test_a_page_answers_no_method_that_the_table_does_not_name(route, content, ask):
    named = {row.method for row in TABLE if row.route == route}
    row = next(row for row in TABLE if row.route == route)
    before, path = fingerprint(), address_of(row, content.real)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - named:
        for visitor in VISITORS:
            if visitor.name in {"administrator", "curator", "release manager", "key of ALPHA"}:
                answer = ask(method, path, visitor)
                assert answer.status_code in {NO_METHOD, *DENIED}, (visitor.name, method, answer.status_code)
    assert fingerprint() == before


def test_a_session_from_before_a_change_of_the_password_opens_nothing(content, ask):
    # DICOMweb first: Django's pages throw such a session away.
    for path in ("/dicom-web/curation/studies", "/curation/"):
        assert ask("GET", path, next(visitor for visitor in VISITORS if visitor.name == "curator")).status_code == 200
        answer = ask("GET", path, STALE)
        assert is_denied(answer), (path, answer.status_code)
