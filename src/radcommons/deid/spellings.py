"""How one identifier is written elsewhere: other order, initials, run together, taken apart, other date forms.

Every way is a :class:`~radcommons.deid.needles.Needle`: letters and digits only, as :meth:`~radcommons.deid.folding.FoldedText.squeezed` leaves
them, and where other characters may stand between them.
"""

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from itertools import pairwise

from radcommons.deid.folding import fold, is_east_asian, listed
from radcommons.deid.needles import Gap, Needle
from radcommons.deid.sounding import short_names_of
from radcommons.deid.transliteration import in_latin
from radcommons.deid.vocabulary import imaging_words, vocabulary

_MIN_DISTINCT_LENGTH = 4
_MIN_EMBEDDED_LENGTH = 6
_LEAST_CUT_SHORT = 7
_MIN_DIGITS = 5
_MIN_PHONE_DIGITS = 9
_SUBSCRIBER_DIGITS = 7
_MAX_NAME_PARTS = 6
_LOGIN_LENGTH = 7
_MIN_LOGIN_LENGTH = 3
_MIN_ACRONYM = 3
# A site's own coding scheme is named with these and, mostly, the beginning of its name: 99PFUL (PS3.16 8.2, 16 characters).
_PRIVATE_SCHEME, _LONGEST_SCHEME = "99", 14
_MIN_SURNAME = 4
_YEARS = range(1870, 2100)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_GAELIC = (("mac", "mc"), ("mc", "mac"))
_TITLES = listed(
    "dr prof professor doctor md mr mrs ms miss mister phd rn do pa np frcr fracr jr sr ii iii iv herr frau hr fr dipl med priv doz drs ir "
    "dott dottssa dra sra srta mme mlle monsieur madame docteur don dona rt ra bsc msc mbbs mba sir lady lord pd"
)
# Parts of names that are words of half the languages of Europe.
_PARTICLES = listed(
    "van von de der den het ten ter la le les l el al bin ibn abu ben bint di da do dos das del della dello du des d st ste saint san santa mc mac "
    "o y e zu zur zum af av und the of and for und et fur fuer"
)


# Short words of sentences; other short ones are searched for although some language has them.
_FUNCTION_WORDS = listed(
    "is in an to or no he she we us at by as on be if so up am pm are was has had can not but out one two all any and the der die das und mit von vor "
    "bei ein ist dem den les des une est sur par con sin por las los una per non che met van het een dos das uma com sem til og more than less with from over"
)
# What most hospitals are called, besides the word that is theirs.
_INSTITUTION_WORDS = listed(
    "hospital hospitals general university universitaets universitats medical medicine centre center clinic clinics klinik klinikum krankenhaus "
    "universitaetsklinikum hopital hopitaux ospedale ziekenhuis clinica clinique memorial regional national city county community children childrens "
    "women womens veterans health healthcare care system systems trust foundation institute institut instituto istituto department dept radiology "
    "radiologie radiologia imaging diagnostic cancer heart emergency north south east west northern southern eastern western central royal "
    "school college faculty group associates infirmary ambulatory outpatient of for"
)


@lru_cache(maxsize=4096)
def needles_of(identifier: str) -> tuple[Needle, ...]:
    """All ways to write an identifier; names have ``^`` between their components, dates are ``YYYYMMDD``."""
    found = _of_name(identifier) if is_name(identifier) else _of_value(identifier)
    return tuple(dict.fromkeys(needle for needle in found if len(needle.text) > 1))


def name_words_of(identifier: str) -> frozenset[str]:
    """The single parts of a name, those that are words of imaging too; none when the identifier is no name."""
    if not is_name(identifier):
        return frozenset()
    return frozenset(
        token
        for group in identifier.split("=")
        for spelled in _spelled(group)
        for token in _tokens(spelled)
        if len(token) > 1 and token not in _TITLES and token not in _PARTICLES
    )


def everyday_surnames_of(identifier: str) -> frozenset[str]:
    """The family names in a name that are words of some language as well, but none of imaging, folded."""
    if not is_name(identifier):
        return frozenset()
    # What is written without components may begin with either name.
    family = [part for group in identifier.split("=") for part in group.lstrip("^").split("^")[:1]]
    return frozenset(
        token
        for each in family
        for spelled in _spelled(each)
        for token in _name_tokens(spelled)
        if len(token) >= _MIN_SURNAME
        and token in vocabulary()
        and token not in imaging_words() | _PARTICLES | _FUNCTION_WORDS | _TITLES
    )


def is_name(identifier: str) -> bool:
    """Whether an identifier is a person's name (PS3.5 6.2.1)."""
    return "^" in identifier or "=" in identifier


def date_of(value: str) -> date | None:
    """The date that eight digits are, or none."""
    if len(value) != len("YYYYMMDD") or not value.isdecimal() or int(value[:4]) not in _YEARS:
        return None
    try:
        return date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        return None


def _tokens(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", fold(text).text)


def _joined(parts: tuple[str, ...], *, is_distinct: bool, gap: Gap = Gap.ANY, is_embedded: bool = False) -> Needle:
    """One needle of several parts, with joints between them and where letters meet digits."""
    text = "".join(parts)
    joints, place = set(), 0
    for part in parts[:-1]:
        place += len(part)
        joints.add(place)
    joints.update(place for place in range(1, len(text)) if text[place].isdigit() != text[place - 1].isdigit())
    return Needle(text, frozenset(joints), is_distinct=is_distinct, is_embedded=is_embedded, gap=gap)


# Names


def _spelled(group: str) -> dict[str, None]:
    """One group of a name as it is, with spelled-out umlauts, with umlauts for what was spelled out, in Latin letters."""
    plain = group.casefold()
    forms = [plain, plain.translate(_UMLAUTS)]
    forms.extend(re.sub(pair, pair[0], plain) for pair in ("ae", "oe", "ue", "aa", "ou", "uu", "oo") if pair in plain)
    forms.extend(re.sub(rf"\b{one}(?=[^\W\d_]{{3}})", other, plain) for one, other in _GAELIC if one in plain)
    forms.extend(in_latin(fold(plain).text))
    return dict.fromkeys(forms)


def _of_name(name: str) -> Iterator[Needle]:
    for group in name.split("="):
        for spelled in _spelled(group):
            components = [_name_tokens(part) for part in [*spelled.split("^"), "", "", ""][:3]]
            titles = [_name_tokens(part) for part in spelled.split("^")[3:]]
            for token in dict.fromkeys(token for part in [*components, *titles] for token in part):
                yield from _single(token)
                yield from _short_names(token)
            yield from _whole_names(*components)


def _name_tokens(component: str) -> tuple[str, ...]:
    tokens = _tokens(component.replace("'", "").replace("’", ""))
    apart = (
        [token for token in _tokens(component) if token not in tokens] if "'" in component or "’" in component else []
    )
    parts = [*tokens, *apart]
    # Do is a degree and a name.
    return tuple(token for token in parts if token not in _TITLES) or tuple(parts)


def _single(token: str) -> Iterator[Needle]:
    """A part of a name alone: not where it is a word of imaging, and short ones only where they are no word at all."""
    if is_east_asian(token):
        yield Needle(token)
    elif token in imaging_words() or token in _PARTICLES | _FUNCTION_WORDS or token.isdigit():
        return
    elif len(token) >= _MIN_DISTINCT_LENGTH:
        is_distinct = token not in vocabulary()
        yield Needle(token, is_distinct=is_distinct, is_embedded=is_distinct and len(token) >= _MIN_EMBEDDED_LENGTH)
        if is_distinct and len(token) > _MIN_DISTINCT_LENGTH and token[::-1] not in vocabulary():
            yield Needle(token[::-1])
        # As fields of a fixed length cut it short.
        for length in range(_LEAST_CUT_SHORT, len(token) if is_distinct else 0):
            if token[:length] not in vocabulary():
                yield Needle(token[:length])
    elif len(token) > 1:
        yield Needle(token, is_distinct=False)


def _short_names(token: str) -> Iterator[Needle]:
    """What people of a name are called as well, where it is no word."""
    for name in sorted(short_names_of(token) - vocabulary()):
        if name not in _FUNCTION_WORDS:
            yield Needle(name, is_distinct=False)


def _whole_names(family: tuple[str, ...], given: tuple[str, ...], middle: tuple[str, ...]) -> Iterator[Needle]:
    if not (given or middle) and len(family) > 1:
        # Written into one component, in an order nobody knows.
        yield from _whole_names(family[:1], family[1:], ())
        yield from _whole_names(family[1:], family[:1], ())
        return
    if not family and len(given) > 1:
        yield from _whole_names(given, (), ())
        return
    if len(family) > 1:
        yield from _whole(family)
    if len(given) > 1:
        yield from _whole(given)
    if len(family) + len(given) + len(middle) > _MAX_NAME_PARTS:
        return
    for last in dict.fromkeys((family, *((token,) for token in family if token not in _PARTICLES))):
        for first in dict.fromkeys((given, given[:1])):
            if last and first:
                yield from _orders(last, first, middle)


def _orders(family: tuple[str, ...], given: tuple[str, ...], middle: tuple[str, ...]) -> Iterator[Needle]:
    first, second = given[0][:1], middle[0][:1] if middle else ""
    for parts in ((*family, *given), (*given, *family)):
        yield from _whole(parts)
    if middle:
        for between in (middle, (second,)):
            yield from _whole((*family, *given, *between))
            yield from _whole((*given, *between, *family))
    if is_east_asian(first):
        return
    yield from _initials((*given, *middle), family)
    # Initials and login names: J. Doe, Doe J, jdoe, doej, jmdoe.
    for initials in dict.fromkeys(tuple(filter(None, each)) for each in ((first,), (first, second))):
        for parts in ((*initials, *family), (*family, *initials)):
            yield from _with_initials(parts, family)
    joined = "".join(family)
    if len(joined) > _LOGIN_LENGTH:
        for login in (first + joined[:_LOGIN_LENGTH], joined[:_LOGIN_LENGTH] + first):
            yield Needle(login)


def _initials(given: tuple[str, ...], family: tuple[str, ...]) -> Iterator[Needle]:
    """Initials with points, three at least: two are hours of the day and what not."""
    for parts in ((*given, *family), (*family, *given)):
        letters = "".join(part[0] for part in parts)
        if len(letters) >= _MIN_ACRONYM:
            yield Needle(letters, frozenset(range(1, len(letters))), is_distinct=False, gap=Gap.PUNCTUATION)


def _whole(parts: tuple[str, ...]) -> Iterator[Needle]:
    text = "".join(parts)
    if len(text) < _MIN_LOGIN_LENGTH:
        if len(text) > 1 and is_east_asian(text[0]) and is_east_asian(text[1]):
            # One character for the family and one for the person: two of five names in China.
            yield _joined(parts, is_distinct=True)
        return
    is_plain = all(part in vocabulary() or part in _PARTICLES or len(part) == 1 for part in parts)
    gap = Gap.SOME if text in imaging_words() else Gap.ANY
    is_distinct = not is_plain and len(text) >= _MIN_DISTINCT_LENGTH
    is_embedded = is_distinct and len(text) >= _MIN_EMBEDDED_LENGTH
    yield _joined(parts, is_distinct=is_distinct, gap=gap, is_embedded=is_embedded)
    if is_embedded and not is_east_asian(text):
        # Spelled backwards, as people disguise names and passwords.
        yield Needle(text[::-1])


def _with_initials(parts: tuple[str, ...], family: tuple[str, ...]) -> Iterator[Needle]:
    if all(word in imaging_words() or word in _PARTICLES for word in family):
        # "HAND L" and "C SPINE" are no names; "Hand, L." is.
        yield _joined(parts, is_distinct=False, gap=Gap.PUNCTUATION)
        if "".join(parts) not in imaging_words() and len("".join(parts)) >= _MIN_LOGIN_LENGTH:
            yield Needle("".join(parts), is_distinct=False)
        return
    yield from _whole(parts)


# Numbers, addresses, institutions, dates


def _of_value(value: str) -> Iterator[Needle]:
    words = _tokens(value)
    joined = "".join(words)
    if not joined.strip("0"):
        return
    if len(joined) >= _MIN_DISTINCT_LENGTH and not _is_generic(words):
        is_plain = all(word in vocabulary() for word in words) or (joined.isdigit() and len(joined) < _MIN_DIGITS)
        yield _joined(tuple(words), is_distinct=not is_plain)
    if any(character.isdecimal() for character in joined):
        yield from _of_digits(value)
    if len(words) > 1:
        yield from _of_parts(value, words)
        yield from _of_codes(words)
    yield from _respelled(value)


def _respelled(value: str) -> Iterator[Needle]:
    """The words that are a value's own with their umlauts spelled out, or put back: Duesseldorf for Düsseldorf."""
    for word in re.findall(r"[^\W\d_]{4,}", value.casefold()):
        plain = fold(word).text
        if plain in vocabulary():
            continue
        back = [word.replace(pair, pair[0]) for pair in ("ae", "oe", "ue") if pair in word]
        for form in dict.fromkeys((word.translate(_UMLAUTS), *back)):
            text = fold(form).text
            if text != plain and text not in vocabulary():
                yield Needle(text, is_embedded=len(text) >= _MIN_EMBEDDED_LENGTH)


def _is_generic(words: list[str]) -> bool:
    """Whether a value is one word of imaging, or one with a number of two digits: ``CT64`` is half the scanners there are."""
    if len(words) != 1:
        return False
    return re.sub(r"\d{0,2}$", "", words[0]) in vocabulary()


def _of_parts(value: str, words: list[str]) -> Iterator[Needle]:
    for word in words:
        is_own = word.isalpha() and word not in vocabulary() and word not in _PARTICLES
        if is_own and len(word) >= _MIN_DISTINCT_LENGTH:
            yield Needle(word, is_embedded=len(word) >= _MIN_EMBEDDED_LENGTH)
    for part in re.split(r"[,;\r\n]", value):
        pieces = _tokens(part)
        text = "".join(pieces)
        is_own = len(text) >= _MIN_DISTINCT_LENGTH and not all(piece in vocabulary() for piece in pieces)
        if is_own and not (text.isdigit() and len(text) < _MIN_DIGITS):
            yield _joined(tuple(pieces), is_distinct=len(pieces) > 1)
    if not any(character.isdecimal() or character == "@" for character in value):
        yield from _of_institution(words)


def _of_codes(words: list[str]) -> Iterator[Needle]:
    """Neighbours that both have letters and figures, as the two halves of a postcode: EH3 5PZ, written as one as well."""
    for pair in pairwise(words):
        if (
            all(re.search(r"\d", word) and re.search(r"[^\W\d]", word) for word in pair)
            and len("".join(pair)) > _MIN_DIGITS
        ):
            yield _joined(pair, is_distinct=True)


def _of_institution(words: list[str]) -> Iterator[Needle]:
    """The word that is a hospital's own, and its initials."""
    own = [word for word in words if word not in _INSTITUTION_WORDS and word not in imaging_words()]
    if len(own) > 1 and own[0] in _PARTICLES:
        yield _joined(tuple(own), is_distinct=any(word not in vocabulary() and word not in _PARTICLES for word in own))
    while own and (own[0] in _PARTICLES or len(own[0]) == 1):
        own = own[1:]
    if own and len("".join(own)) >= _MIN_DISTINCT_LENGTH:
        yield _joined(tuple(own), is_distinct=any(word not in vocabulary() for word in own))
    # The s of Mary's is none of the initials.
    whole = [word for word in words if len(word) > 1]
    acronyms = {"".join(word[0] for word in each) for each in (words, whole)}
    acronyms |= {"".join(word[0] for word in each if word not in _PARTICLES) for each in (words, whole)}
    for letters in sorted(acronyms):
        if len(letters) >= _MIN_ACRONYM and letters not in vocabulary():
            yield Needle(letters, is_distinct=False)
            yield Needle(_PRIVATE_SCHEME + letters)
    for word in own:
        for length in range(_MIN_ACRONYM, min(len(word), _LONGEST_SCHEME) + 1):
            yield Needle(_PRIVATE_SCHEME + word[:length])


def _of_digits(value: str) -> Iterator[Needle]:
    digits = re.sub(r"\D", "", value)
    runs = {digits, *re.findall(r"\d+", value)}
    is_phone = not re.search(r"[^\W\d_]", value) and len(digits) >= _MIN_PHONE_DIGITS and not value.isdigit()
    if is_phone:
        # The same telephone is also written without the code of its country or town.
        runs.add(digits[-_SUBSCRIBER_DIGITS:])
    for run in sorted(runs):
        yield from _number(run)
    if value.isdigit():
        yield from _date(value)


def _number(digits: str) -> Iterator[Needle]:
    if len(digits) < _MIN_DIGITS or not digits.strip("0"):
        return
    core = digits.lstrip("0")
    # Leading zeros come and go, but what remains of a number without them may be as plain as 1.
    text = core if len(core) >= _MIN_DISTINCT_LENGTH else digits
    yield Needle(text, frozenset(range(1, len(text))), is_number=True)


def _date(value: str) -> Iterator[Needle]:
    day = date_of(value)
    if day is None:
        return
    year, short = f"{day:%Y}", f"{day:%y}"
    yield _joined((year, f"{day:%j}"), is_distinct=True)
    month, number = f"{day:%m}", f"{day:%d}"
    for parts in ((year, month, number), (number, month, year), (month, number, year)):
        yield _joined(parts, is_distinct=True)
    for parts in ((short, month, number), (number, month, short), (month, number, short)):
        yield _joined(parts, is_distinct=False)
    name = _MONTHS[day.month - 1]
    for spoken in (number, str(day.day)):
        yield _joined((spoken, name, year), is_distinct=True)
        yield _joined((name, spoken, year), is_distinct=True)
