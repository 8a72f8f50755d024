"""Scripts and styles travel compressed and are kept by browsers, and no page ever runs those of two editions."""

import asyncio
import gzip

import httpx
import pytest
from django.conf import settings as django_settings
from django.templatetags.static import static

from radcommons.apps.asgi import application
from radcommons.apps.static_files import FOLDER, StaticFile, StaticFilesApp, edition_of, static_files


def ask(address, app=application, method="GET", **headers):
    async def asked():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as visitor:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            async with visitor.stream(method, address, headers={"accept-encoding": "identity"} | names) as answer:
                return answer, b"".join([piece async for piece in answer.aiter_raw()])

    return asyncio.run(asked())


def test_what_a_template_names_is_kept_for_a_year_and_is_the_file():
    answer, body = ask(static("portal/portal.css"))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert body == (FOLDER / "portal" / "portal.css").read_bytes()


def test_it_travels_compressed_where_that_is_understood():
    plain = (FOLDER / "portal" / "portal.css").read_bytes()
    for accepted in ("gzip", "br, gzip;q=0.5", "*"):
        answer, body = ask(static("portal/portal.css"), accept_encoding=accepted)
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert len(body) == int(answer.headers["content-length"]) < len(plain) / 2
        assert gzip.decompress(body) == plain
    for accepted in ("identity", "br", "gzip;q=0", "gzip; q=0.0"):
        answer, body = ask(static("portal/portal.css"), accept_encoding=accepted)
        assert "content-encoding" not in answer.headers
        assert body == plain


def test_who_has_it_is_told_so_in_the_encoding_that_was_kept():
    tags = set()
    for accepted in ("identity", "gzip"):
        tag = ask(static("portal/portal.js"), accept_encoding=accepted)[0].headers["etag"]
        tags.add(tag)
        answer, body = ask(static("portal/portal.js"), accept_encoding=accepted, if_none_match=f'"other", W/{tag}')
        assert (answer.status_code, body) == (304, b"")
        assert answer.headers["etag"] == tag
        assert answer.headers["cache-control"].endswith("immutable")
    assert len(tags) == 2
    assert ask(static("portal/portal.js"), if_none_match='"other"')[0].status_code == 200


def test_a_plain_address_and_one_of_an_older_edition_answer_and_are_asked_for_again():
    for address in ("/static/portal/portal.js", "/static/0123456789abcdef/portal/portal.js"):
        answer, body = ask(address)
        assert answer.headers["cache-control"] == "public, no-cache"
        assert answer.headers["content-type"].startswith("text/javascript")
        assert body == (FOLDER / "portal" / "portal.js").read_bytes()


def test_the_address_changes_with_any_content_or_name():
    one = {"a.js": StaticFile("a.js", b"1"), "b.js": StaticFile("b.js", b"2")}
    others = (
        {**one, "b.js": StaticFile("b.js", b"3")},
        {"a.js": one["a.js"], "c.js": StaticFile("c.js", b"2")},
        {"a.js": one["a.js"]},
    )
    assert len({edition_of(one), *map(edition_of, others)}) == 4
    assert f"/static/{edition_of(static_files())}/" == django_settings.STATIC_URL


@pytest.mark.parametrize(
    "address",
    [
        "/static/",
        "/static/portal",
        "/static/portal/none.js",
        "/static/portal/%2e%2e/%2e%2e/models.py",
        "/static/%2e%2e/context.py",
        "/static//etc/passwd",
        "/static/0123456789abcdef/",
    ],
)
def test_nothing_else_is_there(address):
    answer, _ = ask(address)
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"


def test_a_head_has_no_body_and_nothing_is_written():
    answer, body = ask(static("portal/icon.svg"), method="HEAD")
    assert (answer.headers["content-type"], body) == ("image/svg+xml", b"")
    assert int(answer.headers["content-length"]) == (FOLDER / "portal" / "icon.svg").stat().st_size
    assert ask(static("portal/icon.svg"), method="POST")[0].status_code == 405


def test_what_does_not_become_shorter_travels_as_it_is():
    found = {"x.js": StaticFile("x.js", b"x"), "f.woff2": StaticFile("f.woff2", bytes(5000))}
    app = StaticFilesApp(found)
    for name, kind in (("x.js", "text/javascript; charset=utf-8"), ("f.woff2", "font/woff2")):
        answer, body = ask(f"/{name}", app=app, accept_encoding="gzip")
        assert "content-encoding" not in answer.headers
        assert (answer.headers["content-type"], body) == (kind, found[name].content)
