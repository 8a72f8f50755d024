"""Made-up persons and texts that name them: the same seed gives the same texts, with what must go and what should stay.

The names are common ones of many languages and names that are words; any likeness with a living person is chance.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Family and given names: plain, accented, hyphenated, with apostrophes and particles, short ones, and words.
_FAMILIES = _listed(
    "Okonkwo Marchetti Lindqvist Papadopoulos Yilmaz Kowalczyk Nowak Novotná Szabó Fernández Muñoz Guimarães Gonçalves Larssen Østergaard Åkesson Müller Schröder Weiß "
    "Jürgens Köhler Lefèvre Béranger Dubois O'Brien D'Angelo N'Diaye Smith-Jones García-Márquez Ben-David Hargreaves Featherstone Abernathy Castellanos Haddad Nasser "
    "Chaudhary Krishnan Venkataraman Srinivasan Nakamura Watanabe Tanaka Kim Park Choi Nguyen Pham Tran Mbeki Adeyemi Owusu Tesfaye Hosseini Petrenko Ivanova Dimitrov"
)
_PARTICLE_FAMILIES = (
    "van den Berg",
    "de la Cruz",
    "von Hohenfels",
    "Dos Santos",
    "Al Rashid",
    "Di Stefano",
    "Mac Allister",
    "Van Houten",
)
_SHORT_FAMILIES = _listed("Li Wu Ng Yu Xu He Ho Le Do Vo An Bo Ko Oh Ma")
_WORD_FAMILIES = _listed(
    "Case Hart Cross Brown Bird Rose Stone Hill Green White Black Young Long Head Hand Foot Cook Baker Banks Marsh Fields Waters Graves Price"
)
_GIVEN = _listed(
    "Adaeze Luca Ingrid Eleni Mehmet Agnieszka Jana Zsófia María José Inês João Søren Björn Jürgen Käthe Renée Françoise Siobhán Giulia Aminata Anne-Marie Jean-Luc "
    "Harriet Winston Dolores Fatima Omar Priya Arjun Haruka Kenji Minjun Linh Thabo Folake Kofi Selam Leila Oksana Dmitri Vesna Thomas Anna Peter Sarah Michael"
)
_EAST_ASIAN = (
    ("Yamada^Tarou", "山田^太郎", "やまだ^たろう"),
    ("Suzuki^Hanako", "鈴木^花子", "すずき^はなこ"),
    ("Wang^XiaoDong", "王^小東", ""),
    ("Kim^Gildong", "김^길동", ""),
    ("Hong^Gildong", "洪^吉洞", "홍^길동"),
)
_MEDICAL = (
    "CT CHEST W/O CONTRAST",
    "XR CHEST 2 VIEWS",
    "MRI BRAIN W WO",
    "Thorax 2.0 B31f",
    "AX T2 FLAIR",
    "CT ABDOMEN PELVIS",
    "US LIVER",
    "HRCT LUNG 1.25 mm",
    "Knie links in 2 Ebenen",
    "Scanner thoracique sans injection",
    "TAC torax con contraste",
    "RX torace 2 proiezioni",
    "CT thorax met contrast",
    "TC tórax sem contraste",
    "CTA pulmonary arteries",
)
_REASONS = (
    "rule out pneumonia",
    "follow-up of nodule",
    "fever and cough",
    "fracture of the left wrist",
    "z.n. Sturz",
    "suspicion d'embolie",
    "control de derrame pleural",
)
_CUED = (
    "{medical} for Dr. {family}",
    "{medical}, seen by Dr {family}",
    "{medical} read by {given} {family}, MD",
    "{medical} ref. by Prof. {family}",
    "Patient: {given} {family}. {reason}",
    "Patient name {family}, {given}; {reason}",
    "{medical} MRS {FAMILY}",
    "Mr {family} with {reason}",
    "{reason}, discussed with Dr. {given} {family}",
    "Herr {family}, {reason}",
    "{medical} Frau {family}",
    "{medical} überwiesen von Dr. {family}",
    "Mme {family} : {reason}",
    "{medical} demandé par le Dr {family}",
    "{medical} Sra. {family}",
    "{medical} solicitado por Dr. {family}",
    "Sig.ra {family}, {reason}",
    "{medical} richiesto da Dott. {family}",
    "Mevr. {family}, {reason}",
    "{medical} aangevraagd door Dr. {family}",
    "{medical} pedido por Dra. {family}",
    "{given} {family} RN, {reason}",
    "{family}^{given} {medical}",
    "tech {family}, {reason}",
    "{reason}. Reported by: {family}",
)
_PLACES = (
    "{first} {second}",
    "{second} {first}",
    "{first} - {second}",
    "{first}_{second}",
    "{second}, {first}",
)


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up patient: name as in a header, identifier and birth date."""

    name: str
    family: str
    given: str
    patient_id: str
    birth_date: str

    @property
    def identifiers(self) -> tuple[str, ...]:
        """What a study of this person carries."""
        return (self.name, self.patient_id, self.birth_date)


@dataclass(frozen=True, slots=True)
class PlantedText:
    """A text with what must not remain of it (as written), and the part that is worth keeping."""

    person: Person
    text: str
    planted: tuple[str, ...]
    kept: str


def persons(seed: int, count: int, *, kind: str = "any") -> Iterator[Person]:
    """Made-up persons; ``kind`` is ``plain``, ``short``, ``word``, ``particle``, ``east-asian`` or ``any``."""
    rng = random.Random(seed)
    kinds = ("plain", "plain", "plain", "short", "word", "particle", "east-asian")
    for _ in range(count):
        yield _person(rng, rng.choice(kinds) if kind == "any" else kind)


def harvested_texts(seed: int, count: int) -> Iterator[PlantedText]:
    """Texts that name their patient in any spelling, number and date, without any word that announces it."""
    rng = random.Random(seed)
    for person in persons(seed, count):
        written = rng.choice((_spelled_name, _spelled_name, _spelled_id, _spelled_date))(rng, person)
        medical = rng.choice(_MEDICAL)
        text = rng.choice(_PLACES).format(first=medical, second=written)
        yield PlantedText(person, text, (written,), medical)


def announced_texts(seed: int, count: int, *, kind: str = "plain") -> Iterator[PlantedText]:
    """Texts that name somebody the study does not know, after or before a word that announces a person."""
    rng = random.Random(seed)
    for person in persons(seed, count, kind=kind):
        medical, reason = rng.choice(_MEDICAL), rng.choice(_REASONS)
        template = rng.choice(_CUED)
        words = {"family": person.family, "FAMILY": person.family.upper(), "given": person.given}
        text = template.format(**words, medical=medical, reason=reason)
        planted = [person.family] + ([person.given] if "{given}" in template else [])
        yield PlantedText(person, text, tuple(planted), medical if "{medical}" in template else reason)


def _person(rng: random.Random, kind: str) -> Person:
    patient_id = rng.choice(("MRN-{:07d}", "{:08d}", "P{:06d}", "{:05d}/21", "HN {:03d} {:04d}", "A-{:05d}-B")).format(
        rng.randrange(10_000, 99_999), rng.randrange(1000, 9999)
    )
    birth_date = f"{rng.randrange(1930, 2010)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"
    if kind == "east-asian":
        latin, ideographic, phonetic = rng.choice(_EAST_ASIAN)
        family, _, given = latin.partition("^")
        return Person(f"{latin}={ideographic}={phonetic}", family, given, patient_id, birth_date)
    family = rng.choice(
        {"short": _SHORT_FAMILIES, "word": _WORD_FAMILIES, "particle": _PARTICLE_FAMILIES}.get(kind, tuple(_FAMILIES))
    )
    given = rng.choice(_GIVEN)
    middle = rng.choice(("", "", rng.choice(_GIVEN)))
    return Person(f"{family}^{given}^{middle}".rstrip("^"), family, given, patient_id, birth_date)


def _spelled_name(rng: random.Random, person: Person) -> str:
    family, given = person.family, person.given
    if "=" in person.name and rng.random() < 0.5:  # noqa: PLR2004 - half of them
        group = rng.choice([each for each in person.name.split("=")[1:] if each])
        return group.replace("^", rng.choice(("", " ", "　")))
    forms = (
        f"{given} {family}",
        f"{family}, {given}",
        f"{family} {given[0]}.",
        f"{given[0]}. {family}",
        f"{given[0]}{family}".replace(" ", ""),
        f"{family}{given}".replace(" ", ""),
        f"{family}_{given}",
        f"{family}^{given}",
        f"{family}-{given}",
    )
    spelled = rng.choice(forms)
    return rng.choice((str, str.upper, str.lower, str.title))(spelled)


def _spelled_id(rng: random.Random, person: Person) -> str:
    digits = "".join(character for character in person.patient_id if character.isdigit())
    forms = (
        person.patient_id,
        person.patient_id.lower(),
        person.patient_id.replace("-", " "),
        digits,
        digits.lstrip("0"),
    )
    return rng.choice(forms)


def _spelled_date(rng: random.Random, person: Person) -> str:
    year, month, day = person.birth_date[:4], person.birth_date[4:6], person.birth_date[6:]
    name = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[int(month) - 1]
    forms = (
        person.birth_date,
        f"{year}-{month}-{day}",
        f"{day}.{month}.{year}",
        f"{month}/{day}/{year}",
        f"{int(day)}.{int(month)}.{year[2:]}",
        f"{int(day)} {name} {year}",
        f"{name} {int(day)}, {year}",
        f"{day}{name.upper()}{year}",
        f"{day}{month}{year}",
        f"{year[2:]}{month}{day}",
        f"{int(day)} {int(month)} {year}",
    )
    return rng.choice(forms)
