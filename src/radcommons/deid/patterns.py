"""Forms by which dates, times, numbers of persons, addresses and machines give themselves away in any text.

Every expression is bounded, so that its time is linear in the length of the text, whatever that holds. Expressions that
need a digit are not even tried on a text without one.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from radcommons.deid.folding import with_plain_signs
from radcommons.deid.months import LOOSE_MONTHS, MONTHS
from radcommons.deid.recalling import recalled
from radcommons.deid.vocabulary import is_known

_ORDINALS = (
    r"(?:first|second|third|(?:four|fif|six|seven|eigh|nin|ten|eleven|twelf|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twentie|thirtie)th|"
    r"(?:twenty|thirty)[ -](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth))"
)
# Days as they are spoken in German, French, Spanish, Italian, Portuguese and Dutch.
_SPOKEN_DAYS = (
    r"(?:(?:(?:ein|zwei|drei|vier|fünf|fuenf|sechs|sieben|acht|neun)und)?(?:zwanz|drei(?:ß|ss))igst|(?:erst|zweit|dritt|viert|fünft|fuenft|sechst|sieb(?:en)?t|acht|neunt|zehnt|elft|"
    r"zwölft|zwoelft|(?:drei|vier|fünf|fuenf|sech|sieb|acht|neun)zehnt))e[rnms]?|"
    r"(?:premier|un|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize|dix[ -](?:sept|huit|neuf)|vingt(?:[ -](?:et[ -])?(?:un|deux|trois|quatre|cinq|six|sept|huit|neuf))?|trente(?:[ -]et[ -]un)?)|"
    r"(?:primero?|segundo|tercer|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince|dieci\w{3,6}|veint(?:e|i\w{2,6})|treinta(?: y uno)?)|"
    r"(?:primo|due|tre|quattro|cinque|sei|sette|otto|nove|dieci|undici|dodici|tredici|quattordici|quindici|sedici|dici\w{4,6}|vent(?:i|\w{3,7})|trent(?:a|uno))|"
    r"(?:primeiro|um|dois|três|quatro|sete|oito|dez|doze|treze|dezesseis|vinte(?: e \w{2,6})?|trinta(?: e um)?)|"
    r"(?:eerste|tweede|derde|vierde|vijfde|zesde|zevende|achtste|negende|tiende|elfde|twaalfde|\w{3,6}tiende|(?:\w{3,5}[eë]n)?twintigste|(?:een[eë]n)?dertigste)"
)
_TEN = r"(?:hundred|oh|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty)"
_ONE = r"(?:one|two|three|four|five|six|seven|eight|nine)"
_SPOKEN_YEAR = (
    rf"(?:nineteen[ -]{_TEN}(?:[ -]{_ONE})?|twenty[ -](?:oh|ten|eleven|twelve|\w{{3,5}}teen|twenty)(?:[ -]{_ONE})?|two thousand[ -](?:and[ -])?(?:{_TEN}|{_ONE})(?:[ -]{_ONE})?|"
    r"neunzehnhundert\w{0,20}|zweitausend(?:und)?\w{3,20}|mille neuf cent[\w -]{0,24}|mil novecientos[\w ]{0,28}|millenovecento\w{0,20}|negentienhonderd\w{0,20})"
)


def _any_of(words: Iterable[str]) -> str:
    """An expression for any of some words, grouped by their beginnings: many times faster than one after the other."""
    endings: dict[str, set[str]] = {}
    for word in words:
        endings.setdefault(word[:1], set()).add(word[1:])
    branches = []
    for first, rests in sorted(endings.items()):
        if not first:
            continue
        rest = _any_of(rests - {""}) if rests - {""} else ""
        branches.append(re.escape(first) + (f"(?:{rest})?" if "" in rests and rest else rest))
    return f"(?:{'|'.join(branches)})" if len(branches) > 1 else "".join(branches)


_SURE_MONTH, _LOOSE_MONTH = _any_of(MONTHS), _any_of(LOOSE_MONTHS)
_ANY_MONTH = _any_of(MONTHS | LOOSE_MONTHS)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_TWO_DIGIT_DAY = r"(?:0[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_TWO_DIGIT_MONTH = r"(?:0[1-9]|1[0-2])"
_YEAR = r"(?:19|20)\d{2}"
_OTHER_YEAR = r"(?:24[4-9]\d|25[0-7]\d|13\d\d|14[0-5]\d)"
# Underscores join words in protocol names; to ``\b`` they are letters.
_FREE_BEFORE, _FREE_AFTER = r"(?<![^\W_])", r"(?![^\W_])"
_NO_LETTER_AFTER = r"(?![^\W\d_])"
_BIRTH = r"(?:born|dob|d\.o\.b\.|birth ?date|date of birth|geb(?:oren)?|geb\.? ?(?:am|dat(?:um)?)|geburtsdatum|jg|jahrgang|n[ée]e?(?: le)?|nacid[oa](?: el)?|nat[oa](?: il)?|nascid[oa](?: em)?|ddn|fdn|f\.? ?nac\.?|geboortedatum|yob|year of birth|ur(?:odzon[ay])?\.?|narozen[aý]?|nar\.|född|født|fødd|syntynyt|született|szül\.?|doğum(?: tarihi)?|родил(?:ся|ась)|г\.? ?р\.?|γεννήθηκε)"
# Words that only a year makes a birth of: b. 1947.
_BIRTH_OF_YEAR = r"(?:b\.|r\.|f\.)"


def _dates() -> Iterator[str]:
    yield rf"(?<![\d.]){_YEAR}([-/._ ]?){_TWO_DIGIT_MONTH}\1{_TWO_DIGIT_DAY}(?!\d)"
    yield rf"(?<![\d.]){_YEAR}([-/._]){_MONTH}\1{_DAY}(?!\d)"
    yield r"(?<!\d)(?:\d{4}|(?:令和|平成|昭和|大正)\d{1,2})[年년]\s?\d{1,2}[月월]\s?(?:\d{1,2}[日일])?"
    yield rf"(?<![\d.]){_DAY}([-/.]){_DAY}\1(?:{_YEAR}|\d{{2}})(?!\d|\.\d)"
    yield rf"(?<![\d.]){_DAY}\.\s{_DAY}\.\s?(?:{_YEAR}|\d{{2}})(?!\d|\.\d)"
    yield rf"(?<![\d.]){_DAY}([_ ]){_DAY}\1{_YEAR}(?!\d)"
    # Years of Thailand, of Iran and of Islam, beside a day and a month.
    yield rf"(?<![\d.])(?:{_OTHER_YEAR}([-/]){_MONTH}\1{_DAY}|{_DAY}([-/]){_MONTH}\2{_OTHER_YEAR})(?!\d|\.\d)"
    yield rf"(?<!\d){_DAY}[ ]?[\u0e01-\u0e4e.]{{3,12}}[ ]?(?:พ\.ศ\.[ ]?)?(?:{_YEAR}|{_OTHER_YEAR})(?!\d)"
    # Day and month as in 12.03., month and year as in 03/2021.
    yield rf"(?<![\d.,/-]){_TWO_DIGIT_DAY}\.{_TWO_DIGIT_MONTH}\.(?![\d.])"
    yield rf"(?<![\d.,/-]){_MONTH}[/-]{_YEAR}{_FREE_AFTER}(?![./-]\d)"
    yield rf"(?<![\d.,/-]){_TWO_DIGIT_MONTH}\.{_YEAR}{_FREE_AFTER}(?![./-]\d)"
    yield rf"(?<![\d.,/-]){_YEAR}[/-]{_TWO_DIGIT_MONTH}{_FREE_AFTER}(?![./-]\d)"
    yield rf"{_FREE_BEFORE}{_YEAR}-?[WwKk]-?(?:0?[1-9]|[1-4]\d|5[0-3])(?:-?[1-7])?{_FREE_AFTER}"
    # The month in Roman numerals; a year must follow, since IV is a way to give contrast as well.
    yield rf"{_FREE_BEFORE}{_DAY}[ .\-/]{{1,2}}(?:i{{1,3}}|iv|vi{{0,3}}|ix|xi{{0,2}})[ .\-/]{{1,2}}{_YEAR}(?!\d)"
    # Quarters, weeks before the year, and months without their zero.
    yield rf"{_FREE_BEFORE}[Qq][1-4][ ]?[ /-][ ]?{_YEAR}{_FREE_AFTER}|{_FREE_BEFORE}[WwKk][Kk]?(?:[1-4]\d|5[0-3]|0?[1-9])[/ -]{_YEAR}{_FREE_AFTER}"
    yield rf"(?<![\d.,/-]){_YEAR}/[1-9]{_FREE_AFTER}(?![./-]\d)"
    yield rf"{_FREE_BEFORE}{_BIRTH_OF_YEAR}[ ]?(?:1[89]\d\d|20[0-2]\d)(?!\d)"
    # An asterisk is a birth in German.
    yield rf"(?<![\w*])\*[ ]?(?:{_DAY}[./-]{_MONTH}[./-])?{_YEAR}(?![\d*])"
    yield rf"{_FREE_BEFORE}(?:kw|week|woche|semaine|semana|settimana|sem)[ .]{{0,2}}\d{{1,2}}[ ]?(?:[/ ,.-]|of|de|von)[ ]?{_YEAR}{_FREE_AFTER}"
    yield rf"(?<![\w.]){_DAY}(?:\.|st|nd|rd|th|e|ème|[ªº])?[ ]?(?:kw|week|woche|semaine|semana|settimana)[ ,/]{{1,2}}(?:of[ ]|de[ ]|del[ ])?{_YEAR}{_FREE_AFTER}"


def _named_dates() -> Iterator[str]:
    yield (
        rf"{_FREE_BEFORE}{_DAY}(?:st|nd|rd|th|er|º|°)?[ .\-_/]{{0,3}}(?:(?:of|de|di)[ ])?{_SURE_MONTH}"
        rf"{_NO_LETTER_AFTER}[ .,\-_/']{{0,3}}(?:(?:de|del|of)[ ])?(?:{_YEAR}|\d{{2}}(?!\d))?"
    )
    yield (
        rf"{_FREE_BEFORE}{_DAY}(?:(?:st|nd|rd|th)[ ](?:of[ ])?|[ .\-_/]{{1,3}}|(?=[a-z]{{3}}(?:{_YEAR}|\d{{2}})(?!\d)))"
        rf"{_LOOSE_MONTH}{_NO_LETTER_AFTER}[ .,\-_/']{{0,3}}(?:{_YEAR}|\d{{2}})(?!\d)"
    )
    yield rf"{_FREE_BEFORE}{_DAY}(?:st|nd|rd|th)[ ](?:of[ ])?{_LOOSE_MONTH}{_NO_LETTER_AFTER}"
    yield rf"(?<!\d){_DAY}[ .\-_/]{{0,2}}{_ANY_MONTH}[ .\-_/]{{0,2}}{_YEAR}(?!\d)"
    yield rf"{_FREE_BEFORE}{_SURE_MONTH}[ .\-_/]{{1,3}}{_DAY}(?:st|nd|rd|th)?{_FREE_AFTER}(?:,?[ ]{{0,3}}{_YEAR}|[-_/](?:{_YEAR}|\d{{2}})(?!\d))?"
    yield rf"{_FREE_BEFORE}{_ANY_MONTH}[ .\-_/]{{1,3}}{_DAY}(?:st|nd|rd|th)?[ ,.\-_/]{{1,3}}{_YEAR}(?!\d)"
    yield rf"{_FREE_BEFORE}{_ANY_MONTH}[ .\-_/]{{1,3}}{_DAY}(?:st|nd|rd|th){_FREE_AFTER}"
    yield rf"(?<!\d){_YEAR}[ .\-_/]{{0,2}}{_ANY_MONTH}[ .\-_/]{{0,2}}{_DAY}(?!\d)"
    yield rf"{_FREE_BEFORE}{_ANY_MONTH}{_NO_LETTER_AFTER}[ .,\-_/]{{0,3}}(?:(?:de|del|of)[ ])?{_YEAR}(?!\d)"
    # Mar-21 and Mar '21 are months of years; Mar 21 may be anything.
    yield rf"{_FREE_BEFORE}{_ANY_MONTH}(?:-{_TWO_DIGIT_DAY}|[ ]?['’]\d{{2}}){_FREE_AFTER}"
    yield rf"{_FREE_BEFORE}{_ANY_MONTH}[ ]{_ORDINALS}{_NO_LETTER_AFTER}(?:,?[ ]{_YEAR}(?!\d))?"
    yield rf"{_FREE_BEFORE}{_ORDINALS}[ ](?:of[ ])?{_ANY_MONTH}{_NO_LETTER_AFTER}(?:,?[ ]{_YEAR}(?!\d))?"
    # The year first, as in Hungarian: 2020. április 15.
    yield rf"(?<!\d){_YEAR}\.[ ]{_SURE_MONTH}[ ]{_DAY}(?!\d)\.?"
    yield rf"{_FREE_BEFORE}{_BIRTH}{_NO_LETTER_AFTER}[:. ]{{0,4}}(?:in[ ]|on[ ]|am[ ]|im[ ]|en[ ]|le[ ])?[\d./-]{{1,12}}"


def _spoken_dates() -> Iterator[str]:
    # A month that is a word as well needs what stands between: third of May, am dritten Mai, le trois mai 1961.
    day = rf"(?:{_ORDINALS}|{_SPOKEN_DAYS})"
    year = rf"(?:,?[ ](?:de[ ]|del[ ])?(?:{_YEAR}(?!\d)|{_SPOKEN_YEAR}))"
    # Dix sept is seventeen.
    yield rf"{_FREE_BEFORE}{day}[ ](?!sept(?![\w.]))(?:of[ ]|de[ ]|di[ ])?{_SURE_MONTH}{_NO_LETTER_AFTER}{year}?"
    yield rf"{_FREE_BEFORE}(?:the[ ])?{day}[ ](?:of|de)[ ]{_LOOSE_MONTH}{_NO_LETTER_AFTER}{year}?"
    yield rf"{_FREE_BEFORE}(?:am[ ]|vom[ ]|le[ ]|du[ ]|el[ ]|il[ ]|op[ ])?{day}[ ]{_LOOSE_MONTH}{_NO_LETTER_AFTER}{year}"
    yield rf"{_FREE_BEFORE}(?:am|vom|den|seit|le|du|el|il|op)[ ]{day}[ ]{_LOOSE_MONTH}{_NO_LETTER_AFTER}"
    yield rf"{_FREE_BEFORE}{_SURE_MONTH}[ ](?:the[ ])?{_ORDINALS}{_NO_LETTER_AFTER}{year}?"
    yield rf"{_FREE_BEFORE}{_SPOKEN_YEAR}{_NO_LETTER_AFTER}"


def _times() -> Iterator[str]:
    yield r"(?<![\d:])[0-2]?\d:[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:[ ]?[ap]\.?m\b\.?)?(?![\d:])"
    yield r"(?<![\d:])[0-2]?\d:[0-5]\d[ ]?(?:[ap]\.?m\b\.?|uhr\b|hrs?\b)"
    yield r"(?i:\b(?:at|um|às|alle|om|à|kl)[ ])[0-2]?\d[:h][0-5]\d(?![\d:])"


def _phones() -> Iterator[str]:
    cue = (
        r"(?:tel(?:e(?:ph|f)on[eo]?)?|t[ée]l(?:[ée]phone)?|ph(?:one)?|fax|telefax|pager?|bleep|cell(?:ulare|phone)?|mobile?|m[óo]vil|portable|handy|dect|"
        r"piepser|poste|durchwahl|call(?:ed)?|contact|rufnummer)"
    )
    yield rf"{_FREE_BEFORE}(?i:{cue}){_NO_LETTER_AFTER}[.:# ]{{0,3}}(?i:(?:no|nr|number|ext)[.:# ]{{1,2}})?\+?\(?\d[\d ()/.-]{{1,22}}\d(?!\w)"
    yield rf"{_FREE_BEFORE}(?i:ext|extn|x)[.: ]{{0,2}}\d{{4,6}}(?!\w)"
    yield r"(?<![A-Za-z0-9_.])[2-9]\d{2}[.-]\d{4}(?![A-Za-z0-9_]|\.\d)"
    yield r"(?<![A-Za-z0-9_.])(?=(?:\D{0,2}\d){8})\+?(?:\((?=\d{1,5}\)))?\d{1,5}\)?(?:[ /().-]{1,2}\d{2,5}){1,5}(?![A-Za-z0-9_]|[.:]\d)"
    yield r"(?<!\w)\+\d{1,3}[ .(/-]{0,2}\d[\d ()/.-]{4,18}\d(?!\w)"
    yield r"(?<![A-Za-z0-9_.])\(\d{2,5}\)[ ]?\d{3,4}[ -]?\d{2,5}(?![A-Za-z0-9_]|\.\d)"


def _numbers() -> Iterator[str]:
    # A date with its time of day and fractions, a point of time in seconds.
    yield rf"(?<!\.){_FREE_BEFORE}\d{{7,}}\.\d{{1,9}}{_FREE_AFTER}(?!\.)"
    yield r"(?<![\d.])(?:(?<![^\W\d_])[A-Z]{1,4})?[-#:]?\d{6,}(?:[A-Z]{1,2}(?![^\W_]))?(?![\d.]\d|\d)"
    cue = (
        r"(?:mrn|m\.r\.n\.|medical record|pid|pat(?:ient(?:en)?)?[ .-]{0,2}(?:id|nr|no|num|number|nummer)|acc(?:ession)?|a#|nhs|nhi|chi|ssn|sin|nino|"
        r"fall[ -]?(?:nr|nummer)|auftrags?[ -]?(?:nr|nummer)|aufnahme[ -]?(?:nr|nummer)|vers(?:icherten)?[ .-]{0,2}(?:nr|nummer)|kvnr|kv[ -]?nr|"
        r"ipp|nip|niss|n[°º] ?dossier|nhc|historia cl[íi]nica|dni|nie|n[°º] ?hist|cartella|codice fiscale|c\.f\.|bsn|patnr|dossier(?:nr|nummer)?|"
        r"processo|utente|sns|hospital (?:no|number|id)|hosp ?(?:no|num)|unit (?:no|number)|chart|file (?:no|number)|case (?:no|number|id)|"
        r"visit (?:no|number|id)|encounter|csn|order (?:no|number|id)|policy|insurance(?: no| id| number)?|medicare|medicaid|licen[cs]e|passport|"
        r"serial|s/n|account|acct|claim|(?:plate|inmate|prison|pesel|nir|beeper|bleep|pager)(?: no\.?)?|病歴番号|患者番号|患者id)"
    )
    yield rf"{_FREE_BEFORE}(?i:{cue})[#:. ]{{0,4}}(?i:(?:no|nr|num|number|nummer|id)(?![^\W_])[#:. ]{{0,4}})?(?=[\w/-]{{0,32}}\d)[\w/-]{{2,64}}"
    # Social security numbers of the United States, the NHS number, codice fiscale, NIE.
    yield r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"
    yield r"(?<![\w-])\d{3}[ -]\d{3}[ -]\d{4}(?![\w-])"
    yield r"(?<![\w.])\d{1,3}\.\d{3,8}[ °]{0,2}[NSns][ ,;]{1,3}\d{1,3}\.\d{3,8}[ °]{0,2}[EWOewo](?!\w)"
    # A Medicare number, which avoids letters that look like figures.
    yield r"(?<!\w)[1-9][AC-HJKMNP-RT-Y][\dAC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y][\dAC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}(?!\w)"
    yield r"(?<!\w)[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z](?!\w)"
    yield r"(?<!\w)[XYZ]-?\d{7}-?[A-Z](?!\w)"
    yield r"(?<!\w)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ ]?\d{2}[ ]?\d{2}[ ]?\d{2}[ ]?[A-D](?!\w)"


def _ages() -> Iterator[str]:
    old = r"(?:9\d|1[01]\d|12[0-5])"
    unit = r"(?:y(?:ears?|rs?)?(?:[ /.-]{0,2}o(?:ld|\.)?)?|j(?:ahre?n?|\.|[äa]hrig\w{0,2})?|ans|años?|anos|anni|jaar|jr|yo|y/o|лет|летн\w{2,3}|歳|岁|세|-?letni\w{1,3}|rok[uyů]|let[áéý]?|år|éves|vuotias|ετών|χρονών|yaş\w{0,4}|tuổi|godina|ani)"
    yield rf"(?<![\d.,])0?{old}[ -]?{unit}(?![^\W\d_])"
    yield rf"{_FREE_BEFORE}(?i:aged?|age of|alter|im alter von|[âa]g[ée]e?(?: de)?|edad|et[àa]|leeftijd|idade|wiek|věk|ålder|alder|életkor|ikä|возраст|ηλικία|yaş|tuổi)[:. ]{{0,3}}(?:is |von |de |di )?0?{old}(?![\d.,]\d|[^\W_])"
    yield rf"(?<![\w.,/])(?:[MF]/|(?:fe)?male[/ ])0?{old}(?![\d./])|(?<![\w.,/])0?{old}/[MF](?![^\W_])"
    # 99m is technetium.
    yield rf"(?<![\w.,])(?<!tc[ -])(?<!technetium[ -])(?!(?-i:99m)|99m[ -]?tc){old}[ -]?(?:[MF]|male|female)(?![^\W_])(?=[ ,;]|$)"


# Areas of the United Kingdom's postcodes; a few letters and digits alone are a protocol.
_UK_AREAS = (
    "A[BL]|B[ABDHLNRST]?|C[ABFHMORTVW]|D[ADEGHLNTY]|E[CHNX]?|F[KY]|G[LUY]?|H[ADGPRSUX]|I[GMPV]|JE|K[ATWY]|L[ADELNSU]?|M[EKL]?|N[EGNPRW]?|O[LX]|"
    "P[AEHLOR]|R[GHM]|S[AEGKLMNOPRSTWY]?|T[ADFNQRSW]|UB|W[ACDFNRSV]?|YO|ZE"
)
_US_STATES = "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC"
_CAPITALISED = r"[^\W\d_a-zà-ÿ][^\W\d_]{1,30}"


def _places() -> Iterator[str]:
    yield rf"(?<![\w.])(?:{_UK_AREAS})\d[A-Z\d]?[ ]\d(?!AP|PA|AX|SE|TE|TR|GR|LL|RL|ED|DE|DT|RT|LT|ST|ND|RD|TH|YR|AS|AB)[ABD-HJLNP-UW-Z]{{2}}(?!\w)"
    yield rf"(?<!\w)(?:{_US_STATES}),?[ ]{{1,2}}\d{{5}}(?:-\d{{4}})?(?![\w.])"
    yield r"(?<![\w.-])\d{5}-\d{4}(?![\w.-])"
    yield r"(?<!\w)(?:D|F|I|E|DE|FR|IT|ES)-\d{5}(?:[ ][^\W\d_]{2,30})?(?!\w)"
    yield r"(?<!\w)(?:CH|AT|A|NL|B|BE|L|DK|N|NO)-\d{4}[ ][^\W\d_]{2,30}(?!\w)"
    yield r"(?<!\w)[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z][ -]\d[ABCEGHJ-NPRSTV-Z]\d(?!\w)"
    yield r"(?i:\b(?:plz|zip(?: ?code)?|post ?code|postal code|code postal|c\.p\.|cap|postcode|c[óo]digo postal)\b)[:. ]{1,3}[A-Z\d][\w -]{2,8}\d\w{0,2}(?!\w)"
    street = r"(?:street|st|road|rd|avenue|ave|lane|ln|drive|boulevard|blvd|row|close|court|ct|way|terrace|place|pl|square|sq|crescent|parkway|pkwy|highway|hwy)"
    yield rf"(?<![\w.])\d{{1,5}}[a-zA-Z]?,?[ ](?:{_CAPITALISED}[ ]){{1,3}}(?i:{street})\b\.?(?!-)"
    yield rf"(?<![\w.])(?:\d{{1,4}}(?:[ ]?bis)?,?[ ])?(?i:rue|avenue|boulevard|chemin|impasse|allée|via|viale|piazza|corso|calle|avenida|plaza|paseo|rua|largo|travessa)[ ](?:(?i:de|du|des|la|le|l'|della|del|dei|da|do|dos|d')[ ]?){{0,2}}(?:{_CAPITALISED}[ ,]{{1,2}}){{1,3}}\d{{1,4}}(?!\w)"
    yield rf"(?<!\w)\d{{1,4}}(?:[ ]?bis)?,?[ ](?i:rue|avenue|boulevard|chemin|impasse|allée|place)[ ](?:(?i:de|du|des|la|le|l'|d')[ ]?){{0,2}}{_CAPITALISED}"
    yield r"(?i:\b(?:p\.?[ ]?o\.?[ ]?box|postfach|skrytka pocztowa|bo[iî]te postale|apartado|casella postale)\b)[ :.]{0,2}\d{1,6}"
    yield r"(?i:\b(?:apt|apartment|flat|appt|whg)\b)[. ]{1,2}\d{1,4}[A-Za-z](?!\w)"
    # Where somebody lies: a bed, a ward, a room of three figures; rooms of one or two have scanners.
    yield r"(?i:\b(?:bed|bett|ward|cama|letto|łóżko)\b)[. :#]{1,2}\d{1,3}[A-Za-z]?(?!\w)|(?i:\b(?:room|rm|zimmer|zi|chambre|habitaci[óo]n|stanza|kamer|sala)\b)[. :#]{1,2}\d{3,4}[A-Za-z]?(?!\w)"
    yield rf"(?<!\w)(?i:ul\.|ulica|aleja|al\.|os\.|ул\.|улица|проспект|пр\.)[ ]?(?:{_CAPITALISED}[ ]?){{1,3}}(?<=[ ])\d{{1,4}}[a-z]?(?!\w)"
    yield r"〒\s?\d{3}-?\d{4}|[\u4e00-\u9fff]{1,8}(?:路|街|道|巷|弄|丁目|大道)\s?\d{1,5}(?:号|號|番地|番|-\d{1,4})?"


_STREET = r"(?<!\w)(?:[^\W\d_a-z][^\W\d_]{1,30}[ -]?){1,3}(?<=[\w ])(?i:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|laan|straat|gracht|plein)[ ]\d{1,4}[ ]?[a-z]?(?!\w)"


_MAIL = r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}"
# Top-level domains under which hospitals name their machines.
_DOMAINS = "com|org|net|edu|gov|int|mil|local|lan|intra|intranet|internal|corp|home|hospital|health|info|eu"
_COUNTRIES = "de|at|ch|fr|es|it|nl|pt|uk|ie|be|lu|dk|se|no|fi|pl|cz|us|ca|au|nz|jp|cn|kr|in|br|mx|ar|cl|co|za|ru|tr|gr|il|sg|hk|tw"


def _machines() -> Iterator[str]:
    yield _MAIL
    yield r"\b(?:https?|ftps?|sftp|smb|file|dicom|ldaps?)://\S+|\bwww\.\S+|\bmailto:\S+"
    yield r"\\\\[\w.$-]{1,63}(?:\\[^\\\s]{0,128}){0,16}"
    yield r"(?<!\w)[A-Za-z]:[\\/][^\s\\/]{1,128}(?:[\\/][^\s\\/]{0,128}){0,16}"
    yield r"(?<![\w/])/(?:home|users|mnt|media|data|export|srv|var|tmp|opt|volumes|net)/\S{1,256}"
    yield r"(?<![\w.])[\w()+-]{1,100}\.(?:dcm|dicom|ima|jpe?g|png|pdf|docx?|xlsx?|txt|xml|hl7|json|zip|csv|avi|mp4|mov|bmp|tiff?|rtf|nii|gz|html?|log|db|mdb)(?!\w)"
    yield rf"(?<![\w.-])(?:[a-z0-9][a-z0-9-]{{1,62}}\.){{1,6}}(?:{_DOMAINS})(?![\w-])"
    yield rf"(?<![\w.-])[a-z][a-z0-9-]{{1,62}}\.(?:[a-z0-9-]{{2,63}}\.){{1,5}}(?:{_COUNTRIES})(?![\w-])"
    yield r"(?<![\w:])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![\w:])"
    yield r"(?<![\w:])(?:[0-9a-f]{1,4}:){5,7}[0-9a-f]{1,4}(?![\w:])|(?<![\w:])[0-9a-f]{2,4}::(?:[0-9a-f]{1,4}:){1,6}[0-9a-f]{1,4}(?![\w:])"
    # An address of e-mail with its sign spelled out.
    yield r"(?<![\w.+-])[\w.+-]{1,64}[ ]?[\[({][ ]?at[ ]?[\])}][ ]?[\w-]{1,63}(?:[ ]?(?:\.|[\[({][ ]?(?:dot|punkt|point|punto)[ ]?[\])}])[ ]?[\w-]{1,63}){1,8}|(?<![\w.+-])[\w.+-]{1,64}[ ]at[ ][\w-]{1,63}(?:[ ]dot[ ][\w-]{1,63}){1,8}"


# A share needs a name after its host: an empty value may stand between two others.
_PATH_ACROSS_VALUES = re.compile(
    r"\\\\[\w.$-]{1,63}(?:\\[^\\]{0,64}){0,15}\\[^\\\s]{1,64}|(?<!\w)[A-Za-z]:(?:\\[^\\]{0,64}){0,15}\\[^\\\s]{1,64}"
)
_ADDRESS_OF_MACHINE = r"(?<![\w.])(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}(?![\w.])"
_UID = r"(?<![\w.])[0-2](?:\.\d+){5,}(?![\w.])"
_UID_IN_TEXT = re.compile(_UID)
_LEAST_UID_LENGTH = 24
_CLOCK = r"[0-2]?\d[:h][0-5]\d(?:[:.][0-5]\d)?(?:\.\d{1,6})?(?:[ ]?(?:[ap]\.?m\.?|uhr|hrs?|h))?(?![\w:])"
_TIME_AFTER = re.compile(rf"[ ,T_-]{{1,3}}(?:(?:at|um|à|alle|om|às|a las)[ ])?(?:{_CLOCK})", re.IGNORECASE)
_TIME_BEFORE = re.compile(
    rf"(?<![\w:.])(?:{_CLOCK})[ ,]{{1,3}}(?:(?:on|am|le|del?|il|op|em)[ ]{{1,2}})?$", re.IGNORECASE
)
_LONGEST_TIME = 24
_PLACE_WITH_CODE = re.compile(
    r"(?<![\w.-])\d{4,5}(?:[ ][A-Z]{2})?[ ]((?:[^\W\d_a-z][^\W\d_]{2,30})(?:[ -][^\W\d_a-z][^\W\d_]{2,30})?)(?!\w)"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One reason to take something out, and the expressions that find it."""

    reason: str
    expressions: tuple[str, ...]
    needs: str = "digit"
    flags: int = re.IGNORECASE
    patterns: tuple[re.Pattern[str], ...] = field(init=False)

    def __post_init__(self) -> None:
        compiled = tuple(re.compile(expression, self.flags) for expression in self.expressions)
        object.__setattr__(self, "patterns", compiled)


_KINDS = (
    Kind("e-mail, file or machine", tuple(_machines()), needs="mark"),
    Kind("UID", (_UID,)),
    Kind("date", tuple(_dates())),
    Kind("date", tuple(_named_dates()), needs="month"),
    Kind("date", tuple(_spoken_dates()), needs="spoken"),
    Kind("time", tuple(_times()), needs="time"),
    Kind("telephone number", tuple(_phones()), flags=0),
    Kind("number", tuple(_numbers()), flags=0),
    Kind("age over 89", tuple(_ages()), needs="age"),
    Kind("address", tuple(_places()), needs="place", flags=0),
    Kind("address", (_STREET,), needs="street", flags=0),
)
_NEEDS = {
    "digit": re.compile(r"\d"),
    "mark": re.compile(
        r"[@\\]|[\[({ ]at[\])} ]|//|/[a-z]|[\w)]\.[a-z]|[:-][0-9a-f]{1,4}[:-]|\w:[\\/]|mailto", re.IGNORECASE
    ),
    "month": re.compile(rf"{_ANY_MONTH}{_NO_LETTER_AFTER}|{_FREE_BEFORE}{_BIRTH}", re.IGNORECASE),
    # Spoken dates have no digit; a month and a word that may be a day, or a year.
    "spoken": re.compile(
        rf"(?<![^\W\d_])[^\W\d_]{{2,40}}[ ](?:(?:of|de|di|the)[ ])?{_ANY_MONTH}{_NO_LETTER_AFTER}|{_SURE_MONTH}[ ](?:the[ ])?{_ORDINALS}|{_SPOKEN_YEAR}",
        re.IGNORECASE,
    ),
    "street": re.compile(r"(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|laan|straat|gracht|plein)[ ]\d", re.IGNORECASE),
    "time": re.compile(r"\d[:h][0-5]\d"),
    "age": re.compile(r"(?<!\d)0?(?:9\d|1[0-2]\d)(?!\d)"),
    # Two letters in a row beside a digit, or the postcodes of Canada: nothing shorter is an address.
    "place": re.compile(r"\d.{0,60}[^\W\d_]{2}|[^\W\d_]{2}.{0,60}\d|[A-Z]\d[A-Z]", re.DOTALL),
}


@recalled
def pattern_spans(text: str, *, are_times_kept: bool = False) -> Iterator[tuple[int, int, str]]:
    """Where something stands that is a date, a time, a number of a person, an address or a machine, and what it is."""
    text = with_plain_signs(text)
    has_digit = _NEEDS["digit"].search(text) is not None
    for kind in _KINDS:
        if are_times_kept and kind.needs == "time":
            continue
        if kind.needs in {"mark", "spoken"} or has_digit:
            if kind.needs != "digit" and not _NEEDS[kind.needs].search(text):
                continue
            for pattern in kind.patterns:
                for match in pattern.finditer(text):
                    if _is_meant(match, kind):
                        yield (*match.span(), kind.reason)
    if has_digit:
        yield from _machine_addresses(text)
        yield from _places_with_codes(text)


@recalled
def date_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where dates stand, as far as their form tells."""
    text = with_plain_signs(text)
    if _NEEDS["digit"].search(text):
        for kind in _KINDS:
            if kind.reason == "date":
                yield from (match.span() for pattern in kind.patterns for match in pattern.finditer(text))


def with_time(text: str, span: tuple[int, int, str]) -> tuple[int, int, str]:
    """A span with the time of day that stands beside a date in it; other spans as they are."""
    start, end, reason = span
    if not text[end - 1].isdecimal():
        return span
    after = _TIME_AFTER.match(text, end)
    before = _TIME_BEFORE.search(text, max(0, start - _LONGEST_TIME), start)
    return (start if before is None else before.start(), end if after is None else after.end(), reason)


def mail_spans(text: str) -> Iterator[tuple[int, int, str]]:
    """Where addresses of e-mail stand, in texts in which other forms are codes."""
    if "@" in text:
        for match in re.finditer(_MAIL, text):
            yield (*match.span(), "e-mail, file or machine")


def without_paths(text: str) -> str:
    """A text of several values without the paths of files in it, whose backslashes would be taken for those between values."""
    return _PATH_ACROSS_VALUES.sub("", text)


def uid_spans(text: str) -> Iterator[tuple[int, int, str]]:
    """Where UIDs stand, in texts in which other numbers with points are versions."""
    for match in _UID_IN_TEXT.finditer(text):
        if len(match[0]) >= _LEAST_UID_LENGTH:
            yield (*match.span(), "UID")


def _is_meant(match: re.Match[str], kind: Kind) -> bool:
    if kind.reason != "telephone number":
        return match.end() > match.start()
    # 500-1000 is a range.
    numbers = re.findall(r"\d+", match[0])
    is_range = len(numbers) == 2 and int(numbers[0]) < int(numbers[1]) and all(each.endswith("0") for each in numbers)  # noqa: PLR2004
    return not is_range


def _machine_addresses(text: str) -> Iterator[tuple[int, int, str]]:
    for match in re.finditer(_ADDRESS_OF_MACHINE, text):
        # 1.2.3.4 is a version.
        if sum(len(part) > 1 for part in match[0].split(".")) > 1:
            yield (*match.span(), "e-mail, file or machine")


def _places_with_codes(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _PLACE_WITH_CODE.finditer(text):
        if not any(is_known(word) for word in re.findall(r"[^\W\d_]+", match[1])):
            yield (*match.span(), "address")
