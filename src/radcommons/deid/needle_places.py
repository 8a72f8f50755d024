"""Whether the letters of an identifier that stand in a text really are it: what is around them, and between them, decides."""

from collections.abc import Sequence

from radcommons.deid.folding import FoldedText, is_east_asian, listed
from radcommons.deid.needles import Gap, Needle
from radcommons.deid.vocabulary import vocabulary

_LONGEST_GAP = 3
_SHORT_NAME_LENGTH = 3
_LEAST_WITH_GENITIVE = 5
# What the Slavic languages put behind a name, folded, beside the s of others.
_CASE_ENDINGS = listed("a u owi em iem om ovi ovo а у е ы и ю я ом ым ем ой ей")
_LONGEST_ENDING = 3
# Beginnings of names that are also written as a word of their own: Mc Donald.
_GAELIC = listed("mc mac")
# What short names are beside a number: units of measurement.
_UNITS = listed("ma mas kv ng mg ml mm cm dl pg mo min sec ms hz mhz gy sv hu mgy yo fr ga to al")


class Place:
    """A place in a text where the letters of a needle stand; whether they really are it depends on what is around."""

    def __init__(self, text: str, folded: FoldedText, places: Sequence[int], position: int) -> None:
        self._text = text
        self._folded = folded
        self._places = places
        self._position = position

    def span(self, needle: Needle) -> tuple[int, int] | None:
        """The span in the folded text, or none."""
        places = self._places[self._position : self._position + len(needle.text)]
        first, last = places[0], places[-1]
        if not self._are_gaps_allowed(needle, places):
            return None
        if is_east_asian(needle.text):
            return first, last + 1
        if needle.is_number:
            while first and self._folded.text[first - 1] == "0":
                first -= 1
        if self._is_bounded(first, last):
            return None if self._is_word_after_all(needle, first, last) else (first, last + 1)
        if len(needle.text) >= _LEAST_WITH_GENITIVE and (length := self._case_ending(first, last, needle)):
            return first, last + 1 + length
        is_inside = needle.is_embedded and not self._has_initial_of_word(places)
        return self._around(first, last) if is_inside else None

    def _has_initial_of_word(self, places: Sequence[int]) -> bool:
        """Whether an initial at either end, apart from the name, is only a letter of the word there: ``CT Doe`` of T. Doe."""
        text = self._folded.text
        begins = places[1] - places[0] > 1 and text[places[0] - 1 : places[0]].isalpha()
        return begins or (places[-1] - places[-2] > 1 and text[places[-1] + 1 : places[-1] + 2].isalpha())

    def _are_gaps_allowed(self, needle: Needle, places: Sequence[int]) -> bool:
        length = len(needle.text)
        if places[-1] - places[0] == length - 1:
            return needle.gap is Gap.ANY
        gaps = {index: places[index] - places[index - 1] - 1 for index in range(1, length)}
        gaps = {index: width for index, width in gaps.items() if width and not self._is_apostrophe(places[index] - 1)}
        if not gaps:
            return needle.gap is Gap.ANY
        if needle.is_number:
            if len(gaps) == length - 1 and set(gaps.values()) == {1}:
                return True
            # A single point or comma makes another number of it.
            is_decimal = len(gaps) == 1 and self._folded.text[places[next(iter(gaps))] - 1] in ".,"
            return max(gaps.values()) == 1 and len(gaps) <= max(2, length // 2) and not is_decimal
        if gaps.keys() <= needle.joints and max(gaps.values()) <= _LONGEST_GAP:
            between = "".join(self._folded.text[places[index - 1] + 1 : places[index]] for index in gaps)
            between += self._folded.text[places[-1] + 1 : places[-1] + 2]
            return needle.gap is not Gap.PUNCTUATION or any(mark in between for mark in ".,^")
        if self._is_broken(needle, places, gaps):
            return True
        # Letters that are all set apart: D O E, D.O.E.
        return length >= _SHORT_NAME_LENGTH and len(gaps) == length - 1 and set(gaps.values()) == {1}

    def _is_broken(self, needle: Needle, places: Sequence[int], gaps: dict[int, int]) -> bool:
        """Whether a long name is only broken by a hyphen, a point or the end of a line: Quixo-tesen; two words are none."""
        if not needle.is_embedded or needle.joints or len(gaps) > 1 or not self._is_bounded(places[0], places[-1]):
            return False
        (index, width), *_ = gaps.items()
        pieces = (needle.text[:index], needle.text[index:])
        return width <= _LONGEST_GAP and not any(
            len(piece) > 1 and piece in vocabulary() and piece not in _GAELIC for piece in pieces
        )

    def _is_apostrophe(self, place: int) -> bool:
        return self._folded.text[place] in "'’`´"

    def _is_bounded(self, first: int, last: int) -> bool:
        text = self._folded.text
        before, after = text[first - 1 : first], text[last + 1 : last + 2]
        if text[first].isalpha():
            is_free = not before.isalpha() or self._is_hump(first)
        else:
            is_free = not before.isdigit() and not (before in {".", ","} and self._is_decimal(first - 1))
        if text[last].isalpha():
            return is_free and (not after.isalpha() or self._is_hump(last + 1))
        return is_free and not after.isdigit() and not (after == "." and self._is_decimal(last + 1))

    def _case_ending(self, first: int, last: int, needle: Needle) -> int:
        """How many letters of a declension follow a name: Müllers, Новаку, Nowakiem; none where they make a known word of it."""
        text, end = self._folded.text, last + 1
        rest = _leading_letters(text[end : end + _LONGEST_ENDING + 1])
        is_ending = rest == "s" or (needle.is_distinct and not needle.joints and rest in _CASE_ENDINGS)
        is_name = is_ending and text[last].isalpha() and text[first:end] + rest not in vocabulary()
        return len(rest) if is_name and self._is_bounded(first, last + len(rest)) else 0

    def _is_decimal(self, place: int) -> bool:
        """Whether a point between digits is that of a decimal number, and not of a row of numbers like a UID."""
        text = self._folded.text
        if not (text[place - 1 : place].isdigit() and text[place + 1 : place + 2].isdigit()):
            return False
        start, end = place, place + 1
        while start and (text[start - 1].isdigit() or text[start - 1] == text[place]):
            start -= 1
        while end < len(text) and (text[end].isdigit() or text[end] == text[place]):
            end += 1
        # Spreadsheets write whole numbers with a fraction of nothing: 441723.0.
        return text.count(text[place], start, end) == 1 and bool(text[place + 1 : end].strip("0"))

    def _is_hump(self, place: int) -> bool:
        """Whether a capital begins a new word within letters: ``ChestDoe``."""
        here, before = self._folded.origins[place], self._folded.origins[place - 1]
        return self._text[here].isupper() and self._text[before].islower()

    def _is_word_after_all(self, needle: Needle, first: int, last: int) -> bool:
        """Whether a short name is a unit beside its number, or the beginning of a known word with a hyphen."""
        if len(needle.text) > _SHORT_NAME_LENGTH or needle.joints:
            return False
        text = self._folded.text
        if needle.text in _UNITS and text[:first].rstrip(" ")[-1:].isdigit():
            return True
        rest = text[last + 1 :]
        joined = rest[:1] == "-" and _leading_letters(rest[1:])
        return bool(joined) and needle.text + str(joined) in vocabulary()

    def _around(self, first: int, last: int) -> tuple[int, int] | None:
        """What goes when a name stands inside a longer word: all of it, unless the rest is known words."""
        text = self._folded.text
        start, end = first, last + 1
        while start and text[start - 1].isalpha():
            start -= 1
        while end < len(text) and text[end].isalpha():
            end += 1
        if text[start:end] in vocabulary():
            return None
        rests = (text[start:first], text[last + 1 : end])
        return (first, last + 1) if all(not rest or _is_word(rest) for rest in rests) else (start, end)


def _is_word(rest: str) -> bool:
    return len(rest) >= _SHORT_NAME_LENGTH and rest in vocabulary()


def _leading_letters(text: str) -> str:
    end = 0
    while end < len(text) and text[end].isalpha():
        end += 1
    return text[:end]
