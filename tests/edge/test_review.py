"""Review: a page that shows everything, decisions of named persons that hold for exactly what they saw."""

import json
import re
import threading
from html.parser import HTMLParser

import httpx
import pytest
from tests.support.hospital_folder import write_original, write_series

from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.deidentify import deidentify_folder
from radcommons.edge.review import Decision, record_review, review_state, write_page
from radcommons.edge.review.serve import ReviewServer
from radcommons.edge.review.verdicts import pixel_verdicts
from radcommons.edge.sealing import seal
from radcommons.edge.texts.applying import read_texts


class Reader(HTMLParser):
    """What a browser would load, run and show."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.loaded, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loaded += [value for name, value in attrs if name in {"src", "href", "action"}]
        self.loaded += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def made(home, folder, out):
    """An OUT folder with a CT series, a radiograph that waits for a look, and markup in a description."""
    write_series(folder, count=12, study="ct", series="ct", SeriesDescription="lung <script>alert(1)</script>")
    write_original(folder / "dx.dcm", study="dx", series="dx", modality="DX")
    deidentify_folder(home, folder, out=out)
    return out


def series_of(out, modality):
    page = (out / "review" / "index.html").read_text("utf-8")
    return re.search(rf'<span class="tag">{modality}</span>.*?<div class="uid">([0-9.]+)</div>', page, re.DOTALL)[1]


def test_the_page_shows_every_series_text_and_finding(home, made):
    result = write_page(home, made)

    page = Reader(result.page.read_text("utf-8"))
    pictures = sorted(path.name for path in (made / "review" / "pictures").iterdir())
    assert (result.series, result.pixel_text_waiting, result.is_approved) == (2, 1, False)
    assert len([name for name in pictures if name.startswith("s-")]) == 8 + 1
    assert len([name for name in pictures if name.startswith("l-")]) == 1
    assert {f"pictures/{name}" for name in pictures} <= set(page.loaded)
    assert "lung <script>" in page.text
    assert "held back: a person must look at its pictures" in page.text


def test_the_page_needs_no_network_and_runs_nothing(home, made):
    page = Reader(write_page(home, made).page.read_text("utf-8"))

    assert not {"script", "iframe", "object", "form"} & set(page.tags)
    assert all(not re.match(r"(?i)\w+:|//|on", value) for value in page.loaded)


def test_drawing_again_draws_only_what_is_new(home, folder, made):
    write_page(home, made)
    first = {path: path.stat().st_mtime_ns for path in (made / "review" / "pictures").iterdir()}
    (folder / "dx.dcm").unlink()
    write_original(folder / "dx2.dcm", study="dx2", series="dx2", modality="DX", Rows=8, Columns=32)
    deidentify_folder(home, folder, out=made)

    write_page(home, made)

    second = {path: path.stat().st_mtime_ns for path in (made / "review" / "pictures").iterdir()}
    assert len(second) == len(first)
    assert len(second.items() & first.items()) == 8


def test_a_frame_that_cannot_be_drawn_is_said_to_be_so(home, folder, out):
    write_original(folder / "dx.dcm", modality="DX", BitsAllocated=12)
    deidentify_folder(home, folder, out=out)

    result = write_page(home, out)

    assert result.findings_by_code["edge.not-drawable"] >= 1
    assert "cannot be drawn" in result.page.read_text("utf-8")


def test_an_approval_holds_for_exactly_this_content(home, folder, made):
    assert record_review(home, made, decision=Decision("Dr Example", is_approval=True)).is_approved
    assert review_state(home, made).approved_by == "Dr Example"
    write_original(folder / "more.dcm", study="more")
    deidentify_folder(home, folder, out=made)

    assert not review_state(home, made).is_approved
    with pytest.raises(RadCommonsError) as refusal:
        seal(home, made)
    assert refusal.value.code == "edge.not-approved"
    assert "must be approved again" in write_page(home, made).page.read_text("utf-8")


def test_approved_pixels_hold_for_exactly_these_instances(home, folder, made):
    state = record_review(home, made, decision=Decision("Dr Example", approve_pixels=("all",)))
    assert state.pixel_text_waiting == 0
    write_original(folder / "dx-2.dcm", study="dx", series="dx", number=2, modality="DX")
    deidentify_folder(home, folder, out=made)

    assert review_state(home, made).pixel_text_waiting == 1


def test_an_excluded_series_stays_excluded(home, made):
    write_page(home, made)
    series = series_of(made, "DX")

    state = record_review(home, made, decision=Decision("Dr Example", exclude=(series,), reason="a name is burned in"))

    assert (state.excluded_series, state.pixel_text_waiting) == (1, 0)
    page = Reader(write_page(home, made).page.read_text("utf-8"))
    assert "excluded by Dr Example: a name is burned in" in page.text


def test_a_text_excludes_every_series_that_carries_it(home, made):
    (text_id,) = (each.text_id for each in read_texts(home, made) if "lung" in each.value and "axial" not in each.value)
    assert text_id in write_page(home, made).page.read_text("utf-8")

    state = record_review(home, made, decision=Decision("Dr Example", exclude_texts=(text_id,), reason="odd"))

    assert state.excluded_series == 1


def test_a_text_that_was_approved_is_known_in_the_next_batch(home, folder, made, tmp_path):
    record_review(home, made, decision=Decision("Dr Example", is_approval=True))
    write_series(tmp_path / "next", study="next", series="next", SeriesDescription="sagittal")
    deidentify_folder(home, tmp_path / "next", out=tmp_path / "out2")

    found = {each.value: each.verdict for each in read_texts(home, tmp_path / "out2")}

    assert (found["sagittal"], found["CT chest"]) == ("", "keep")
    assert "decided before" in write_page(home, tmp_path / "out2").page.read_text("utf-8")


@pytest.mark.parametrize(
    ("decision", "code"),
    [
        (Decision("", is_approval=True), "edge.name-needed"),
        (Decision("x" * 200, is_approval=True), "edge.name-needed"),
        (Decision("Dr Example", exclude=("2.25.1",), reason="why"), "edge.no-such-series"),
        (Decision("Dr Example", exclude=("2.25.1",)), "edge.reason-needed"),
        (Decision("Dr Example", exclude_texts=("0000000000",), reason="why"), "edge.no-such-text"),
        (Decision("Dr Example", approve_pixels=("2.25.1",)), "edge.no-such-series"),
    ],
)
def test_a_decision_that_cannot_be_taken_records_nothing(home, made, decision, code):
    with pytest.raises(RadCommonsError) as refusal:
        record_review(home, made, decision=decision)

    assert refusal.value.code == code
    assert not (made / "review.json").exists()


def test_the_record_says_who_and_when(home, made):
    record_review(home, made, decision=Decision("Dr  Example", is_approval=True, approve_pixels=("all",)))

    recorded = json.loads((made / "review.json").read_text("utf-8"))

    assert recorded["approval"]["by"] == "Dr Example"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", recorded["approval"]["at"])
    (looked_at,) = pixel_verdicts(home, made).instances
    assert (looked_at.verdict, looked_at.by) == ("approved", "Dr Example")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", looked_at.at)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"approval": 3, "pixel_approvals": {}, "exclusions": {}}'])
def test_a_damaged_record_approves_nothing(home, made, content):
    (made / "review.json").write_text(content)

    with pytest.raises(RadCommonsError) as refusal:
        review_state(home, made)

    assert refusal.value.code == "edge.review-damaged"


def test_an_unfinished_out_folder_is_not_reviewed(home, made):
    (made / "report.jsonl").unlink()

    for verb in (write_page, review_state, seal):
        with pytest.raises(RadCommonsError) as refusal:
            verb(home, made)
        assert refusal.value.code == "edge.nothing-made"


@pytest.fixture
def server(home, made):
    write_page(home, made)
    served = ReviewServer(home, made)
    thread = threading.Thread(target=served.run, daemon=True)
    thread.start()
    yield served
    served.stop()
    thread.join(timeout=10)


@pytest.fixture
def browser(server):
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", follow_redirects=True, timeout=60) as client:
        client.get("/", params={"token": server.token})
        yield client


def form_of(server, browser, **values):
    content = re.search(r'name="content" value="([0-9a-f]{64})"', browser.get("/").text)
    return {"token": server.token, "content": content[1], "by": "Dr Example", **values}


class TestServedPage:
    """The page with buttons, on this machine only."""

    def test_the_page_approves_everything(self, home, made, server, browser):
        answer = browser.post("/approve", data=form_of(server, browser))

        assert "Approved by Dr Example" in answer.text
        assert review_state(home, made).is_approved

    def test_an_approval_is_taken_back(self, home, made, server, browser):
        approved = browser.post("/approve", data=form_of(server, browser)).text
        answer = browser.post("/withdraw", data=form_of(server, browser))
        again = browser.post("/withdraw", data=form_of(server, browser))

        assert 'action="/withdraw"' in approved
        assert "The approval is taken back." in answer.text
        assert 'action="/approve"' in answer.text
        assert not review_state(home, made).is_approved
        assert again.status_code == 409

    def test_a_series_is_excluded_and_taken_back_and_has_to_be_approved_again(self, home, made, server, browser):
        series = series_of(made, "CT")
        page = browser.post("/exclude", data=form_of(server, browser, series=series, reason="no")).text
        browser.post("/approve", data=form_of(server, browser))
        before = review_state(home, made)
        answer = browser.post("/include", data=form_of(server, browser, series=series))
        after = review_state(home, made)

        assert "The series stays here." in page
        assert 'formaction="/include"' in page
        assert (before.excluded_series, before.is_approved) == (1, True)
        assert answer.status_code == 200
        assert (after.excluded_series, after.is_approved) == (0, False)
        assert browser.post("/include", data=form_of(server, browser, series=series)).status_code == 404

    def test_the_page_says_what_an_approval_does_with_what_nobody_decided(self, browser):
        page = browser.get("/").text

        assert "1 series waits for a look at its pictures and stays here" in page
        assert "whoever approves keeps them as they are" in page
        assert "1 picture would stay behind" in page

    def test_what_comes_next_is_an_exact_command(self, home, made, server, browser):
        before = browser.get("/").text
        after = browser.post("/approve", data=form_of(server, browser)).text

        for page in (before, after):
            assert f"radcommons edge verify {made} --home {home.path}" in page
            assert f"radcommons edge send {made} --to https://CENTRE --token-file token.txt --wait" in page
        assert ("When it is approved" in before, "Next: a second look at every file" in after) == (True, True)

    def test_series_are_listed_found_and_filtered_in_the_address(self, made, server, browser):
        every = browser.get("/all-series").text
        radiographs = browser.get("/all-series?modality=DX").text
        found = browser.get("/all-series", params={"text": "LUNG <script>"}).text
        browser.post("/exclude", data=form_of(server, browser, series=series_of(made, "CT"), reason="no"))
        kept_out = browser.get("/all-series?show=excluded").text

        assert [page.count("<article") for page in (every, radiographs, found, kept_out)] == [2, 1, 1, 1]
        assert "<script>alert" not in every
        assert "kept out by Dr Example: no" in kept_out
        assert browser.get("/all-series?text=none").text.count("No such series") == 1

    def test_a_name_is_written_once(self, server, browser):
        browser.post("/exclude", data=form_of(server, browser, series="2.25.1", reason="none such"))
        assert 'value="Dr Example"' not in browser.get("/").text
        browser.post("/approve", data=form_of(server, browser))

        assert 'autocomplete="name" value="Dr Example"' in browser.get("/").text

    def test_a_refusal_is_a_page_with_a_way_back(self, server, browser):
        answer = browser.post("/approve", data=form_of(server, browser, by=""))

        assert answer.headers["content-type"].startswith("text/html")
        assert 'href="/"' in answer.text

    def test_pictures_styles_and_scripts_are_served_and_nothing_else(self, browser):
        pages = [Reader(browser.get(path).text) for path in ("/", "/pictures", "/texts", "/all-series")]
        loaded = {value for page in pages for value in page.loaded if re.match(r"/frames/|/\w+\.(css|js)$", value)}

        assert {browser.get(each).status_code for each in loaded} == {200}
        assert {browser.get(each).headers["content-type"] for each in loaded if "frames" in each} == {"image/jpeg"}
        for path in ("/review.json", "/pictures/../../out.json", "/..%2fout.json", "/pictures/none.jpg", "/index.html"):
            assert browser.get(path).status_code == 404

    def test_without_the_token_nothing_is_shown_or_done(self, server, made):
        address = f"http://127.0.0.1:{server.port}"

        assert httpx.get(address).status_code == 403
        assert httpx.get(address, params={"token": "guess"}).status_code == 403
        assert httpx.post(f"{address}/approve", data={"by": "x"}).status_code == 403
        assert not (made / "review.json").exists()

    def test_a_form_without_the_token_does_nothing(self, server, browser, made):
        form = form_of(server, browser, token="guess")

        assert browser.post("/approve", data=form).status_code == 403
        assert not (made / "review.json").exists()

    def test_a_name_of_another_host_is_refused(self, browser):
        assert browser.get("/", headers={"Host": "evil.example"}).status_code == 421

    def test_a_decision_about_an_old_page_is_refused(self, home, folder, made, server, browser):
        form = form_of(server, browser)
        write_original(folder / "more.dcm", study="more")
        deidentify_folder(home, folder, out=made)

        answer = browser.post("/approve", data=form)

        assert answer.status_code == 409
        assert "Load it again" in answer.text

    def test_a_wrong_form_is_answered_and_not_fatal(self, server, browser):
        assert browser.post("/approve", data=form_of(server, browser, by="")).status_code == 409
        assert browser.post("/nothing", data=form_of(server, browser)).status_code == 404
        assert browser.post("/approve", content=b"x" * 1_100_000).status_code == 413
        assert browser.get("/").status_code == 200

    def test_the_answers_forbid_scripts_and_caching(self, browser):
        headers = browser.get("/").headers

        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
