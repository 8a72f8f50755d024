"""Texts that stay in headers: each shown once, decided once, applied to exactly the objects that carry it."""

import csv
import json
import re
import threading
import time
from dataclasses import replace

import httpx
import pytest
from click.testing import CliRunner
from tests.support.hospital_folder import SECRET, datasets, instances, write_original, write_series

from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.commands import edge
from radcommons.edge.database import database
from radcommons.edge.deidentify import deidentify_folder
from radcommons.edge.home import init_home
from radcommons.edge.outfolder import claim, opened
from radcommons.edge.review import Decision, record_review
from radcommons.edge.review.layout import Sitting
from radcommons.edge.review.serve import ReviewServer
from radcommons.edge.review.texts_page import TEXTS_A_PAGE, TextQuery, decisions_of, texts_html
from radcommons.edge.review.texts_section import texts_section
from radcommons.edge.sealing import seal
from radcommons.edge.texts import ReviewedText, TextDecision, TextMemory, decide_texts, text_id
from radcommons.edge.texts.applying import keep_harmless, read_texts, settle_texts, text_state
from radcommons.edge.texts.tables import read_decisions, write_texts
from radcommons.edge.walk import Root

ODD, PLAIN = "axial Zwinglified", "axial lung"


OTHERS = ("Chest routine", "Quixotic Marker of a device", "prone")
DECIDER = "Dr Example"


@pytest.fixture
def made(home, folder, out):
    """Three series: two with an unknown word in their description, one without."""
    write_series(folder, count=2, study="a", series="odd", SeriesDescription=ODD)
    write_original(folder / "odd2.dcm", study="b", series="odd2", SeriesDescription=ODD)
    write_original(folder / "plain.dcm", study="c", series="plain", SeriesDescription=PLAIN)
    deidentify_folder(home, folder, out=out)
    return out


@pytest.fixture
def listed(home, folder, out):
    """An OUT folder as the journal knows it after a run, without any object in it."""
    claimed = claim(home, out, root=Root.of(folder))
    claimed.report_path.write_text("{}\n")
    rows = [
        ("SeriesDescription", ODD, "2.25.1"),
        ("SeriesDescription", ODD, "2.25.2"),
        ("SeriesDescription", PLAIN, "2.25.3"),
    ]
    rows += [
        ("ProtocolName", PLAIN, "2.25.3"),
        *(("ProtocolName", value, "2.25.3") for value in OTHERS),
        ("", "prone", "2.25.1"),
    ]
    with database(home) as connection:
        connection.executemany(
            "INSERT INTO kept_text (out, keyword, value, series_uid) VALUES (?, ?, seal(?), ?)",
            [(claimed.name, *row) for row in rows],
        )
    return out


def by_value(home, out):
    return {text.value: text for text in read_texts(home, out)}


def descriptions(out):
    return sorted(str(dataset.get("SeriesDescription", "")) for dataset in datasets(out))


def written_at(out):
    return {path: path.stat().st_mtime_ns for path in (out / "instances").rglob("*.dcm")}


def test_every_distinct_text_is_shown_once_unknown_words_first(home, listed):
    texts = read_texts(home, listed)

    assert [text.value for text in texts] == ["Quixotic Marker of a device", ODD, "prone", "Chest routine", PLAIN]
    odd = by_value(home, listed)[ODD]
    assert (odd.unknown_words, odd.series, odd.keywords, odd.verdict) == (
        ("Zwinglified",),
        2,
        ("SeriesDescription",),
        "",
    )
    assert by_value(home, listed)[PLAIN].keywords == ("ProtocolName", "SeriesDescription")
    state = text_state(home, listed)
    assert (state.distinct_texts, state.undecided, state.with_unknown_words, state.decided) == (5, 5, 2, 0)


def test_a_decision_is_remembered_with_who_and_when(home, listed):
    settle_texts(home, listed, (TextDecision(text_id(ODD), "replace", " axial   special "),), by=DECIDER)

    odd = by_value(home, listed)[ODD]
    assert (odd.verdict, odd.replacement, odd.shown, odd.decided_by) == (
        "replace",
        "axial special",
        "axial special",
        DECIDER,
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]+\+00:00", odd.decided_at)
    assert read_texts(home, listed)[-1].value == ODD
    assert (
        settle_texts(home, listed, (TextDecision(text_id(ODD), "replace", "axial special"),), by="Dr Other").decided
        == 0
    )


def test_decisions_change_exactly_the_objects_that_carry_the_text(home, folder, made):
    first = instances(made)
    before = written_at(made)

    removed = settle_texts(home, made, (TextDecision(text_id(ODD), "remove"),), by=DECIDER)

    assert (removed.decided, removed.made_again, removed.waiting) == (1, 3, 0)
    assert descriptions(made) == ["", "", "", PLAIN]
    assert sum(at != before[path] for path, at in written_at(made).items()) == 3
    again = deidentify_folder(home, folder, out=made)
    assert (again.made, again.unchanged) == (0, 4)
    before = written_at(made)
    kept = settle_texts(home, made, (TextDecision(text_id(PLAIN), "keep"),), by=DECIDER)
    assert (kept.decided, kept.made_again, written_at(made) == before) == (1, 0, True)
    settle_texts(home, made, (TextDecision(text_id(ODD), "keep"),), by="Dr Other")
    assert instances(made) == first


def test_a_decision_holds_for_the_next_batch_the_next_out_folder_and_no_other_home(home, folder, made, tmp_path):
    settle_texts(home, made, (TextDecision(text_id(ODD), "replace", "axial"),), by=DECIDER)
    write_original(folder / "later.dcm", study="later", series="later", SeriesDescription=ODD)

    result = deidentify_folder(home, folder, out=made)
    deidentify_folder(home, folder, out=tmp_path / "second")
    other = init_home(tmp_path / "other", site="ALPHA", project="covid19", secret=SECRET)
    deidentify_folder(other, folder, out=tmp_path / "third")

    assert (result.made, result.unchanged) == (1, 4)
    assert descriptions(made) == descriptions(tmp_path / "second") == ["axial", "axial", "axial", "axial", PLAIN]
    assert by_value(home, tmp_path / "second")[ODD].verdict == "replace"
    assert descriptions(tmp_path / "third").count(ODD) == 4


def test_what_a_decision_overtook_is_not_sent_before_it_was_made_anew(home, folder, made):
    record_review(home, made, decision=Decision(DECIDER, is_approval=True))
    with database(home) as connection:
        decided = decide_texts(connection, opened(home, made), [TextDecision(text_id(ODD), "remove")], by=DECIDER)

    assert decided.held == 3
    sealed = seal(home, made)
    assert (sealed.files, sealed.findings_by_code) == (1, {"edge.text-decision-pending": 3})
    deidentify_folder(home, folder, out=made)
    assert text_state(home, made).waiting == 0
    assert descriptions(made) == ["", "", "", PLAIN]
    with pytest.raises(RadCommonsError) as refusal:
        seal(home, made)
    assert refusal.value.code == "edge.not-approved"


def test_words_of_a_person_that_name_the_patient_are_found_by_the_last_look(home, made):
    settle_texts(home, made, (TextDecision(text_id(ODD), "replace", "axial for Okonkwo"),), by=DECIDER)

    assert all(b"okonkwo" not in content.lower() for content in instances(made).values())
    assert len(instances(made)) == 1


def test_an_approval_of_everything_keeps_every_text_that_was_shown(home, listed):
    record_review(home, listed, decision=Decision(DECIDER, is_approval=True))

    assert {(text.verdict, text.decided_by) for text in read_texts(home, listed)} == {("keep", DECIDER)}


def test_all_harmless_texts_are_kept_at_once(home, listed):
    result = keep_harmless(home, listed, by=DECIDER)

    assert {text.is_harmless: text.verdict for text in read_texts(home, listed)} == {True: "keep", False: ""}
    assert (result.decided, result.undecided, result.with_unknown_words) == (3, 2, 2)


@pytest.mark.parametrize(
    ("decision", "by", "code"),
    [
        (TextDecision("0000000000", "keep"), DECIDER, "edge.no-such-text"),
        (TextDecision(text_id(ODD), "perhaps"), DECIDER, "edge.invalid-text"),
        (TextDecision(text_id(ODD), "replace", "  "), DECIDER, "edge.invalid-text"),
        (TextDecision(text_id(ODD), "replace", "a\\b"), DECIDER, "edge.invalid-text"),
        (TextDecision(text_id(ODD), "replace", "a\x00b"), DECIDER, "edge.invalid-text"),
        (TextDecision(text_id(ODD), "keep"), " ", "edge.name-needed"),
    ],
)
def test_a_wrong_decision_is_refused_whole(home, listed, decision, by, code):
    with pytest.raises(RadCommonsError) as refusal:
        settle_texts(home, listed, (TextDecision(text_id(PLAIN), "remove"), decision), by=by)

    assert refusal.value.code == code
    assert not any(text.verdict for text in read_texts(home, listed))


def test_a_table_goes_out_to_a_spreadsheet_and_comes_back(home, listed, tmp_path):
    path = tmp_path / "texts.csv"
    write_texts(read_texts(home, listed), path)
    rows = {row["text"]: row for row in csv.DictReader(path.read_text("utf-8").splitlines())}
    odd = rows[ODD]
    assert (odd["unknown_words"], odd["attributes"], odd["series"], odd["verdict"]) == (
        "Zwinglified",
        "SeriesDescription",
        "2",
        "",
    )
    assert rows["prone"]["attributes"] == "private ProtocolName"

    path.write_text(
        f"id,verdict,replacement\n{odd['id']},Replace,'-axial\n{rows[PLAIN]['id']},,\n", encoding="utf-8-sig"
    )

    assert read_decisions(path) == (TextDecision(odd["id"], "replace", "-axial"),)


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"id,verdict\nx,maybe\n", b"\xff\xfe\x00"])
def test_another_table_is_refused(tmp_path, content):
    path = tmp_path / "texts.csv"
    path.write_bytes(content)
    with pytest.raises(RadCommonsError) as refusal:
        read_decisions(path)
    assert refusal.value.code == "edge.invalid-text-table"


def test_formulas_do_not_reach_a_spreadsheet(tmp_path):
    write_texts([ReviewedText("a", "=HYPERLINK(1)", ("X",), 1), ReviewedText("b", "+1", ("X",), 1)], tmp_path / "t.csv")

    rows = list(csv.DictReader((tmp_path / "t.csv").read_text("utf-8").splitlines()))
    assert [row["text"] for row in rows] == ["'=HYPERLINK(1)", "'+1"]


def test_texts_and_decisions_are_unreadable_in_the_file_of_the_home(home, listed):
    settle_texts(home, listed, (TextDecision(text_id(ODD), "replace", "Quixotic words"),), by=DECIDER)

    content = b"".join(path.read_bytes() for path in home.path.iterdir() if path.is_file())
    assert [word for word in (b"Zwinglified", b"Quixotic", DECIDER.encode()) if word in content] == []


def test_a_set_of_texts_has_one_recipe_until_a_decision_changes_it(home, listed):
    with database(home) as connection:
        memory = TextMemory(connection)
        digest = memory.keep_set([ODD, PLAIN, ODD])
        assert memory.keep_set([PLAIN, ODD]) == digest
        assert memory.keep_set([]) == memory.recipe("") == memory.recipe(digest) == ""
        decide_texts(connection, opened(home, listed), [TextDecision(text_id(ODD), "remove")], by=DECIDER)
        later = TextMemory(connection)
        assert later.replacements == {ODD: ""}
        assert later.recipe(digest) not in {"", later.recipe(memory.keep_set([PLAIN]))}


def run(home, *arguments):
    return CliRunner().invoke(edge, ["texts", *map(str, arguments), "--home", str(home.path)])


def test_the_command_lists_exports_and_decides(home, listed, tmp_path):
    shown = run(home, listed)
    assert shown.exit_code == 0
    assert f"{text_id(ODD)}  SeriesDescription  ×2  {ODD}  [? Zwinglified]" in shown.output
    table = tmp_path / "texts.csv"
    assert run(home, listed, "--export", table).exit_code == 0
    table.write_text(table.read_text("utf-8").replace(f"{text_id(ODD)},", f"{text_id(ODD)},remove", 1), "utf-8")

    decided = run(home, listed, "--decide", table, "--keep", text_id(PLAIN), "--by", DECIDER, "--json")

    assert json.loads(decided.output)["decided"] == 2
    assert not {ODD, PLAIN} & {each["value"] for each in json.loads(run(home, listed, "--json").output)}
    everything = {each["value"]: each["verdict"] for each in json.loads(run(home, listed, "--json", "--all").output)}
    assert (everything[ODD], everything[PLAIN], everything["prone"]) == ("remove", "keep", "")


def test_the_command_replaces_and_keeps_harmless_ones(home, listed):
    assert run(home, listed, "--replace", text_id(ODD), "axial", "--keep-harmless", "--by", DECIDER).exit_code == 0

    assert by_value(home, listed)[ODD].replacement == "axial"
    assert by_value(home, listed)[PLAIN].verdict == "keep"


def test_the_command_wants_a_verdict_in_its_table(home, listed, tmp_path):
    run(home, listed, "--export", tmp_path / "t.csv")

    answer = run(home, listed, "--decide", tmp_path / "t.csv", "--by", DECIDER)

    assert isinstance(answer.exception, RadCommonsError) or answer.exit_code
    assert not any(text.verdict for text in read_texts(home, listed))


def test_the_page_marks_unknown_words_escapes_all_others_and_folds_decided_ones_away():
    texts = (
        ReviewedText("a1", "axial <b>Zwinglified</b>", ("SeriesDescription",), 2, ("Zwinglified",)),
        ReviewedText("b2", PLAIN, ("",), 1),
        ReviewedText(
            "c3", "film", ("ProtocolName",), 1, (), "replace", "picture & more", DECIDER, "2026-01-02T00:00:00+00:00"
        ),
    )
    page = texts_section(texts)

    assert "axial &lt;b&gt;<mark>Zwinglified</mark>&lt;/b&gt;" in page
    assert "2 texts to decide, 1 of them with unknown words; 1 text decided before." in page
    assert "private attribute" in page
    assert "<form" not in page
    folded = page[page.index("<details>") :]
    assert "replaced: picture &amp; more" in folded
    assert DECIDER in folded
    assert texts_section(()) == "<p>None.</p>"


def shown_on(home, texts, **query):
    return texts_html(Sitting(home, "t", "Dr Example"), texts, query=TextQuery.of(query))


def ids_on(page):
    return re.findall(r'<tr tabindex="-1" id="t-(\w+)"', page)


class TestServedTexts:
    """The page of texts: one decision each, numbers, filters, pages, all in the address."""

    TEXTS = (
        ReviewedText("a1", ODD, ("SeriesDescription",), 2, ("Zwinglified",)),
        *(ReviewedText(f"b{number}", f"{PLAIN} {number}", ("ProtocolName",), 1) for number in range(150)),
        ReviewedText(
            "c1", "gone", ("ProtocolName",), 1, ("gone",), "remove", "", "Dr Other", "2026-01-02T10:00:00+00:00"
        ),
    )

    def test_each_text_has_one_decision_and_every_list_its_number(self, home):
        page = shown_on(home, self.TEXTS)

        assert page.count('name="verdict.a1"') == 3
        assert "1 of 152 texts decided" in page
        assert re.findall(r'<span class="n">([0-9,]+)</span>', page) == ["151", "1", "150", "1", "152"]
        assert "<mark>Zwinglified</mark>" in page
        assert 'name="at" value="2026-01-02T10:00:00+00:00"' in page

    def test_pages_neither_overlap_nor_miss_whatever_is_decided_meanwhile(self, home):
        seen, query, texts = [], {}, list(self.TEXTS)
        while True:
            page = shown_on(home, texts, **query)
            seen += ids_on(page)
            following = re.search(r'href="/texts\?after=(\w+)" rel="next"', page)
            if following is None:
                break
            query = {"after": following[1]}
            # Everything of this page is decided before the next is opened.
            texts = [
                replace(each, verdict="keep", decided_at="2026-01-03T10:00:00+00:00") if each.text_id in seen else each
                for each in texts
            ]

        assert (len(seen), len(set(seen)), "c1" in seen) == (151, 151, False)

    def test_filters_stand_in_the_address(self, home):
        assert ids_on(shown_on(home, self.TEXTS, show="unknown")) == ["a1"]
        assert ids_on(shown_on(home, self.TEXTS, show="decided")) == ["c1"]
        assert ids_on(shown_on(home, self.TEXTS, text="LUNG 14")) == ["b14", *(f"b14{digit}" for digit in range(10))]
        assert len(ids_on(shown_on(home, self.TEXTS, show="all", attribute="ProtocolName"))) == TEXTS_A_PAGE
        assert 'formaction="/keep-imaging"' in shown_on(home, self.TEXTS, show="imaging")
        assert 'formaction="/keep-imaging"' not in shown_on(home, self.TEXTS)

    def test_the_end_says_what_is_next(self, home):
        assert "All 1 text decided" in shown_on(home, self.TEXTS[-1:])
        assert "151 texts elsewhere to decide" in shown_on(home, self.TEXTS, text="nowhere")
        assert "No text stays in a header" in shown_on(home, ())


def test_the_served_page_takes_decisions_takes_them_back_and_makes_anew(home, made):
    server = ReviewServer(home, made)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    form = {"token": server.token, "by": DECIDER, "back": "show=all"}

    def until(wanted):
        ends_at = time.monotonic() + 60
        while descriptions(made) != wanted and time.monotonic() < ends_at:
            time.sleep(0.1)
        return descriptions(made)

    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", follow_redirects=True, timeout=120) as client:
            client.get("/", params={"token": server.token})
            page = client.get("/texts").text
            answer = client.post("/texts", data={**form, f"verdict.{text_id(ODD)}": "remove"})
            removed = until(["", "", "", PLAIN])
            at = re.search(r'name="at" value="([^"]+)"', answer.text)[1]
            stale = client.post("/undo-texts", data={**form, "at": "2020-01-01T00:00:00+00:00"})
            back = client.post("/undo-texts", data={**form, "at": at})
            again = until([ODD, ODD, ODD, PLAIN])
            kept = client.post("/keep-imaging", data=form)
            nameless = client.post("/texts", data={**form, "by": " ", f"verdict.{text_id(ODD)}": "keep"})
    finally:
        server.stop()
        thread.join()

    assert f'name="verdict.{text_id(PLAIN)}"' in page
    assert ("1 decision about texts recorded" in answer.text, "3 objects are made anew" in answer.text) == (True, True)
    assert f'name="open.{text_id(ODD)}"' in answer.text
    assert (removed, again) == (["", "", "", PLAIN], [ODD, ODD, ODD, PLAIN])
    assert (stale.status_code, nameless.status_code) == (404, 409)
    assert "1 decision about texts taken back" in back.text
    found = by_value(home, made)
    assert (found[ODD].verdict, found[PLAIN].verdict, found[PLAIN].decided_by) == ("", "keep", DECIDER)
    assert "decisions about texts recorded" in kept.text


def test_fields_of_a_form_become_decisions():
    form = {
        "by": "x",
        "verdict.a1": "keep",
        "words.a1": "",
        "verdict.b2": "replace",
        "words.b2": "new",
        "words.c3": "idle",
    }
    found = decisions_of({**form, "open.e5": "yes"})
    assert set(found) == {
        TextDecision("a1", "keep"),
        TextDecision("b2", "replace", "new"),
        TextDecision("e5", "open"),
    }
