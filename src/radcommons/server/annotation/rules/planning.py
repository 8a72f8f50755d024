"""Who reads which case, and in which order: balanced, seeded, computed again at any time from the same values.

Readers are given their tasks when reading starts, not one by one as they finish: what a reader gets next must not depend
on what another has done.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from radcommons.server.annotation.rules.lots import Lot
from radcommons.server.annotation.rules.states import Phase

FIRST, REPEAT = 1, 2
_PHASES = list(Phase)


@dataclass(frozen=True, slots=True)
class CaseToPlan:
    """A case by its number, and what it is for."""

    case_id: int
    phase: Phase


@dataclass(frozen=True, slots=True)
class Plan:
    """How a project wants its cases read.

    Parameters
    ----------
    readers_per_case
        How many readers a case of the overlapping part gets.
    overlap_share
        Share (0 to 1) of the main cases that several readers get; one reader gets each of the others.
    repeat_share
        Share (0 to 1) of a reader's main cases that the same reader gets again, unannounced.
    seed
        Of everything that is drawn by lot.
    """

    readers_per_case: int
    overlap_share: float
    repeat_share: float
    seed: int


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """One read: which case, which reader (by pseudonym), the first time or a repeat, and where in the reader's list."""

    case_id: int
    reader: str
    phase: Phase
    occasion: int
    position: int


def plan_tasks(cases: Sequence[CaseToPlan], readers: Sequence[str], plan: Plan) -> tuple[PlannedTask, ...]:
    """Give every case its readers and every reader an order.

    Training and pilot cases go to all readers; of the main cases the overlapping share goes to ``readers_per_case`` of
    them, chosen so that loads and pairs of readers stay balanced (loads differ by at most one where all cases need the
    same number).
    """
    given: dict[str, list[CaseToPlan]] = {reader: [] for reader in readers}
    for case in cases:
        if case.phase is not Phase.MAIN:
            for reader in readers:
                given[reader].append(case)
    for case, chosen in _dealt(cases, readers, plan):
        for reader in chosen:
            given[reader].append(case)
    return tuple(task for reader in readers for task in _ordered(reader, given[reader], plan))


def _dealt(
    cases: Sequence[CaseToPlan], readers: Sequence[str], plan: Plan
) -> Sequence[tuple[CaseToPlan, tuple[str, ...]]]:
    lot = Lot(f"{plan.seed}/cases")
    main = sorted((case for case in cases if case.phase is Phase.MAIN), key=lambda case: case.case_id)
    lot.shuffle(main)
    overlapping = round(plan.overlap_share * len(main))
    loads: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    dealt = []
    for index, case in enumerate(main):
        wanted = min(plan.readers_per_case if index < overlapping else 1, len(readers))
        chosen: list[str] = []
        while len(chosen) < wanted:
            left = [reader for reader in readers if reader not in chosen]
            lot.shuffle(left)
            chosen.append(min(left, key=lambda reader: (loads[reader], _met(reader, chosen, pairs))))
        loads.update(chosen)
        pairs.update(combinations(sorted(chosen), 2))
        dealt.append((case, tuple(chosen)))
    return dealt


def _met(reader: str, others: Sequence[str], pairs: Counter[tuple[str, str]]) -> int:
    """How often a reader has been paired with others."""
    return sum(pairs[(min(reader, other), max(reader, other))] for other in others)


def _ordered(reader: str, cases: Sequence[CaseToPlan], plan: Plan) -> Sequence[PlannedTask]:
    """A reader's list: training, pilot, main in an order of their own; repeats lie in the second half, after the first read."""
    lot = Lot(f"{plan.seed}/{reader}")
    entries: list[tuple[CaseToPlan, int]] = []
    for phase in _PHASES:
        own = sorted((case for case in cases if case.phase is phase), key=lambda case: case.case_id)
        lot.shuffle(own)
        part = [(case, FIRST) for case in own]
        if phase is Phase.MAIN:
            again = lot.sample(own, round(plan.repeat_share * len(own)))
            for case in again:
                earliest = max(part.index((case, FIRST)) + 1, len(part) // 2)
                part.insert(lot.between(earliest, len(part)), (case, REPEAT))
        entries += part
    return [
        PlannedTask(case.case_id, reader, case.phase, occasion, position)
        for position, (case, occasion) in enumerate(entries, start=1)
    ]


@dataclass(frozen=True, slots=True)
class ListedTask:
    """A read of somebody's list that is not begun: a repeat that must wait, or a first read that has no repeat."""

    key: str
    position: int
    is_waiting_repeat: bool


def held_back(tasks: Sequence[ListedTask]) -> frozenset[str]:
    """First reads that wait along with repeats, one for each, so that what comes later is no likelier to be a repeat.

    The companion of a repeat lies beside it in the list, before or after it as the random key of the repeat says, so that
    of the two neither always comes first.

    Parameters
    ----------
    tasks
        Repeats that must wait and first reads without a repeat, none of them begun.
    """
    free = sorted((task for task in tasks if not task.is_waiting_repeat), key=lambda task: task.position)
    held: set[str] = set()
    for repeat in sorted((task for task in tasks if task.is_waiting_repeat), key=lambda task: task.position):
        left = [task for task in free if task.key not in held]
        before = [task for task in reversed(left) if task.position < repeat.position]
        after = [task for task in left if task.position > repeat.position]
        ordered = [*before, *after] if int(repeat.key, 16) % 2 else [*after, *before]
        held.update(task.key for task in ordered[:1])
    return frozenset(held)


def next_reader(loads: Sequence[tuple[str, int]], *, seed: str) -> str:
    """Who takes over a read: of those with the least left to do one by lot.

    Parameters
    ----------
    loads
        Readers that may take it, with how much each has left; at least one.
    """
    least = min(load for _, load in loads)
    candidates = sorted(reader for reader, load in loads if load == least)
    return Lot(seed).choice(candidates)
