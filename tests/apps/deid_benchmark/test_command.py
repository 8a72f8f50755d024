"""The command: make, score with exit codes and reports, run."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.benchmark_objects import Trial

from radcommons.apps.cli import radcommons
from radcommons.apps.deid_benchmark.contest import (
    OURS,
    TOOLS,
    UNTOUCHED,
    Contestant,
    RunOptions,
    is_installed,
    run_contest,
)
from radcommons.apps.deid_benchmark.key import FILES_FOLDER, Action, Check
from radcommons.apps.deid_benchmark.report import (
    BEGIN,
    END,
    report_html,
    report_markdown,
    table_markdown,
    write_into_page,
)
from radcommons.apps.deid_benchmark.scoring.score import Tally

PAGE = Path(__file__).parents[3] / "docs" / "deid-benchmark.md"


def call(*words):
    return CliRunner().invoke(radcommons, ["deid-benchmark", *map(str, words)])


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """Our own engine and an untouched copy, on a small set."""
    work = tmp_path_factory.mktemp("contest") / "work"
    return {each.tool: each for each in run_contest(work, RunOptions(seed=11, objects=14, tools=(OURS, UNTOUCHED)))}


def test_make_tells_what_it_made(tmp_path):
    answer = call("make", tmp_path / "set", "--objects", 2, "--seed", 9, "--json")

    made = json.loads(answer.output)
    assert answer.exit_code == 0
    assert made["objects"] == 3
    assert made["checks"] > 300
    assert (tmp_path / "set" / "midi_b" / "answer_key.db").is_file()


def test_score_exits_with_1_on_leaks_and_names_their_places(small_set, tmp_path):
    answer = call(
        "score", small_set, small_set / FILES_FOLDER, "--report", tmp_path / "report.html", "--maps", tmp_path / "maps"
    )

    page = (tmp_path / "report.html").read_text("utf-8")
    assert answer.exit_code == 1
    assert re.match(r"# \d{4,} leaks in 13 of 13 objects", answer.output)
    assert "PatientName" in page
    assert page.count("<tr>") > 1000
    assert (tmp_path / "maps" / "uid_map.csv").read_text().startswith("id_old,id_new\n")
    assert (tmp_path / "maps" / "patient_map.csv").is_file()


def test_score_exits_with_0_when_nothing_leaked(tmp_path):
    trial = Trial(tmp_path)
    trial.plant(
        {"PatientName": "Okonjo"},
        Check(Action.TEXT_REMOVED, "header", "name", "PatientName", "Okonjo", "Okonjo", is_searchable=True),
    )
    trial.give({"PatientName": "X"})
    trial.key.write(tmp_path / "answer_key.json")

    answer = call("score", tmp_path / "answer_key.json", trial.output, "--files", trial.originals, "--json")

    assert answer.exit_code == 0
    assert json.loads(answer.output)["leak_count"] == 0


def test_markup_in_what_a_tool_wrote_stays_text(tmp_path):
    trial = Trial(tmp_path)
    secret = "<script>alert(1)</script>|Okonjo"
    trial.plant(
        {"PatientName": secret},
        Check(Action.TEXT_REMOVED, "header", "name", "PatientName", secret, secret, is_searchable=True),
    )
    trial.give({"PatientName": secret})

    score = trial.score()

    assert "<script>" not in report_html(score)
    assert "\\|Okonjo" in report_markdown(score)


def test_the_table_has_a_column_for_each_tool(ours):
    table = table_markdown(list(ours.values()))
    head, _, first = table.splitlines()[:3]

    assert OURS in head
    assert UNTOUCHED in head
    assert first.startswith("| **leaks** |")
    assert len({line.count("|") for line in table.splitlines() if line.startswith("|")}) == 1
    assert "profile of the benchmark" in table


def test_a_share_is_rounded_down_so_that_100_means_all(ours):
    score = replace(ours[UNTOUCHED].score, actions={Action.TAG_RETAINED: Tally(99999, 100000)})

    assert "| tag_retained, % | 99.99 |" in table_markdown([replace(ours[UNTOUCHED], score=score)])


def test_a_page_is_renewed_between_its_marks_only(ours, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")
    write_into_page(page, list(ours.values()))
    text = page.read_text("utf-8")

    assert text.startswith(f"before\n{BEGIN}\n\n| ")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    page.write_text("no marks", "utf-8")
    with pytest.raises(ValueError, match="needs the lines"):
        write_into_page(page, list(ours.values()))


def test_a_result_can_be_written_as_json(ours):
    told = json.loads(json.dumps(ours[OURS].to_json()))

    assert told["tool"] == OURS
    assert told["score"]["objects"] == 15


def test_our_engine_leaks_nothing_on_a_fresh_set(ours):
    score = ours[OURS].score
    told = [(leak.object_kind, leak.slot, leak.planted_at, leak.found_at) for leak in score.leaks]

    assert told == []
    assert score.missing == []


LEAST_SHARE = 0.9995


def test_our_engine_does_nearly_every_action(ours):
    score = ours[OURS].score
    told = [(failure.action, failure.object_kind, failure.path) for failure in score.failures]

    assert score.all_actions.share >= LEAST_SHARE, told


def test_our_engine_answers_the_stricter_questions(ours):
    score = ours[OURS].score
    told = [(failure.action, failure.object_kind, failure.path) for failure in score.failures]

    assert {name: tally.share for name, tally in score.stricter.items()} == dict.fromkeys(score.stricter, 1.0), told
    assert len(score.stricter) == 5
    assert score.pixels_outside.share == score.markers.share == 1


def test_an_untouched_copy_is_the_other_end_of_the_scale(ours):
    score = ours[UNTOUCHED].score

    assert len(score.leaks) > 1000
    assert score.retention.share == 1
    assert score.stricter["idempotent"].share == 1


def test_the_committed_page_compares_all_tools_and_ours_leaks_nothing():
    text = PAGE.read_text("utf-8")
    table = text.partition(BEGIN)[2].partition(END)[0]
    rows = {
        cells[0]: cells[1:]
        for line in table.splitlines()
        if line.startswith("| ")
        for cells in [line.strip("| ").split(" | ")]
    }
    ours_leaks, *others = (int(cell.strip("*")) for cell in rows["**leaks**"])

    assert "radcommons deid-benchmark run" in text
    assert ours_leaks == 0 < min(others)
    assert float(rows["**all ten actions, %**"][0].strip("*")) >= LEAST_SHARE * 100
    assert len(others) == len(TOOLS)


def test_a_tool_that_is_not_installed_is_left_out():
    assert not is_installed(Contestant("no-such-package-anywhere", "", lambda *_: None))
    assert is_installed(TOOLS[UNTOUCHED])


@pytest.mark.parametrize("tool", sorted(set(TOOLS) - {UNTOUCHED}))
def test_other_tools_are_run_and_scored(tool, tmp_path):
    results = run_contest(tmp_path / "work", RunOptions(objects=3, tools=(tool,)))

    assert [each.tool for each in results] == [tool]
    assert results[0].score.found >= 1
    assert results[0].version


def test_run_prints_the_table(tmp_path):
    answer = call("run", tmp_path / "work", "--objects", 2, "--tool", UNTOUCHED)

    assert answer.exit_code == 0
    assert "| **leaks** |" in answer.output
