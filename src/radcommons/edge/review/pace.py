"""How fast somebody decides, and how long the rest will take at that pace."""

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from statistics import fmean

_LONGEST_THOUGHT_S = 300.0
_FEWEST_GAPS = 4
_MOST_MINUTES = 90


def seconds_a_decision(moments: Iterable[datetime]) -> float | None:
    """Mean time between decisions of one sitting, without breaks; ``None`` while too few were made to tell."""
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(sorted(moments))]
    gaps = [each for each in gaps if each <= _LONGEST_THOUGHT_S]
    return fmean(gaps) if len(gaps) >= _FEWEST_GAPS else None


def left_words(decisions: int, seconds: float | None) -> str:
    """What is left, in words; empty when nothing is left or the pace is not known."""
    if not decisions or seconds is None:
        return ""
    minutes = decisions * seconds / 60
    if minutes < 1:
        return "less than a minute left at your pace"
    if minutes < _MOST_MINUTES:
        return f"about {round(minutes)} min left at your pace"
    return f"about {round(minutes / 60)} h left at your pace"
