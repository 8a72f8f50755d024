"""Words that announce a person or a place: titles, roles, degrees, in the main languages of Europe.

What follows (or stands before a degree) is taken for a name when it is written like one. Words of the vocabulary end a
name, so that ``Dr Lindqvist chest CT`` keeps its last two words.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from radcommons.deid.folding import fold, listed
from radcommons.deid.recalling import recalled
from radcommons.deid.vocabulary import imaging_words, is_known

_WORD = r"[^\W\d_]{1,40}(?:['’-][^\W\d_]{1,40}){0,3}"
_TOKEN = re.compile(_WORD)
_MOST_NAME_WORDS = 5
_FREE_BEFORE, _NO_LETTER_AFTER = r"(?<![^\W_])", r"(?![^\W\d_])"
# Forms of address are followed by a name and by nothing else.
_TITLES = (
    r"mrs?|ms|mister|missis|miss|mx|prof|professor|drs|dr|doctor|sister|"
    r"herrn?|frau|hr|fr|prim|oa|oä|priv\.?-?doz|"
    r"mme|mlle|monsieur|madame|mademoiselle|docteur|pr|"
    r"se[ñn]or|se[ñn]ora|sra?|srta|dr\.?a|d[ñn]a|don|do[ñn]a|"
    r"sig(?:\.?ra|nora?)?|dott(?:\.?ssa|oressa|or)?|"
    r"dhr|mevr|meneer|mevrouw|senhora?|exmo"
)
# Titles that are words of imaging as well when they stand in capitals: DR CHEST, MS PROTOCOL, PR 12, MISS.
_AMBIGUOUS = frozenset({"dr", "mr", "ms", "pr", "sr", "fr", "hr", "oa", "don", "sig", "prim", "prof", "miss", "sister"})
_ROLES = (
    r"(?:daughter|son|wife|husband|mother|father|brother|sister|baby|child|twin(?: [ab12])?|pat(?:ient)?|images?|films?|friend) of|(?:baby|bb) (?:boy|girl)|baby|bb|"
    r"employer|employed (?:by|at)|insured|policy ?holder|lawyer|solicitor|interpreter|witness|teacher|school|vip|private pat(?:ient)?|donor|friend|"
    r"user(?: ?name)?|log[io]n|owner|author|editor|created by|modified by|changed by|b?cc|dear|regards|sincerely|thanks|thank you|hi|hello|via|"
    r"n[ée]e|born as|a\.?k\.?a|alias|formerly|initials|sgd|signed|rad(?=:)|d/w|disc(?:ussed)? w/|r/v|req|perf|performed(?=:)|ordering|supervised|compared (?:with|to)|"
    r"sir|sgt|capt|lt|rabbi|imam|judge|rev'?d|reverend|rt ?\(r\)|"
    r"daughter|son|wife|husband|mother|father|brother|spouse|partner|neighbou?r|next of kin|nok|guardian|carer|"
    r"patient(?:'s)?(?: name)?|pat(?:\.|ient)? ?name|pt(?: name)?|name(?: of patient)?|surname|last ?name|first ?name|forename|physician|nurse|technologist|radiographer|sonographer|tech|operator|"
    r"radiologist|reader|surgeon|consultant|registrar|resident|attending|gp|pcp|referr(?:er|ing)(?: (?:physician|doctor|dr))?|"
    r"(?:seen|dictated|reported|read|signed|referred|performed|ordered|requested|reviewed|scanned|done|approved|verified|checked|cosigned|interpreted|"
    r"transcribed|taken|booked|entered|discussed|consented|injected|supervised|protocol(?:l?ed)?)(?: (?:by|with))|"
    r"call(?:ed)?(?: report)?(?: to)?|notified|contact|c/o|attn|cc to|copy to|results? to|fax(?:ed)? to|page|inform(?:ed)?|spoke (?:to|with)|"
    r"patientin|pat|geb(?:oren(?:e)?)?|assistenz(?:arzt|ärztin)|schwester|pfleger|vidiert von|dipl\.?-med|vorname|nachname|familienname|arzt|ärztin|oberarzt|chefarzt|zuweiser|überweiser|befunder|mta|mtra|untersucher|überwiesen von|zugewiesen von|"
    r"befundet von|durchgeführt von|angefordert von|einsender|hausarzt|unterschrieben von|ehefrau|ehemann|tochter|sohn|mutter|vater|"
    r"nom|pr[ée]nom|m[ée]decin|prescripteur|adress[ée]e? par|vue? par|lue? par|demand[ée]e? par|r[ée]alis[ée]e? par|manipulat(?:eur|rice)|"
    r"infirmi(?:er|ère)|paciente|enfermer[oa]|nacid[oa]|doctora|paziente|infermier[ea]|patiënt|mw|"
    r"dr n\. med|lek\. med|lekarz|pan[ia]?|pacjent(?:ka)?|opisał[a]?|mudr|lékař|přednosta|pacient(?:ka)?|orvos|beteg|hasta|say[ıi]n|uzm\. dr|"
    r"patienten|pasient(?:en)?|potilas|lege|overlege|läkare|överläkare|læge|overlæge|lääkäri|"
    r"д-р|доктор|врач|г-н|г-жа|пациент(?:ка)?|профессор|направлен[оа]?|фио|δρ|ιατρός|ασθενής|κύριος|κυρία|"
    r"د|(?:ال)?دكتورة?|(?:ال)?سيدة?|(?:ال)?مريضة?|bác sĩ|bs|ông|bà|bệnh nhân|họ tên|"
    r"nombre|apellidos?|m[ée]dico|vist[oa] por|informad[oa] por|solicitad[oa] por|remitid[oa] por|realizad[oa] por|"
    r"nome|cognome|medico|refertat[oa] da|richiest[oa] da|vist[oa] da|eseguit[oa] da|inviat[oa] da|"
    r"naam|voornaam|achternaam|arts|huisarts|aangevraagd door|verwezen door|gezien door|uitgevoerd door|verslag door|"
    r"apelido|sobrenome|pedido por|visto por|realizado por|t[ée]cnico"
)
_DEGREES = (
    r"m\.?d|ph\.?d|mbbs|mbchb|frcr|franzcr|facr|pa-c|cnp|crnp|rt\(r\)|r\.t\.|rdms|bsc|msc|dds|dpm|dmd|lpn|d\.o|r\.n"
)
# These are words or sides as well, and count only after a comma or two names.
_WEAK_DEGREES = r"do|rn|np|pa"
_TITLE = re.compile(
    rf"{_FREE_BEFORE}(?i:{_TITLES}){_NO_LETTER_AFTER}(?P<mark>[.:/]{{0,2}})[\s_^]{{0,4}}(?:(?i:med|dent|rer|nat|univ|h\.c)\.?\s{{0,2}}){{0,3}}(?=[^\W\d_])"
)
_ROLE = re.compile(rf"{_FREE_BEFORE}(?i:{_ROLES}){_NO_LETTER_AFTER}(?P<mark>\s?[.:=]{{0,2}}|)[\s_^]{{0,4}}(?=[^\W\d_])")
_DEGREE = re.compile(
    rf"(?P<name>(?:{_WORD}\.?[ ]){{0,3}}{_WORD})\.?(?:,?[ ]{{1,2}}|,)"
    rf"(?:(?P<degree>{_DEGREES}|(?<=,[ ])(?:{_WEAK_DEGREES})|(?<=,)(?:{_WEAK_DEGREES}))|(?:{_WEAK_DEGREES}))\.?(?![\w(])",
    re.IGNORECASE,
)
_DEGREE_HINT = re.compile(rf"[ ,.](?:{_DEGREES}|{_WEAK_DEGREES})(?![^\W_])", re.IGNORECASE)
_TITLE_WORDS = listed(
    "mr mrs ms mister missis miss mx prof professor drs dr doctor sister herr herrn frau hr fr prim oa priv mme mlle monsieur madame mademoiselle docteur pr "
    "senor senora sr sra srta dra da dna don dona sig signor signora dott dottssa dottoressa dottor dhr mevr meneer mevrouw senhor senhora exmo ra"
)
_PLACE_TITLES = listed(
    "hospital hospitals clinic clinics klinikum klinik kliniken krankenhaus universitatsklinikum uniklinik infirmary medical health hospice sanatorium nursing praxis "
    "ziekenhuis umc ospedale policlinico poliklinik spital hopital chu clinique clinica casa santa university universitat universite szpital nemocnice "
    "sjukhus sjukhuset sykehus sygehus institut instituto istituto radiologie zentrum centrum"
)
_CLAUSE_END = re.compile(r"\s*(?:$|[,;:.)\]/\n]|-\s)")
_JOINING = re.compile(r"[ \t.,^_]{1,3}")
_PARTICLES = listed(
    "van von de der den ten ter la le el al bin ibn da di do dos das del della du mac mc st zu af av y e o und and"
)
_PLACE_CUE = re.compile(
    r"\b(?i:lives? (?:at|in|on)|address|resident of|resid(?:es|ing) (?:at|in)|wohnhaft (?:in)?|wohnt in|anschrift|adresse|habite|domicili[ée]e? [àa]|demeurant|"
    r"direcci[óo]n|domicilio|residente (?:en|in|em)|vive en|indirizzo|adres|woont (?:in|te)|endere[çc]o|morada|住所)\b[.:]?\s{0,4}([^,;\n]{1,200})"
)
_PLACE_WORDS = (
    r"hospitals?|clinics?|klinikum|klinik(?:en)?|krankenhaus|universitätsklinikum|infirmary|medical cent(?:er|re)|health cent(?:er|re)|hospice|sanatorium|"
    r"nursing home|praxis|ziekenhuis|umc|ospedale|policlinico|poliklinik|spital|university(?: hospital)?|sjukhus(?:et)?|sykehus|sygehus"
)
_PLACE_AFTER = re.compile(rf"(?<![\w'’-])((?:(?:{_WORD}|St\.)[ ]{{1,2}}){{1,4}})(?i:{_PLACE_WORDS})(?!\w)")
_PLACE_BEFORE = re.compile(
    r"(?<!\w)(?i:h[ôo]pital|chu|clinique|hospital|cl[íi]nica|ospedale|policlinico|casa di cura|krankenhaus|klinikum|klinik|praxis|uniklinik|santa casa|szpital|nemocnice|university|universität|université|institut|instituto|istituto|radiologie|zentrum|centrum)\s(?:(?i:de|du|des|la|le|"
    rf"l'|di|del|della|do|da|dos|of|St\.?|San|Santa|Saint)[ ]?){{0,3}}({_WORD}(?:[ ]{_WORD}){{0,2}})"
)
_FOLLOWED_BY_NAMES = re.compile(
    rf"\b(?:for|by|from|at|von|durch|par|pour|por|para|da|door|voor)\s{{1,4}}((?:{_WORD}\s{{0,4}}){{2,3}})(?=$|[,.;])"
)
_CARET = re.compile(rf"(?:(?:{_WORD})[ ]){{0,2}}{_WORD}(?:\^{{1,4}}{_WORD}){{1,4}}")
_COMMA = re.compile(rf"(?<![\w,;])({_WORD}),[ ]?({_WORD})(?![\w'’-])")
_CLASS = re.compile(r"[A-Z]|[IVX]{1,4}[A-Ca-c]?")
_HONOURED = re.compile(
    r"([\u3400-\u9fff\u3040-\u30ff]{1,6}?)(?=様|さん|氏(?!名)|殿|先生|医師|女士|小姐|医生|医师|大夫|护士|護士|教授)|([\uac00-\ud7a3]{2,4}?)(?=\s?(?:씨|님|선생|의사))"
)
# A family name of China after what announces it: 患者王伟; without one it is a sentence about the patient.
_ANNOUNCED_IN_CHINESE = re.compile(
    r"(?<=患者|病人|医生|医师|主任|姓名|护士)[:： ]?([王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方"
    r"姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚][\u3400-\u9fff]{1,2})(?![\u3400-\u9fff])"
)
# A family name with two initials, in the order of Russian and of bibliographies: Щеглов А.Б., Smith J.K.
_LONGEST_CODE = 2
# What German writes with points before a noun, in a text of capitals: Z.N., V.A., Z.B.
_ABBREVIATIONS = frozenset({"ZN", "VA", "ZB", "UA", "OB"})
_TWO_INITIALS = r"[^\W\d_]\.[ ]?[^\W\d_]\."
_WITH_TWO_INITIALS = (
    re.compile(rf"(?P<name>{_WORD})[ ]{_TWO_INITIALS}(?!\w)"),
    re.compile(rf"(?<!\w){_TWO_INITIALS}[ ]?(?P<name>{_WORD})"),
)
_NO_PERSONS = frozenset(
    ["患者", "担当", "主治", "お客", "皆", "同", "両", "主任", "副主任", "住院", "值班", "影像", "放射", "责任", "上级"]
)
_MOST_INITIAL = 1
# Brown is shorter, and a name.
_LEAST_THING = 6


@recalled
def cue_spans(text: str, name_words: frozenset[str] = frozenset()) -> Iterator[tuple[int, int, str]]:
    """Where announced persons and places stand.

    Parameters
    ----------
    text
        Any text.
    name_words
        Parts of names that the study carries: after a title they are names although they are words of imaging.
    """
    words = {fold(word).text for word in re.findall(r"[^\W\d_]+", text)}
    has_stranger = any(len(word) > 1 and not is_known(word) for word in words) or not words.isdisjoint(name_words)
    # Most texts hold words of imaging only: nobody can be announced in them but by a title.
    if not words.isdisjoint(_TITLE_WORDS):
        for match in _TITLE.finditer(text):
            yield from _person(text, match, name_words, is_title=True)
    if has_stranger or ":" in text:
        for match in _ROLE.finditer(text):
            yield from _person(text, match, name_words, is_title=False)
    if has_stranger:
        yield from _unannounced(text)
    if not text.isascii():
        for match in _HONOURED.finditer(text):
            if (match[1] or match[2]) not in _NO_PERSONS:
                yield (*match.span(), "announced person")
        yield from ((*match.span(1), "announced person") for match in _ANNOUNCED_IN_CHINESE.finditer(text))
    yield from _addresses(text)
    if not words.isdisjoint(_PLACE_TITLES):
        yield from _places(text)


def _unannounced(text: str) -> Iterator[tuple[int, int, str]]:
    """Names that their own form or a degree gives away: Smith, RN; Doe^Jane; Doe, Jane; for Jane Doe."""
    if _DEGREE_HINT.search(text):
        for match in _DEGREE.finditer(text):
            yield from _before_degree(match)
    yield from component_spans(text)
    if "." in text:
        for match in (match for form in _WITH_TWO_INITIALS for match in form.finditer(text)):
            name = match["name"]
            if len(name) > _LONGEST_CODE and _is_like_a_name(name) and _are_initials(match[0].replace(name, ""), text):
                yield (*match.span(), "name")
    if "," in text:
        for match in _COMMA.finditer(text):
            if not _is_class(text, match) and all(map(_is_like_a_name, match.groups())):
                yield (*match.span(), "name")
    for match in _FOLLOWED_BY_NAMES.finditer(text):
        names = _TOKEN.findall(match[1])
        if all(_is_capitalised(word) and not _is_word(word) for word in names):
            yield (*match.span(1), "announced person")


def _are_initials(letters: str, text: str) -> bool:
    """Whether two letters with points are those of given names, and no abbreviation such as ``Z.n.``."""
    plain = "".join(filter(str.isalpha, letters))
    return not any(map(str.islower, plain)) and not (text.isupper() and plain in _ABBREVIATIONS)


def _is_class(text: str, match: re.Match[str]) -> bool:
    """Whether the word before a comma is a class after what it classes, as in ``Todani I, Caroli``."""
    return _CLASS.fullmatch(match[1]) is not None and text[: match.start()].endswith(" ")


def _is_like_a_name(word: str) -> bool:
    """Whether a word may be a name: an unknown one with a capital, and no compound of which the last part says a thing."""
    last = word.rpartition("-")[2]
    is_compound = last != word and len(last) >= _LEAST_THING and is_known(last)
    return _is_capitalised(word) and not _is_word(word) and not is_compound


def component_spans(text: str) -> Iterator[tuple[int, int, str]]:
    """Where names stand as DICOM writes them, with ``^`` between their components, whosever they are."""
    if "^" in text:
        for match in _CARET.finditer(text):
            start = _start_of_components(match[0])
            if start is not None:
                yield match.start() + start, match.end(), "name"


def _start_of_components(text: str) -> int | None:
    """Where a name begins whose parts ``^`` separates, as it does a region and a protocol on some scanners."""
    before, _, rest = text.rpartition(" ")
    words = [fold(word).text for word in re.findall(r"[^\W\d_]{2,}", rest)]
    if any({word, word.removesuffix("s")} & imaging_words() for word in words) or all(map(is_known, words)):
        return None
    start = len(before) + bool(before)
    for word in reversed(list(_TOKEN.finditer(before))):
        if fold(word[0]).text not in _PARTICLES and not (_is_capitalised(word[0]) and not _is_word(word[0])):
            break
        start = word.start()
    return start


def _addresses(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _PLACE_CUE.finditer(text):
        if _has_name(match[1]):
            yield (*match.span(1), "announced place")


def _places(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _PLACE_AFTER.finditer(text):
        start = _first_capital(match[1])
        if start is not None:
            yield match.start(1) + start, match.end(), "place"
    for match in _PLACE_BEFORE.finditer(text):
        words = [word for word in _TOKEN.finditer(match[1]) if _is_capitalised(word[0]) and not _is_word(word[0])]
        if words:
            yield match.start(), match.start(1) + words[-1].end(), "place"


def _first_capital(words: str) -> int | None:
    """Where the name of a place begins among the words before ``Hospital``: after the last word that is none of it."""
    start, has_name = None, False
    for word in _TOKEN.finditer(words):
        is_part = _is_capitalised(word[0]) and fold(word[0]).text not in imaging_words()
        if not is_part and fold(word[0]).text not in {"of", "the", "and"}:
            start, has_name = None, False
            continue
        if is_part:
            start = word.start() if start is None else start
            has_name = (
                has_name or not _is_word(word[0]) or word[0].lower() in {"mercy", "mount", "royal", "saint", "st"}
            )
    return start if has_name else None


def _person(
    text: str, match: re.Match[str], name_words: frozenset[str], *, is_title: bool
) -> Iterator[tuple[int, int, str]]:
    title = match[0].rstrip(" .:_^\t\n").casefold()
    # A title written as one, or with its point, is nothing else; "DR" and "MR" at the beginning are modalities.
    is_written_out = "." in match["mark"] or match[0][:2].istitle()
    if is_title and title in _AMBIGUOUS and not is_written_out and not text[: match.start()].strip():
        return
    is_sure = is_written_out if is_title else ":" in match["mark"]
    end = _end_of_name(text, match.end(), name_words, is_title=is_title, is_sure=is_sure)
    if end is not None:
        yield match.start() if is_title else match.end(), end, "announced person"


def _end_of_name(text: str, start: int, name_words: frozenset[str], *, is_title: bool, is_sure: bool) -> int | None:
    """Where the name that begins at a place ends, or nothing when there is none."""
    tokens = _following(text, start)
    kinds = [_kind_of(token[0], name_words, is_title=is_title) for token in tokens]
    if _NAME not in kinds:
        # A word of the vocabulary or a particle is a name where only a name can stand: Dr Brown. By: Le
        least = _WORD_WRITTEN_AS_NAME if is_title else _WORD_NOT_OF_IMAGING
        for token, kind in zip(tokens, kinds, strict=True):
            if kind == _PARTICLE and not token[0].istitle():
                continue
            is_name = is_sure and token[0].istitle() and kind >= least
            return token.end() if is_name and (is_title or _ends_clause(text, token.end())) else None
        return None
    last = len(kinds) - 1 - kinds[::-1].index(_NAME)
    for index in range(last + 1, len(kinds)):
        is_end = _ends_clause(text, tokens[index].end())
        is_apart = "," in text[tokens[last].end() : tokens[index].start()]
        if (kinds[index] == _INITIAL and (is_end or is_title)) or (
            kinds[index] == _WORD_NOT_OF_IMAGING and is_end and not is_apart
        ):
            last = index
        break
    return tokens[last].end()


def _following(text: str, start: int) -> list[re.Match[str]]:
    """The words that can belong to one name, up to the first that ends it."""
    tokens: list[re.Match[str]] = []
    place = start
    while len(tokens) < _MOST_NAME_WORDS and (token := _TOKEN.match(text, place)) is not None:
        if _kind_of(token[0], frozenset(), is_title=True) == _NO_NAME and not token[0].istitle():
            tokens.append(token)
            break
        tokens.append(token)
        joining = _JOINING.match(text, token.end())
        if joining is None or ("," in joining[0] and len(tokens) > 1):
            break
        place = joining.end()
    return tokens


# How much like a name a word is written.
_NO_NAME, _WORD_WRITTEN_AS_NAME, _WORD_NOT_OF_IMAGING, _PARTICLE, _INITIAL, _NAME = range(6)


def _kind_of(word: str, name_words: frozenset[str], *, is_title: bool) -> int:
    folded = fold(word).text
    if folded in name_words:
        return _NAME
    if folded in _PARTICLES:
        return _PARTICLE
    if len(word) == _MOST_INITIAL:
        return _INITIAL if word.isupper() else _NO_NAME
    if not _is_word(word):
        return _NAME if is_title or _is_capitalised(word) else _NO_NAME
    if not word.istitle():
        return _NO_NAME
    return _WORD_WRITTEN_AS_NAME if folded in imaging_words() else _WORD_NOT_OF_IMAGING


def _ends_clause(text: str, place: int) -> bool:
    return _CLAUSE_END.match(text, place) is not None


def _before_degree(match: re.Match[str]) -> Iterator[tuple[int, int, str]]:
    """The name before a degree: unknown capitalised words, initials, and words of the vocabulary between or after them."""
    tokens = list(_TOKEN.finditer(match["name"]))
    kinds = [_kind_of(token[0], frozenset(), is_title=False) for token in tokens]
    first = len(tokens)
    while first and kinds[first - 1] >= _WORD_NOT_OF_IMAGING:
        first -= 1
    names = kinds[first:]
    is_sure = match["degree"] is not None
    if _NAME in names and (is_sure or len(names) > 1):
        yield match.start("name") + tokens[first].start(), match.end(), "announced person"


@lru_cache(maxsize=65536)
def _is_word(word: str) -> bool:
    """Whether every part of a word is in the vocabulary."""
    return all(is_known(part) for part in re.split(r"['’-]", word) if part)


def _is_capitalised(word: str) -> bool:
    return word[:1].isupper() or not word[:1].islower()


def _has_name(text: str) -> bool:
    return any(not _is_word(word) for word in _TOKEN.findall(text)) or any(character.isdecimal() for character in text)
