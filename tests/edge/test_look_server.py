"""The looking page's server: this machine, this session, these pictures; originals leave it for no disk."""

import io
import re
import socket
import struct
import threading

import httpx
import numpy as np
import pytest
from PIL import Image
from tests.edge.test_pixels import Hospital
from tests.support.pictures_with_writing import COLUMNS, ROWS, drawn, write_banner_series, write_document, write_picture

from radcommons.edge.review.serve import ReviewServer

JSON = {"Content-Type": "application/json"}


class Sitting:
    """A hospital with a served OUT folder, and a client that opened the address."""

    def __init__(self, hospital: Hospital, server: ReviewServer, client: httpx.Client) -> None:
        self.hospital, self.server, self.client = hospital, server, client

    @property
    def headers(self) -> dict[str, str]:
        return {**JSON, "X-Radcommons-Token": self.server.token}

    def state(self, name: str = "us") -> dict:
        return self.client.get(f"/api/series/{self.hospital.series(name)}").json()

    def ask(self, verb: str, *, name: str = "us", headers=None, **values) -> httpx.Response:
        pictures = {each["key"]: each["digest"] for each in self.state(name)["pictures"]}
        body = {"verb": verb, "by": "Dr Example", "pictures": pictures, **values}
        return self.client.post(
            f"/api/series/{self.hospital.series(name)}", json=body, headers=self.headers if headers is None else headers
        )


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    made = Hospital(tmp_path_factory.mktemp("served"))
    write_banner_series(made.folder, count=2)
    write_banner_series(made.folder, count=1, study="plain", series="plain")
    write_document(made.folder / "letter.dcm", study="letter", series="letter")
    cine = np.stack([drawn(*([("MRN-0048213", 20, 200)] if index == 2 else []), seed=index) for index in range(3)])
    write_picture(made.folder / "cine.dcm", cine, study="cine", series="cine")
    write_picture(made.folder / "doubt.dcm", cine[:2], study="doubt", series="doubt", TotalPixelMatrixColumns=640)
    made.make()
    return made


@pytest.fixture
def sitting(hospital):
    server = ReviewServer(hospital.home, hospital.out)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client:
        client.get("/", params={"token": server.token})
        yield Sitting(hospital, server, client)
    server.stop()
    thread.join(timeout=60)


def test_the_address_leads_to_where_it_stands_and_from_there_to_the_first_series_that_waits(sitting):
    answer = sitting.client.get("/", params={"token": sitting.server.token})
    page = sitting.client.get(answer.headers["location"]).text

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    first = re.search(r'href="(/series/2\.25\.\d+)"', page)[1]
    assert sitting.client.get(first).status_code == 200


def test_a_stranger_of_the_same_machine_sees_and_does_nothing(sitting):
    series, picture = sitting.hospital.series("us"), sitting.state()["pictures"][0]["key"]

    with httpx.Client(base_url=sitting.client.base_url, timeout=60) as stranger:
        answers = [
            stranger.get(f"/series/{series}"),
            stranger.get(f"/api/series/{series}"),
            stranger.get(f"/frames/{picture}/1"),
            stranger.post(f"/api/series/{series}", json={}, headers=sitting.headers),
            stranger.post("/confirm-series", data={"token": sitting.server.token}),
        ]

    assert [each.status_code for each in answers] == [403] * 5


@pytest.mark.parametrize(
    "headers",
    [{}, JSON, {**JSON, "X-Radcommons-Token": "guess"}, {"Content-Type": "text/plain", "X-Radcommons-Token": "TOKEN"}],
    ids=["nothing", "no token", "wrong token", "a form's type"],
)
def test_a_page_of_another_site_cannot_decide_with_this_browsers_cookie(sitting, headers):
    sent = {name: value.replace("TOKEN", sitting.server.token) for name, value in headers.items()}

    assert sitting.ask("reject", reason="no", headers=sent).status_code == 403
    assert {each["state"] for each in sitting.state()["pictures"]} <= {"redacted", "approved"}


@pytest.mark.parametrize(
    ("verb", "values", "code"),
    [
        ("destroy", {}, "edge.invalid-request"),
        ("confirm", {"pictures": {}}, "edge.invalid-request"),
        ("confirm", {"pictures": ["x"]}, "edge.invalid-request"),
        ("confirm", {"by": ""}, "edge.name-needed"),
        ("confirm", {"by": 3}, "edge.invalid-request"),
        ("edit", {"boxes": []}, "edge.invalid-request"),
        ("edit", {"boxes": {}}, "edge.invalid-request"),
        ("reject", {"reason": ""}, "edge.reason-needed"),
        ("release", {"reason": "why not"}, "edge.invalid-request"),
        ("undo", {"act": "last"}, "edge.invalid-request"),
        ("undo", {"act": 10_000}, "edge.no-such-act"),
        ("allow", {"word": "1956"}, "edge.no-marker"),
        ("spread", {"box": None}, "edge.invalid-request"),
        ("spread", {"box": {"left": 1, "top": 1, "width": 5, "height": 1}}, "edge.invalid-request"),
        ("spread", {"box": {"left": 1, "top": 1, "width": 0, "height": 1}}, "edge.invalid-request"),
        ("deface", {"by": " "}, "edge.name-needed"),
    ],
)
def test_a_request_that_is_none_is_answered_and_changes_nothing(sitting, verb, values, code):
    before = sitting.state()

    answer = sitting.ask(verb, **values)

    assert (answer.status_code in {404, 409}, answer.json()["code"]) == (True, code)
    assert sitting.state()["history"] == before["history"]


def test_broken_json_is_answered(sitting):
    answer = sitting.client.post(f"/api/series/{sitting.hospital.series('us')}", content=b"{", headers=sitting.headers)

    assert (answer.status_code, answer.json()["code"]) == (409, "edge.invalid-request")


def test_a_decision_about_other_pictures_than_those_seen_is_refused(sitting):
    pictures = {each["key"]: each["digest"] for each in sitting.state()["pictures"]}
    first = next(iter(pictures))

    fewer = sitting.ask("confirm", pictures={first: pictures[first]})
    other = sitting.ask("confirm", pictures={**pictures, first: "0" * 32})

    assert [each.json()["code"] for each in (fewer, other)] == ["edge.pictures-changed"] * 2


def test_frames_come_from_the_original_and_from_what_was_made_and_stay_nowhere(sitting):
    (key, *_) = (each["key"] for each in sitting.state("plain")["pictures"])
    roots = (sitting.hospital.home.path, sitting.hospital.out)
    before = {path for root in roots for path in root.rglob("*")}

    frames = {side: sitting.client.get(f"/frames/{key}/1", params={"side": side}) for side in ("original", "result")}

    pictures = {side: np.asarray(Image.open(io.BytesIO(each.content)).convert("L")) for side, each in frames.items()}
    assert {each.shape for each in pictures.values()} == {(ROWS, COLUMNS)}
    assert (pictures["original"][4:22, 10:200].max() > 200, pictures["result"][4:22, 10:200].max() < 20) == (True, True)
    assert {each.headers["cache-control"] for each in frames.values()} == {"no-store"}
    assert {path for root in roots for path in root.rglob("*")} == before


def test_a_picture_that_needs_a_person_says_why(sitting):
    (page, state) = (sitting.client.get(f"/series/{sitting.hospital.series('doubt')}").text, sitting.state("doubt"))

    assert [each["doubts"] for each in state["pictures"]] == [
        ["Writing may run over the edges of tiles; a person must look at the whole."]
    ]
    assert [each["doubts"] for each in sitting.state("plain")["pictures"]] == [[]]
    for shown in (page, sitting.client.get("/pictures?show=person").text):
        assert "Writing may run over the edges of tiles" in shown


def test_whoever_leaves_while_a_picture_comes_disturbs_nobody(sitting, capfd):
    (key, *_) = (each["key"] for each in sitting.state("plain")["pictures"])
    request = f"GET /frames/{key}/1?side=original HTTP/1.1\r\nHost: 127.0.0.1:{sitting.server.port}\r\n"
    request += f"Cookie: radcommons_review={sitting.server.token}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", sitting.server.port)) as leaving:
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        leaving.sendall(request.encode())
    with socket.create_connection(("127.0.0.1", sitting.server.port)) as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        idle.sendall(request.replace(key, "none").encode())
        assert idle.recv(4096).startswith(b"HTTP/1.1 404")

    assert sitting.client.get(f"/frames/{key}/1").status_code == 200
    assert "Traceback" not in capfd.readouterr().err


def test_all_frames_laid_over_each_other_show_the_writing_of_one(sitting):
    (key, *_) = (each["key"] for each in sitting.state("cine")["pictures"])

    brightness = {
        place: np.asarray(Image.open(io.BytesIO(sitting.client.get(f"/frames/{key}/{place}").content)).convert("L"))
        for place in ("1", "3", "all")
    }

    writing = {place: int(each[200:216, 20:120].max()) > 200 for place, each in brightness.items()}
    assert writing == {"1": False, "3": True, "all": True}


@pytest.mark.parametrize(
    "path",
    [
        "/frames/0000000000000000/1",
        "/frames/KEY/99",
        "/frames/KEY/x",
        "/frames/KEY/1?side=home",
        "/frames/LETTER/1?side=result",
        "/frames/LETTER/1",
        "/frames/../edge.sqlite",
        "/series/2.25.1",
        "/api/series/2.25.1",
        "/look.html",
        "/session.py",
        "/series/",
        "/frames/KEY/1/2",
    ],
)
def test_there_is_nothing_else(sitting, path):
    (key, *_) = (each["key"] for each in sitting.state("plain")["pictures"])
    (letter,) = (each["key"] for each in sitting.state("letter")["pictures"])

    answer = sitting.client.get(path.replace("KEY", key).replace("LETTER", letter))

    assert answer.status_code == 404


def test_without_script_the_page_is_whole_and_a_form_decides(sitting):
    address = f"/series/{sitting.hospital.series('plain')}"
    page = sitting.client.get(address).text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)">', page.split("/confirm-series")[1]))

    refused = sitting.client.post("/confirm-series", data={**hidden, "by": "Dr Example", "seen": "0" * 64})
    done = sitting.client.post("/confirm-series", data={**hidden, "by": "Dr Example"})

    assert '<g class="box"><rect' in page
    assert (refused.status_code, done.status_code) == (409, 303)
    assert sitting.state("plain")["pictures"][0]["state"] == "approved"


def test_nothing_that_was_read_is_in_the_addresses_of_the_page(sitting):
    page = sitting.client.get(f"/series/{sitting.hospital.series('us')}").text

    addresses = re.findall(r'(?:href|src|action)="([^"]*)"', page)
    assert not [each for each in addresses if re.search(r"(?i)okonkwo|adaeze|0048213|export", each)]
    assert not re.search(r"(?i)\son\w+=|<style|style=", page)
