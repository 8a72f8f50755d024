"""Checks of what every resource shares: methods, capabilities, errors (PS3.18 8, RFC 9110)."""

from radcommons.client.conformance.answers import OK
from radcommons.client.conformance.checks import check, expect, need
from radcommons.client.conformance.retrieving import ANY_DICOM
from radcommons.client.conformance.sample import Sample

_REFUSED = frozenset({401, 403, 405, 501})
_ORIGIN = "https://viewer.example.org"


@check("http.capabilities", "8.9", "OPTIONS at the root describes what the server can do", is_optional=True)
def _(sample: Sample) -> None:
    answer = sample.server.ask("", method="OPTIONS", accept="application/vnd.sun.wadl+xml, application/json")
    expect(answer.status == 200 and answer.body, f"status {answer.status}, {len(answer.body)} bytes")  # noqa: PLR2004


@check("http.options", "RFC 9110 9.3.7", "OPTIONS names the methods of a resource", is_optional=True)
def _(sample: Sample) -> None:
    answer = sample.server.ask("studies", method="OPTIONS")
    expect(answer.status in {200, 204} and "allow" in answer.headers, f"status {answer.status} or no Allow")


@check("http.head", "RFC 9110 9.3.2", "HEAD answers as GET does, without a body", is_optional=True)
def _(sample: Sample) -> None:
    got = sample.server.ask(f"{sample.place.path}/metadata")
    head = sample.server.ask(f"{sample.place.path}/metadata", method="HEAD").must_be(got.status)
    expect(not head.body and head.media_type == got.media_type, "a body, or another type")


@check("http.head-instance", "RFC 9110 9.3.2", "HEAD tells the length of an instance", is_optional=True)
def _(sample: Sample) -> None:
    got = sample.server.ask(sample.place.path, accept="application/dicom")
    need(got.status == OK, "an instance does not come alone")
    head = sample.server.ask(sample.place.path, method="HEAD", accept="application/dicom").must_be(OK)
    expect(not head.body and head.headers.get("content-length") == str(len(got.body)), "a body, or another length")


@check("http.vary", "RFC 9110 12.5.5", "Answers that depend on Accept say so to caches", is_optional=True)
def _(sample: Sample) -> None:
    answer = sample.server.ask(f"{sample.place.path}/metadata").must_be(OK)
    expect("accept" in answer.headers.get("vary", "").lower(), "no Vary: Accept")


@check("http.cors", "Fetch 3.2", "A viewer of another origin may read", is_optional=True)
def _(sample: Sample) -> None:
    answer = sample.server.ask("studies?limit=1", headers={"Origin": _ORIGIN})
    expect(answer.headers.get("access-control-allow-origin") in {"*", _ORIGIN}, "no Access-Control-Allow-Origin")


@check("http.cors-preflight", "Fetch 3.2", "A viewer of another origin is told what it may ask", is_optional=True)
def _(sample: Sample) -> None:
    headers = {"Origin": _ORIGIN, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "accept"}
    answer = sample.server.ask("studies", method="OPTIONS", headers=headers)
    expect(answer.headers.get("access-control-allow-origin") in {"*", _ORIGIN}, "no Access-Control-Allow-Origin")


@check("http.delete", "8.5", "Nobody deletes without being asked who he is")
def _(sample: Sample) -> None:
    path = "studies/2.25.1234567890"
    answer = sample.server.ask(path, method="DELETE")
    expect(answer.status in {*_REFUSED, 404}, f"status {answer.status}")


@check("http.unknown-resource", "10.1", "An address that means nothing answers 400 or 404")
def _(sample: Sample) -> None:
    answer = sample.server.ask(f"{sample.place.path}/nonsense")
    expect(answer.status in {400, 404, 405}, f"status {answer.status}")


@check("http.error-is-error", "8.5", "What cannot be found is no success with an error inside")
def _(sample: Sample) -> None:
    answer = sample.server.ask("studies/2.25.1234567890/series/2.25.1/instances/2.25.2", accept=ANY_DICOM)
    expect(answer.status >= 400, f"status {answer.status}")  # noqa: PLR2004


@check("http.error-says-little", "8.5", "An error does not show the inside of the server")
def _(sample: Sample) -> None:
    answer = sample.server.ask("studies?limit=%00")
    expect(answer.status < 500, f"status {answer.status}")  # noqa: PLR2004
    expect(b"Traceback" not in answer.body and b"at java." not in answer.body, "a stack trace is shown")
