"""Cleaning free text: what names, dates, numbers and addresses there are go, the clinical words stay (PS3.15 E.3.5).

Three passes mark spans: the study's own identifiers, patterns (dates, telephone numbers, e-mail addresses, long numbers)
and words that announce a person or a place. What is marked is cut out; nothing is put in its place.
"""

import re
from dataclasses import dataclass

from radcommons.deid.identifiers import IdentifierPattern, vocabulary

_MONTHS = (
    "jan(?:uary|uar|vier)?|feb(?:ruary|ruar)?|f[ée]vr(?:ier)?|m(?:ar(?:ch|s)?|rz|ärz)|apr(?:il)?|avr(?:il)?|may|mai|june?|juin|juni|"
    "july?|juillet|juli|aug(?:ust)?|ao[ûu]t|sep(?:t(?:ember|embre)?)?|o[ck]t(?:ober|obre)?|nov(?:ember|embre)?|de[czs](?:ember|embre)?|"
    "maerz|gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre|"
    "enero|febrero|abril|mayo|junio|julio|septiembre|octubre|noviembre|diciembre|"
    "janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro|"
    "январ[ья]|феврал[ья]|марта?|апрел[ья]|ма[йя]|июн[ья]|июл[ья]|августа?|сентябр[ья]|октябр[ья]|ноябр[ья]|декабр[ья]"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
# Underscores join words in protocol names; to ``\b`` they are letters.
_NO_WORD_BEFORE, _NO_LETTER_AFTER = r"(?<![^\W_])", r"(?![^\W\d_])"
_PATTERNS = tuple(
    (reason, re.compile(expression, re.IGNORECASE))
    for reason, expression in (
        ("e-mail address", r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"),
        ("web address", r"\b(?:https?://|www\.)\S+"),
        ("UID", r"\b[0-2](?:\.\d+){5,}\b"),
        ("date", r"(?<![\d.])(?:19|20)\d{2}([-/._]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])(?!\d)"),
        ("date", r"(?<![\d.])(?:19|20)\d{2}([-/._])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?!\d)"),
        ("date", r"(?<!\d)(?:\d{4}|(?:令和|平成|昭和)\d{1,2})[年년]\s?\d{1,2}[月월]\s?(?:\d{1,2}[日일])?"),
        ("date", rf"(?<![\d.]){_DAY}([-/.]){_DAY}\1(?:(?:19|20)\d{{2}}|\d{{2}})(?!\d|\.\d)"),
        ("date", rf"(?<![\d.]){_DAY}_{_DAY}_(?:19|20)\d{{2}}(?!\d)"),
        (
            "date",
            (
                rf"{_NO_WORD_BEFORE}{_DAY}(?:st|nd|rd|th)?[ .\-_]{{0,3}}(?:(?:of|de|di)[ ])?(?:{_MONTHS})"
                rf"{_NO_LETTER_AFTER}[ .,\-_]{{0,3}}(?:de[ ])?(?:(?:19|20)\d{{2}}|\d{{2}}(?!\d))?"
            ),
        ),
        ("date", rf"(?<!\d){_DAY}[ .\-_]{{0,2}}(?:{_MONTHS})[ .\-_]{{0,2}}(?:19|20)\d{{2}}(?!\d)"),
        (
            "date",
            (
                rf"{_NO_WORD_BEFORE}(?:{_MONTHS})[ .\-_]{{1,3}}{_DAY}(?:st|nd|rd|th)?(?![^\W_])"
                r"(?:,?[ ]{0,3}(?:19|20)\d{2}|[-_](?:19|20)?\d{2}(?!\d))?"
            ),
        ),
        ("date", rf"(?<!\d)(?:19|20)\d{{2}}[ .\-_]{{0,2}}(?:{_MONTHS})[ .\-_]{{0,2}}{_DAY}(?!\d)"),
        ("date", r"\b(?:born|dob|geb\.?|n[ée]e? le)\b[:. ]{0,4}[\d./-]{0,12}"),
        ("date", rf"{_NO_WORD_BEFORE}(?:{_MONTHS}){_NO_LETTER_AFTER}[ .,\-_]{{0,3}}(?:19|20)\d{{2}}(?!\d)"),
        ("telephone number", r"(?<![A-Za-z0-9_.])\d{3}[ .-]\d{4}(?![\w.])"),
        (
            "telephone number",
            r"(?<![A-Za-z0-9_.])(?=(?:\D{0,2}\d){8})\+?\(?\d{1,5}\)?(?:[ /().-]{1,2}\d{2,5}){1,5}(?![\w.])",
        ),
        ("number", r"(?<![\d.])[A-Z]{0,4}[-#:]?\d{6,}(?![\d.])"),
        (
            "number",
            r"\b(?:mrn|pid|pat(?:ient)?[ -]?(?:id|nr|no)|acc(?:ession)?|nhs|ssn)\b[#:. ]{0,4}(?:no|nr|number)?[#:. ]{0,4}(?=[\w-]{0,32}\d)[\w-]{1,64}",
        ),
        ("age over 89", r"\b(?:9\d|1[0-2]\d)[ -]?(?:y(?:ears?|rs?)?(?:[ /-]?o(?:ld)?)?|j(?:ahre)?|ans)\b"),
    )
)
_TITLES = r"(?:dr|prof|doctor|professor|mr|mrs|ms|miss|sir|herr|frau|mme|monsieur|madame|pt|rn|md|rtr?)"
_ROLES = (
    r"(?:daughter|son|wife|husband|mother|father|sister|brother|spouse|partner|neighbou?r|patient(?: name)?|name|physician|"
    r"nurse|technologist|tech|operator|radiologist|doctor|seen by|dictated by|reported by|read by|signed by|referred by|"
    r"performed by|ordered by|requested by|reviewed by|call(?:ed)?|contact|c/o|attn)"
)
# Bounds on every repetition keep the time linear in the length of the text, whatever it holds.
_NAME = r"[^\W\d_a-z][^\W\d_]{0,40}(?:['’-][^\W\d_]{1,40}){0,3}"
_CUES = (
    re.compile(rf"\b(?i:{_TITLES})\b[.:]?\s{{1,4}}((?:{_NAME}[.,]?\s{{0,4}}){{1,3}})"),
    re.compile(rf"\b(?i:{_ROLES})\b[.:]?\s{{1,4}}((?:{_NAME}[.,]?\s{{0,4}}){{1,3}})"),
    re.compile(r"\b(?i:lives at|lives in|address|resident of|resides at|wohnhaft in)\b[.:]?\s{1,4}([^,;\n]{1,200})"),
    re.compile(rf"\b(?:for|by|from|at)\s{{1,4}}((?:{_NAME}\s{{0,4}}){{2,3}})(?=$|[,.;])"),
)
_PLACES = re.compile(
    rf"\b((?:(?:{_NAME}|St\.)\s{{1,4}}){{1,4}}(?i:hospital|clinic|klinikum|klinik|krankenhaus|infirmary|medical cent(?:er|re)))\b"
)
_DANGLING = re.compile(
    r"(?:\b(?:for|by|at|from|with|of|on|by and|mrs?|ms|dr|prof|seen by|dictated by|reported by|lives at|lives in|compared with|email|phone|tel)"
    r"[\s.:]{0,8})+(?=$|[,.;)])",
    re.IGNORECASE,
)
_LEADING_LEFT_OVER = " \t\r\n\f,;:.-/_^#()"
_TRAILING_LEFT_OVER = " \t\r\n\f,;:-/_^#("
# Longer texts than any protocol or finding; nobody would review them.
MAX_TEXT_LENGTH = 65_536


@dataclass(frozen=True, slots=True)
class CleanedText:
    """A text after cleaning, and why parts of it went."""

    text: str
    reasons: tuple[str, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether anything was taken out."""
        return bool(self.reasons)


def clean_descriptor(text: str, identifiers: IdentifierPattern) -> CleanedText:
    """Clean free text thoroughly: identifiers, patterns and announced persons and places go."""
    if len(text) > MAX_TEXT_LENGTH:
        return CleanedText("", ("too long to be cleaned",))
    spans = [(start, end, "identifier of the study") for start, end in identifiers.spans(text, is_thorough=True)]
    for reason, pattern in _PATTERNS:
        spans.extend((*match.span(), reason) for match in pattern.finditer(text) if match.end() > match.start())
    for cue in _CUES:
        spans.extend(_announced(match) for match in cue.finditer(text) if _is_name(match[1]))
    spans.extend((*match.span(1), "place") for match in _PLACES.finditer(text) if _is_name(match[1]))
    return _cut(text, spans)


def clean_technical(text: str, identifiers: IdentifierPattern) -> CleanedText:
    """Clean a kept technical or coded text: only the study's own distinctive identifiers go."""
    return _cut(
        text, [(start, end, "identifier of the study") for start, end in identifiers.spans(text, is_thorough=False)]
    )


def _announced(match: re.Match[str]) -> tuple[int, int, str]:
    return match.start(1), match.end(1), "announced person or place"


def _is_name(words: str) -> bool:
    """Whether at least one word is none of the words of imaging and hospitals."""
    return any(word.casefold() not in vocabulary() for word in re.findall(r"[^\W\d_]+", words))


def _cut(text: str, spans: list[tuple[int, int, str]]) -> CleanedText:
    if not spans:
        return CleanedText(text)
    pieces: list[str] = []
    position = 0
    for start, end, _ in sorted(spans):
        if start > position:
            pieces.append(text[position:start])
        position = max(position, end)
    pieces.append(text[position:])
    rest = " ".join(piece.strip(" ") for piece in pieces if piece.strip(" "))
    rest = re.sub(r"[ \t]{2,}", " ", re.sub(r"(?<!\s)\s{1,8}([,;.])", r"\1", _DANGLING.sub("", rest)))
    return CleanedText(
        rest.lstrip(_LEADING_LEFT_OVER).rstrip(_TRAILING_LEFT_OVER), tuple(sorted({reason for _, _, reason in spans}))
    )
