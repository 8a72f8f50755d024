"""Invented persons whose names are hard: hyphens, apostrophes, accents, three scripts, two letters, everyday words."""

import random
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Script:
    """Names of one sort, with the character set that their files declare.

    Parameters
    ----------
    families, givens
        Parallel lists of spellings: Latin, and where there are any ideographic and phonetic, separated by ``=``.
    is_everyday
        Whether the names are words or so short that finding their letters somewhere proves nothing.
    """

    charset: str | list[str]
    families: tuple[str, ...]
    givens: tuple[str, ...]
    is_everyday: bool = False


SCRIPTS = (
    Script("ISO_IR 100", ("Meyer-Landrut", "Smythe-Walker", "Kowal-Berends"), ("Annegret", "Wilhelmina", "Thaddeus")),
    Script("ISO_IR 100", ("O'Shaughnessy", "D'Agostini", "O'Flanagan"), ("Siobhan", "Massimo", "Fergus")),
    Script("ISO_IR 100", ("Müllerschön", "Lefèvre-Noël", "Ångströmsen"), ("Jörgen", "Hélène", "Gunhild")),
    Script(
        ["", "ISO 2022 IR 87"],
        ("Yamadera=山寺=やまでら", "Okabayashi=岡林=おかばやし", "Hasegawa=長谷川=はせがわ"),
        ("Tarouji=太郎次=たろうじ", "Hanayo=花代=はなよ", "Kenichiro=健一郎=けんいちろう"),
    ),
    Script("ISO_IR 100", ("Li", "Wu", "Ng"), ("Bo", "An", "Ho"), is_everyday=True),
    Script("ISO_IR 100", ("Case", "Hart", "Brown"), ("Grace", "Faith", "Art"), is_everyday=True),
    Script("ISO_IR 192", ("Žižkovská", "Łukasiewicz", "Đorđević"), ("Květoslava", "Mieczysław", "Živorad")),
    Script(
        ["", "ISO 2022 IR 149"],
        ("Namgoong=南宮=남궁", "Hwangbo=皇甫=황보", "Seonwoo=鮮于=선우"),
        ("Gildong=吉洞=길동", "Minjeong=敏貞=민정", "Haneul=河乙=하늘"),
    ),
    Script(
        "GB18030", ("Ouyang=欧阳", "Zhuge=诸葛", "Shangguan=上官"), ("Xiaodong=小东", "Meiling=美玲", "Jianguo=建国")
    ),
    Script("ISO_IR 144", ("Voronkov=Воронков", "Shcherbak=Щербак", "Tyutchev=Тютчев"), ("Innokentiy=Иннокентий",) * 3),
    Script("ISO_IR 126", ("Papadaki=Παπαδάκη", "Theodorou=Θεοδώρου", "Kazantzis=Καζαντζής"), ("Evdokia=Ευδοκία",) * 3),
    Script("", ("Okonjo", "Vandersteen", "Abernathy"), ("Adaeze", "Cornelius", "Winifred")),
)
_PHYSICIANS = ("Fairweather^Prudence", "Quackenbush^Elias", "Thistlewood^Nora", "Featherstone^Ivo", "Ravenscroft^Maud")
_OPERATORS = ("Tidmarsh^Olive", "Babbington^Rex", "Crumpwell^Ida", "Winterbourne^Gus")
_RELATIVES = ("Ngozika", "Philippa", "Aurelio", "Birgitta", "Casimir")
_STRANGERS = ("Hollingsworth", "Pemberton", "Vasquez-Ortega", "Lindqvistsson", "Dunkelmann")
_HOSPITALS = (
    ("Saint Ethelburga Infirmary", "12 Cathedral Close, Barchester BC4 7QX", "ETHEL"),
    ("Klinikum Sankt Walburga", "Walburgastrasse 9, 49733 Moorhausen", "WALB"),
    ("Bramblewick Memorial Hospital", "4400 Old Mill Road, Bramblewick, OH 44999", "BRAMB"),
)
# Without house numbers: MIDI-B would find the 5 of a street again in a moved date.
_STREETS = ("Nettlecombe Lane", "Larkspur Avenue", "Gallowgate Row", "Windrush Crescent")
_CITIES = (("Ashby Parva", "LE17 5HS"), ("Pottersville", "12860"), ("Moorhausen", "49733"), ("Thornfield", "HX7 8QT"))


@dataclass(frozen=True, slots=True)
class Person:
    """One invented patient with everything about him that identifies.

    Parameters
    ----------
    groups
        Family and given name in each script, Latin first.
    charset
        Specific Character Set of his files.
    is_everyday
        See :class:`Script`.
    """

    ordinal: int
    groups: tuple[tuple[str, str], ...]
    charset: str | list[str]
    is_everyday: bool
    patient_id: str
    other_id: str
    birth_date: date
    sex: str
    first_visit: date
    street: str
    city: str
    postcode: str
    phone: str
    email: str
    social_number: str
    physician: str
    second_physician: str
    operator: str
    relative: str
    stranger: str
    hospital: str
    hospital_address: str
    hospital_code: str

    @property
    def family(self) -> str:
        """The Latin family name."""
        return self.groups[0][0]

    @property
    def given(self) -> str:
        """The Latin given name."""
        return self.groups[0][1]

    @property
    def person_name(self) -> str:
        """The name as a PN value, up to three component groups (PS3.5 6.2.1)."""
        groups = self.groups
        if len(groups) > 1 and not _is_ideographic(groups[1][0]):
            # Cyrillic, Greek and the like are alphabetic: one group, in the script of the file.
            groups = groups[1:]
        return "=".join(f"{family}^{given}" for family, given in groups)

    @property
    def age(self) -> str:
        """Age at the first visit as AS value."""
        years = (self.first_visit - self.birth_date).days // 365
        return f"{years:03d}Y"

    def visit(self, number: int) -> date:
        """Day of one of his visits: intervals that a shift has to keep."""
        return self.first_visit + timedelta(days=(0, 17, 101, 400)[number % 4])


def _is_ideographic(text: str) -> bool:
    return any("\u2e80" <= letter <= "\uffef" for letter in text)


def make_person(seed: int, ordinal: int) -> Person:
    """The invented patient of an ordinal; scripts take turns."""
    rng = random.Random(f"person/{seed}/{ordinal}")  # noqa: S311  invented people, no secret
    script = SCRIPTS[ordinal % len(SCRIPTS)]
    families, givens = rng.choice(script.families).split("="), rng.choice(script.givens).split("=")
    hospital, address, code = _HOSPITALS[(seed + ordinal) % len(_HOSPITALS)]
    physicians = rng.sample(_PHYSICIANS, 2)
    city, postcode = rng.choice(_CITIES)
    plain = "".join(letter for letter in families[0].lower() if letter.isascii() and letter.isalpha())
    number = 1000 + ordinal
    return Person(
        ordinal=ordinal,
        groups=tuple(zip(families, givens, strict=True)),
        charset=script.charset,
        is_everyday=script.is_everyday,
        patient_id=f"MRN{rng.randrange(10, 99)}{number}{rng.randrange(1000, 9999)}",
        other_id=f"OLD-{rng.randrange(100000, 999999)}-{number}",
        birth_date=date(1932 + rng.randrange(70), 1 + rng.randrange(12), 1 + rng.randrange(28)),
        sex="MF"[ordinal % 2],
        first_visit=date(2018 + rng.randrange(4), 1 + rng.randrange(12), 1 + rng.randrange(28)),
        street=rng.choice(_STREETS),
        city=city,
        postcode=postcode,
        phone=f"+44 {rng.randrange(1200, 1999)} {rng.randrange(100000, 999999)}",
        email=f"{plain}.{number}@mail{rng.randrange(10, 99)}.example.org",
        social_number=f"{rng.randrange(900, 999)}-{rng.randrange(10, 99)}-{number}",
        physician=physicians[0],
        second_physician=physicians[1],
        operator=rng.choice(_OPERATORS),
        relative=rng.choice(_RELATIVES),
        stranger=rng.choice(_STRANGERS),
        hospital=hospital,
        hospital_address=address,
        hospital_code=code,
    )
