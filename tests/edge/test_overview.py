"""The overview of thousands of pictures: alike ones together, one decision a group, everything in the address."""

import re
import threading
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from tests.edge.test_pixels import Hospital
from tests.support.hospital_folder import write_series
from tests.support.many_candidates import NAMES, STATION, hospital_with
from tests.support.pictures_with_writing import write_banner_series, write_document

from radcommons.deid.pixels.boxes import Box
from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.deidentify import deidentify_folder
from radcommons.edge.home import exclusive
from radcommons.edge.outfolder import opened
from radcommons.edge.review import review_state
from radcommons.edge.review.groups import PICTURES_A_PAGE, Query, grouped, page_of
from radcommons.edge.review.overview import Overview
from radcommons.edge.review.pace import left_words, seconds_a_decision
from radcommons.edge.review.pages import Pages
from radcommons.edge.review.serve import ReviewServer

COPIES = 30
WHO = "Dr Example"


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    """Ninety pictures of three kinds, and a document; tests that decide take it back."""
    return hospital_with(tmp_path_factory.mktemp("many"), copies=COPIES)


@pytest.fixture(scope="module")
def overview(hospital):
    home, out = hospital
    return Overview(home, opened(home, out))


@pytest.fixture(scope="module")
def server(hospital):
    served = ReviewServer(*hospital)
    thread = threading.Thread(target=served.run, daemon=True)
    # Another command holds the home: copies have no bytes of their own that could be made anew.
    with exclusive(hospital[0]):
        thread.start()
        yield served
        served.stop()
        thread.join(timeout=60)


@pytest.fixture
def browser(server):
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", follow_redirects=True, timeout=60) as client:
        client.get("/", params={"token": server.token})
        yield client


def groups_of(overview, **asked):
    return overview.shown(Query(**asked)).page.groups


def sizes(groups):
    return [len(each.pictures) for each in groups]


def buttons(page, verb):
    return [unescape(each) for each in re.findall(rf'name="do" value="({verb} [^"]+)"', page)]


class TestGroups:
    """What stands together."""

    def test_same_device_same_place_and_same_words_are_one_group(self, overview):
        groups = groups_of(overview)

        assert sizes(groups) == [COPIES, COPIES, 10, 10, 10, 1]
        read = {each.first.seen.text.replace(" ", ""): len(each.pictures) for each in groups}
        assert read[STATION.replace(" ", "")] == COPIES
        assert {name: read[f"{name} 03.11.1956".replace(" ", "")] for name in NAMES[1:]} == dict.fromkeys(NAMES[1:], 10)

    @pytest.mark.parametrize(
        ("grouping", "expected"),
        [
            ("place", [COPIES, COPIES, COPIES, 1]),
            ("device", [COPIES, COPIES, COPIES, 1]),
            ("series", [1] * 24),
            ("none", [1] * 24),
        ],
    )
    def test_other_ways_of_putting_them_together(self, overview, grouping, expected):
        assert sizes(groups_of(overview, grouping=grouping)) == expected

    def test_filters_by_verdict_modality_and_words_count_what_they_show(self, overview):
        shown = overview.shown(Query())

        assert shown.counts.shown == {
            "waiting": 91, "person": 1, "blackened": 60, "clean": 30, "decided": 0, "all": 91,
        }  # fmt: skip
        assert shown.counts.modalities == {"DOC": 1, "OT": 30, "US": 60}
        for show in ("person", "blackened", "clean"):
            found = overview.shown(Query(show=show))
            assert found.page.pictures == shown.counts.shown[show]
        assert sizes(groups_of(overview, text="ferreira")) == [10]
        assert sizes(groups_of(overview, modality="OT", text="ferreira")) == []

    @pytest.mark.parametrize("order", ["size", "subject", "device"])
    def test_pages_neither_overlap_nor_miss(self, overview, order):
        query, seen = Query(grouping="none", order=order), []
        while query is not None:
            page = overview.shown(query).page
            assert page.before == len(seen)
            seen += [each.group_id for each in page.groups]
            query = page.following

        assert (len(seen), len(set(seen))) == (91, 91)

    def test_the_next_page_begins_where_this_one_ended_whatever_was_decided_meanwhile(self, overview):
        pictures = [picture for each in groups_of(overview, show="blackened") for picture in each.pictures]
        query = Query(grouping="none", order="subject")
        first = page_of(grouped(pictures, query), query)
        gone = {each.group_id for each in first.groups}

        left = [each for each in grouped(pictures, query) if each.group_id not in gone]

        assert page_of(left, first.following).groups == tuple(left[:24])

    def test_an_address_says_everything_and_nothing_that_was_read(self, overview):
        query = Query("clean", "OT", "", "place", "subject", "", "")
        following = overview.shown(Query(grouping="none", order="subject")).page.following

        assert Query.of(dict(parse_qsl(urlsplit(query.place).query))) == query
        assert Query().place == "/pictures"
        assert not re.search(r"(?i)okonkwo|adaeze|radiology", following.place)
        with pytest.raises(RadCommonsError) as refusal:
            Query.of({"show": "everything"})
        assert refusal.value.code == "edge.invalid-request"


class TestDecisions:
    """One decision settles a group, and is taken back as one."""

    def test_one_decision_settles_a_group_and_undo_takes_all_of_it_back(self, overview, hospital):
        before = groups_of(overview)
        known = [(each.group_id, each.seen) for each in before]
        stamp = next(each for each in before if each.first.seen.text.startswith("DEPT"))

        said = overview.decide(Query(), "confirm", [(stamp.group_id, stamp.seen)], by=WHO)
        after = overview.shown(Query())
        waiting = review_state(*hospital).pixel_text_waiting
        undone = overview.undo(str(after.last[0].act_id), by=WHO)

        assert said == "Confirmed: 30 pictures."
        assert (after.counts.decided, after.counts.to_decide, waiting) == (COPIES, 91, 61)
        assert (after.last[0].verb, after.last[0].by, after.last[1]) == ("confirm", WHO, COPIES)
        assert undone == "Taken back: confirm, 30 pictures."
        assert [(each.group_id, each.seen) for each in groups_of(overview)] == known

    def test_keeping_a_group_out_needs_a_reason(self, overview):
        group = groups_of(overview, show="clean")[0]
        with pytest.raises(RadCommonsError) as refusal:
            overview.decide(Query(show="clean"), "reject", [(group.group_id, group.seen)], by=WHO)

        said = overview.decide(
            Query(show="clean"), "reject", [(group.group_id, group.seen)], by=WHO, reason="not of this study"
        )
        last = overview.shown(Query()).last
        overview.undo(str(last[0].act_id), by=WHO)

        assert refusal.value.code == "edge.reason-needed"
        assert said == "Kept out: 30 pictures."
        assert last[0].reason == "not of this study"

    @pytest.mark.parametrize(
        ("verb", "named", "code"),
        [
            ("confirm", [], "edge.invalid-request"),
            ("confirm", [("0000", "0000")], "edge.pictures-changed"),
            ("burn", None, "edge.invalid-request"),
        ],
    )
    def test_what_was_not_seen_is_not_decided(self, overview, verb, named, code):
        group = groups_of(overview)[0]
        with pytest.raises(RadCommonsError) as refusal:
            overview.decide(Query(), verb, [(group.group_id, group.seen)] if named is None else named, by=WHO)

        assert refusal.value.code == code
        assert overview.shown(Query()).counts.decided == 0

    def test_a_decision_about_a_group_that_changed_since_is_refused(self, overview):
        group = groups_of(overview)[0]
        one = overview.shown(Query(group=group.group_id)).page.groups[0]
        overview.decide(Query(group=group.group_id), "confirm", [(one.group_id, one.seen)], by=WHO)
        with pytest.raises(RadCommonsError) as refusal:
            overview.decide(Query(), "confirm", [(group.group_id, group.seen)], by=WHO)
        overview.undo(str(overview.shown(Query()).last[0].act_id), by=WHO)

        assert refusal.value.code == "edge.pictures-changed"

    def test_what_no_program_vouches_for_is_confirmed_only_where_it_is_seen_large(self, tmp_path):
        hospital = Hospital(tmp_path)
        write_document(hospital.folder / "letter.dcm")
        hospital.make()
        overview = Overview(hospital.home, opened(hospital.home, hospital.out))
        (letter,) = groups_of(overview)

        assert (letter.first.kind, letter.is_confirmable(is_large=False)) == ("person", False)
        with pytest.raises(RadCommonsError) as refusal:
            overview.decide(Query(), "confirm", [(letter.group_id, letter.seen)], by=WHO)
        assert refusal.value.code == "edge.must-be-seen"

    def test_a_picture_that_a_person_drew_in_is_opened_before_it_is_confirmed(self, tmp_path):
        hospital = Hospital(tmp_path)
        write_banner_series(hospital.folder, count=1)
        hospital.make()
        hospital.decide("us", "edit", boxes=(Box(0, 0, 100, 30),), is_made=False)
        out = opened(hospital.home, hospital.out)
        overview = Overview(hospital.home, out)
        pages = Pages(hospital.home, out, overview, token="t")
        (group,) = groups_of(overview)
        page = pages.html("/pictures", {}, by=WHO, said="")
        large = pages.html("/pictures", {"group": group.group_id}, by=WHO, said="")

        assert (buttons(page, "confirm"), "it must be seen large" in page) == ([], True)
        assert f"group={group.group_id}" in re.search(r'href="([^"]+)" data-key="o"', page)[1]
        (one,) = groups_of(overview, group=group.group_id)
        assert buttons(large, "confirm") == [f"confirm {one.group_id}:{one.seen}"]
        overview.decide(Query(group=group.group_id), "confirm", [(one.group_id, one.seen)], by=WHO)
        assert overview.shown(Query()).counts.decided == 1


class TestServedOverview:
    """The pages and forms, without any script."""

    def test_a_card_shows_pictures_lazily_and_its_form_settles_the_group(self, server, browser):
        page = browser.get("/pictures?show=clean").text
        (confirm,) = buttons(page, "confirm")
        form = {"token": server.token, "by": WHO, "back": "show=clean", "do": confirm}
        answer = browser.post("/decide", data=form)
        act = re.search(r'name="act" value="(\d+)"', answer.text)[1]
        again = browser.post("/decide", data=form)
        undone = browser.post("/undo", data={"token": server.token, "by": WHO, "back": "show=clean", "act": act})
        stale = browser.post("/undo", data={"token": server.token, "by": WHO, "back": "", "act": act})

        images = re.findall(r"<img [^>]*>", page)
        assert len(images) == 4
        assert all('loading="lazy"' in each and "small=1" in each for each in images)
        assert urlsplit(str(answer.url)).path + "?" + urlsplit(str(answer.url)).query == "/pictures?show=clean"
        assert ("Confirmed: 30 pictures." in answer.text, "30 of 91 pictures decided" in answer.text) == (True, True)
        assert (again.status_code, stale.status_code) == (409, 404)
        assert "Taken back: confirm, 30 pictures." in undone.text

    def test_a_group_is_opened_large_page_by_page_and_confirmed_as_far_as_it_was_shown(self, server, browser):
        address = unescape(re.search(r'href="(/pictures\?[^"]*group=[^"]*)"', browser.get("/pictures").text)[1])
        page = browser.get(address).text
        whole = max(buttons(page, "confirm"), key=len)
        query = urlsplit(address).query
        answer = browser.post("/decide", data={"token": server.token, "by": WHO, "back": query, "do": whole}).text
        act = re.search(r'name="act" value="(\d+)"', answer)[1]
        browser.post("/undo", data={"token": server.token, "by": WHO, "back": "", "act": act})

        assert f"Pictures 1 to {PICTURES_A_PAGE} of 30" in page
        assert "small=1" not in page
        assert f"Confirmed: {PICTURES_A_PAGE} pictures." in answer
        assert f"Pictures 1 to {PICTURES_A_PAGE} of 18" in answer

    def test_empty_lists_say_what_to_do(self, browser):
        assert "91 pictures elsewhere wait for a decision" in browser.get("/pictures?text=nothing").text
        assert "Nothing in this list" in browser.get("/pictures?show=decided").text
        assert browser.get("/pictures?show=everything").status_code == 409

    @pytest.mark.parametrize("path", ["/decide", "/undo", "/texts", "/keep-imaging", "/undo-texts"])
    def test_a_form_of_another_site_does_nothing(self, server, browser, path):
        assert browser.post(path, data={"by": WHO, "token": "guess"}).status_code == 403
        assert httpx.post(f"http://127.0.0.1:{server.port}{path}", data={"token": server.token}).status_code == 403
        headers = {"Host": "evil.example"}
        assert browser.post(path, data={"by": WHO, "token": server.token}, headers=headers).status_code == 421

    def test_nothing_that_was_read_is_in_an_address_of_the_pages(self, browser):
        for path in ("/", "/pictures", "/pictures?by=none&order=subject", "/texts", "/all-series"):
            page = browser.get(path).text
            addresses = re.findall(r'(?:href|src|action)="([^"]*)"', page)
            assert not [each for each in addresses if re.search(r"(?i)okonkwo|adaeze|ferreira|export", each)]
            assert not re.search(r"(?i)\son\w+=|<style|style=", page)


class TestServedSeries:
    """The list of all series: pages, filters and exclusions, all in the address."""

    def test_pages_neither_overlap_nor_miss(self, browser):
        seen, address = [], "/all-series"
        while address:
            page = browser.get(address).text
            seen += re.findall(r'<p class="uid">([0-9.]+)</p>', page)
            following = re.search(r'href="([^"]+)" rel="next"', page)
            address = unescape(following[1]) if following else ""

        assert (len(seen), len(set(seen))) == (91, 91)

    def test_filters_have_numbers_and_pictures_come_lazily_as_they_would_leave(self, browser):
        page = browser.get("/all-series?modality=OT").text

        assert re.findall(r'<span class="n">([0-9,]+)</span>', page) == ["91", "0", "91", "1", "30", "60"]
        images = re.findall(r"<img [^>]*>", page)
        assert len(images) == page.count("<article") == 20
        assert all("side=result" in each and 'loading="lazy"' in each for each in images)

    def test_keeping_out_and_taking_back_lead_to_the_same_list(self, server, browser):
        def form():
            page = browser.get("/all-series?modality=CT").text
            content = re.search(r'name="content" value="([0-9a-f]{64})"', page)[1]
            (uid,) = re.findall(r'<p class="uid">([0-9.]+)</p>', page)
            return {"token": server.token, "content": content, "by": WHO, "back": "modality=CT", "series": uid}

        nameless = browser.post("/exclude", data={**form(), "by": " "})
        kept_out = browser.post("/exclude", data={**form(), f"reason.{form()['series']}": "a phantom"})
        pictures = browser.get("/pictures").text
        back = browser.post("/include", data=form())

        assert nameless.status_code == 409
        assert str(kept_out.url).endswith("/all-series?modality=CT")
        assert "kept out by Dr Example: a phantom" in kept_out.text
        assert "0 of 91 pictures decided" in pictures
        assert "kept out by" not in back.text


def test_what_is_left_has_a_time_as_soon_as_there_is_a_pace(overview):
    left = []
    for _ in range(6):
        group = groups_of(overview, grouping="none", show="blackened")[0]
        query = Query(grouping="none", show="blackened")
        overview.decide(query, "confirm", [(group.group_id, group.seen)], by="Dr Swift")
        left.append(overview.shown(query, by="Dr Swift").left)
    others = overview.shown(Query(), by="Dr Nobody").left
    for _ in left:
        overview.undo(str(overview.shown(Query()).last[0].act_id), by="Dr Swift")

    assert left[:4] == ["", "", "", ""]
    assert left[4].endswith("left at your pace")
    assert others == ""
    assert overview.shown(Query()).counts.decided == 0


def test_the_end_of_a_sitting_says_what_is_next(tmp_path):
    home, out = hospital_with(tmp_path, copies=1)
    overview = Overview(home, opened(home, out))
    for group in groups_of(overview):
        verb = "reject" if group.first.shown.is_refused else "confirm"
        overview.decide(Query(), verb, [(group.group_id, group.seen)], by=WHO, reason="a letter")
    pages = Pages(home, opened(home, out), overview, token="t")
    page, start = (pages.html(path, {}, by=WHO, said="") for path in ("/pictures", "/"))

    assert "All 4 pictures decided" in page
    assert ("4 of 4 pictures decided" in start, 'href="/pictures?show=decided"' in start) == (True, True)


def test_where_nothing_may_carry_writing_nothing_is_asked(home, folder, out):
    write_series(folder, count=2)
    deidentify_folder(home, folder, out=out)
    pages = Pages(home, opened(home, out), Overview(home, opened(home, out)), token="t")

    assert "No picture waits for a person" in pages.html("/pictures", {}, by=WHO, said="")
    assert "No picture has to be looked at" in pages.html("/", {}, by=WHO, said="")


class TestPace:
    """How long it will take, from how it went."""

    START = datetime(2026, 3, 1, 9, tzinfo=UTC)

    def moments(self, *seconds):
        return [self.START + timedelta(seconds=each) for each in seconds]

    def test_the_pace_is_the_mean_time_between_decisions_without_breaks(self):
        assert seconds_a_decision(self.moments(0, 10, 20, 30, 40)) == 10
        assert seconds_a_decision(self.moments(40, 0, 20, 30, 10, 4000, 4010)) == 10
        assert seconds_a_decision(self.moments(0, 10, 20)) is None

    @pytest.mark.parametrize(
        ("decisions", "seconds", "words"),
        [
            (150, 10.0, "about 25 min left at your pace"),
            (3, 10.0, "less than a minute left at your pace"),
            (3000, 10.0, "about 8 h left at your pace"),
            (0, 10.0, ""),
            (100, None, ""),
        ],
    )
    def test_what_is_left_is_said_in_minutes_or_hours(self, decisions, seconds, words):
        assert left_words(decisions, seconds) == words
