"""Scores as pages: one tool in detail, several in one table. Every identifier named here is an invented one."""

import html
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from radcommons.apps.deid_benchmark.contest import Result
from radcommons.apps.deid_benchmark.key import Action
from radcommons.apps.deid_benchmark.scoring.score import Score, Tally
from radcommons.apps.deid_benchmark.scoring.stricter import QUESTIONS

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
_ALL = 10**9
_FAILURES_SHOWN = 60


def report_markdown(score: Score, *, most_leaks: int = _ALL) -> str:
    """One tool's score as Markdown: leaks with their places first, then what was kept."""
    return "\n".join(_lines(score, most_leaks)) + "\n"


def _lines(score: Score, most_leaks: int) -> Iterator[str]:
    yield f"# {len(score.leaks)} leaks in {score.found} of {score.objects} objects"
    yield ""
    refused, missing = len(score.refused), len(score.missing)
    yield f"Left out as they may be: {refused}. Missing: {missing}. Files that came of no object: {len(score.unexpected)}."
    yield f"Unreadable files: {len(score.unreadable)}. Successors found by: {_counts(score.matched_by) or 'none'}."
    yield ""
    yield from _leak_table(score, most_leaks)
    yield "## Actions"
    yield ""
    yield from _tallies({**score.actions, "all ten": score.all_actions, "of them: kept": score.retention})
    yield "## Stricter"
    yield ""
    pixels = {"pixels_outside_kept": score.pixels_outside, "markers_kept": score.markers}
    yield from _tallies({**{name: score.stricter[name] for name in QUESTIONS if name in score.stricter}, **pixels})
    if score.failures:
        yield "## What else did not pass"
        yield ""
        yield from _failure_table(score)


def _leak_table(score: Score, most: int) -> Iterator[str]:
    if not score.leaks:
        return
    yield "## Leaks"
    yield ""
    yield f"By slot: {_counts(Counter(leak.slot for leak in score.leaks))}."
    yield ""
    yield "| object | slot | kind | planted at | found at | what | file |"
    yield "|---|---|---|---|---|---|---|"
    for leak in score.leaks[:most]:
        cells = (leak.object_kind, leak.slot, leak.kind, leak.planted_at, leak.found_at, leak.text, leak.file)
        yield "| " + " | ".join(_cell(cell) for cell in cells) + " |"
    if len(score.leaks) > most:
        yield ""
        yield f"… and {len(score.leaks) - most} more."
    yield ""


def _failure_table(score: Score) -> Iterator[str]:
    counted = Counter((each.action, each.slot, each.path.rpartition(".")[2]) for each in score.failures)
    yield "| action | slot | attribute | times |"
    yield "|---|---|---|---:|"
    for (action, slot, path), times in counted.most_common(_FAILURES_SHOWN):
        yield f"| {action} | {slot} | {_cell(path)} | {times} |"
    yield ""


def _tallies(tallies: dict[str, Tally]) -> Iterator[str]:
    yield "| action | passed | of | % |"
    yield "|---|---:|---:|---:|"
    for name, tally in tallies.items():
        yield f"| {name} | {tally.passed} | {tally.total} | {_percent(tally)} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("\r", " ")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _percent(tally: Tally) -> str:
    """Percent, rounded down, so that 100.00 means all."""
    if not tally.total:
        return "–"
    return f"{int(tally.share * 10000) / 100:.2f}"


def table_markdown(results: Sequence[Result]) -> str:
    """Several tools in one table, one column each."""
    rows: list[list[str]] = [["", *(f"{each.tool} {each.version}".strip() for each in results)]]
    scores = [each.score for each in results]

    def row(title: str, cells: Iterator[object]) -> None:
        rows.append([title, *map(str, cells)])

    row("**leaks**", (f"**{len(score.leaks)}**" for score in scores))
    row("objects out, of those that must come", (_out(score) for score in scores))
    row("left out as they may be", (len(score.refused) for score in scores))
    row("**all ten actions, %**", (f"**{_percent(score.all_actions)}**" for score in scores))
    row("… of objects that came out, %", (_percent(score.given_out) for score in scores))
    row("kept what must stay, %", (_percent(score.retention) for score in scores))
    for action in Action:
        row(f"{action.value}, %", (_percent(score.actions.get(action, Tally())) for score in scores))
    for question in QUESTIONS:
        row(f"{question}, %", (_percent(score.stricter.get(question, Tally())) for score in scores))
    row("pixels outside writing kept, %", (_percent(score.pixels_outside) for score in scores))
    row("seconds for the set", (f"{each.seconds:.0f}" for each in results))
    lines = ["| " + " | ".join(cells) + " |" for cells in rows]
    lines.insert(1, "|---" + "|---:" * len(results) + "|")
    lines += ["", *(f"- {each.tool}: {each.settings}." for each in results)]
    return "\n".join(lines)


def _out(score: Score) -> str:
    due = score.objects - len(score.refused)
    return f"{due - len(score.missing)} of {due}"


def write_into_page(page: Path, results: Sequence[Result]) -> None:
    """Replace the table between the two marks of a page.

    Raises
    ------
    ValueError
        When the page has no marks.
    """
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The page needs the lines {BEGIN} and {END}.")
    page.write_text(f"{before}{BEGIN}\n\n{table_markdown(results)}\n\n{END}{after}", "utf-8")


def report_html(score: Score) -> str:
    """One tool's score as a page that needs nothing else."""
    body = "\n".join(_html(line) for line in _lines(score, _ALL))
    style = "body{font:15px/1.5 sans-serif;margin:2rem}td,th{border:1px solid #999;padding:.1rem .5rem;text-align:left}table{border-collapse:collapse}"
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>De-identification score</title><style>{style}</style>\n{body}</table></html>\n'


def _html(line: str) -> str:
    text = html.escape(line)
    if line.startswith("#"):
        level = len(line) - len(line.lstrip("#"))
        return f"</table><h{level}>{text.lstrip('# ')}</h{level}><table>"
    if line.startswith("|---"):
        return ""
    if line.startswith("|"):
        cells = text.replace("\\|", "&#124;").strip("| ").split(" | ")
        return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    return f"</table><p>{text}</p><table>" if text else ""
