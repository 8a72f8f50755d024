"""Whether what was read is evidence enough to blacken a place: anatomy is never lost because it resembles a letter.

What is not waits for a person, and is not blackened before that person says so.
"""

from radcommons.deid.pixels.sightings import Sighting

_SURE, _READABLE, _CERTAIN, _BEYOND_DOUBT = 0.75, 0.5, 0.9, 0.95
_WORD_LENGTH = 3
# How much of a line each character can fill, in its thickness: one is hardly wider than high.
_WIDEST_CHARACTER, _WIDEST_LETTER = 1.25, 2.0
# What a box may be longer than its characters, in its thickness; how thick, of the picture's shorter side, one may be at most
# that is longer still because the rest of the line was not read, or that holds a letter or two; and from which on nobody writes.
_ENDS, _THIN, _HUGE = 2.0, 0.12, 0.25


def is_evident(sighting: Sighting, *, short_side: int) -> bool:
    """Whether a sighting is surely writing and little else, in a picture of which the shorter side has so many pixels.

    A thick box much longer than what was read in it is not: tissue goes on from that. Nor is a letter or two as large as
    anatomy, unless read beyond doubt: vertebrae, one above the other, are read as figures; so are the halves of a brain,
    and what is as large as those has to be surely read however much it is.
    """
    thickness, length = sorted((sighting.box.width, sighting.box.height))
    text = _characters(sighting)
    is_word = sum(map(str.isalnum, text)) >= _WORD_LENGTH or sighting.confidence >= _BEYOND_DOUBT
    is_filled = length <= thickness * (len(text) + _ENDS)
    is_huge = thickness > _HUGE * short_side
    is_sure = is_word and is_filled and (not is_huge or sighting.confidence >= _SURE)
    return is_read(sighting) and (thickness <= _THIN * short_side or is_sure)


def is_read(sighting: Sighting) -> bool:
    """Whether a sighting is surely writing.

    A line surely read is; so is a word read well enough when the box holds no more than its characters can fill. A bone, a
    rib or a whole leg is read as a letter now and then: one letter in a long box is nothing, and what leans, is as large as
    anatomy or runs into it (``is_cut``), or may be noise (``is_noise``), has to be letters read beyond doubt.
    """
    text = _characters(sighting)
    letters = sum(character.isalnum() for character in text)
    thickness, length = sorted((sighting.box.width, sighting.box.height))
    if sighting.is_cut or sighting.is_noise:
        return letters > 1 and sighting.confidence >= _CERTAIN
    if letters <= 1:
        return letters == 1 and sighting.confidence >= _SURE and length <= _WIDEST_LETTER * thickness
    if sighting.confidence >= _SURE:
        return True
    is_filled = length <= _WIDEST_CHARACTER * thickness * len(text)
    return letters >= _WORD_LENGTH and sighting.confidence >= _READABLE and is_filled


def _characters(sighting: Sighting) -> str:
    return "".join(sighting.text.split())
