"""The conformance statement of the de-identifier: what each ready profile does to each attribute (PS3.15 E.1.3)."""

from collections.abc import Iterator
from itertools import groupby

from pydicom.datadict import keyword_for_tag

from radcommons.deid.private import standard_private_attributes
from radcommons.deid.profile import ENGINE_VERSION, MEANINGS, OPTION_CODES, READY_PROFILES, Profile, load_profile
from radcommons.deid.profile.engine import OLDEST_ENGINE
from radcommons.deid.tables import attribute_rows, code_of, rows_of, table
from radcommons.dicom.elements import tag_text

_PATIENT_AGE = 0x00101010
_UNLISTED = (
    ("Person names (PN)", "Z", "Z", "Z"),
    ("Dates and date-times (DA, DT)", "X/Z/D", "C", "C"),
    ("UIDs (UI) that are not of the standard itself", "U", "U", "U"),
    ("Addresses (UR) other than those of vocabularies", "X", "X", "X"),
    ("Attributes the dictionary does not know", "X", "X", "X"),
    ("Values of unknown form (UN) that would be kept or cleaned", "X", "X", "X"),
    (
        "Order numbers, births and deaths in other calendars, and others that name or number somebody",
        "X/Z/D",
        "X/Z/D",
        "X/Z/D",
    ),
    ("Names of single devices", "X/Z/D", "K", "K"),
    ("Narrative texts (LT, ST, UC, UT)", "X/Z/D", "C", "C"),
    ("Labels, comments and descriptions that people type (LO, SH)", "C", "C", "C"),
    ("Other texts", "searched", "searched", "searched"),
    ("Everything else", "K", "K", "K"),
)
_GROUPS = (
    ("Private attributes", "X", "X", "C: those of Table E.3.10-1 below, else X"),
    ("Overlays and curves (60xx, 50xx)", "X", "X", "X"),
    ("Group lengths, command, file meta and directory groups in a data set", "X", "X", "X"),
    ("Digital signatures (FFFA,FFFA), trailing padding (FFFC,FFFC)", "X", "X", "X"),
)


def page() -> Iterator[str]:
    """The page under ``docs/reference``."""
    profiles = [load_profile(name) for name in READY_PROFILES]
    head = " | ".join(f"`{profile.name}` {profile.version}" for profile in profiles)
    yield "# What de-identification does to each attribute\n"
    yield (
        f"A conformance statement by PS3.15 E.1.3, edition {table('ps3_15_e1_1')['edition']}. `radcommons edge profile explain "
        "ATTRIBUTE` says the same of one attribute, with the reason; `edge profile show` says it of a profile of your own.\n"
    )
    yield (
        f"It holds for **engine {ENGINE_VERSION}**; every signed summary names the engine that made its batch. A centre of this version "
        f"takes batches of engine {OLDEST_ENGINE} and later, and looks at each instance again by its own rules.\n"
    )
    yield "## Options\n"
    yield "Claimed in De-identification Method Code Sequence (0012,0064), code of PS3.16 CID 7050.\n"
    yield f"| code | option | {head} |\n|---|---|{'---|' * len(profiles)}"
    yield _row("113100", "Basic Application Confidentiality Profile", *["always"] * len(profiles))
    for option, (code, meaning) in sorted(OPTION_CODES.items(), key=lambda item: item[1]):
        yield _row(code, meaning.removesuffix(" Option"), *[_claim(option, profile.options) for profile in profiles])
    yield _row(
        "", "Longitudinal Temporal Information Modified (0028,0303)", *[profile.dates_mark for profile in profiles]
    )
    yield _row("", "ages above 89 years", *[_ages(profile) for profile in profiles])
    yield "\nClean Pixel Data is claimed for objects whose pixels were looked at and blackened where needed; Clean Structured"
    yield "Content for objects with a content tree that was cleaned. No object claims an option that was not applied to it.\n"
    yield "## Letters\n\n| letter | what happens |\n|---|---|"
    for action, meaning in MEANINGS.items():
        yield _row(action.value, meaning)
    yield _row("X/Z, X/D, Z/D, X/Z/D", "the first letter that the type of the attribute in its object allows")
    yield _row("X/Z/U*", "the items stay, every UID in them is replaced")
    yield from _attributes(head, profiles)
    yield from _content_items(profiles)
    yield from _private()


def _claim(option: str, options: tuple[str, ...]) -> str:
    if option not in options:
        return ""
    return "where applied" if option in {"clean_pixel_data", "clean_structured_content"} else "yes"


def _ages(profile: Profile) -> str:
    limit = profile.maximum_age_years
    if profile.codes[_PATIENT_AGE] == "X" or limit is None:
        return "no age" if limit is not None else "kept"
    return f"category {limit + 1:03d}Y"


def _attributes(head: str, profiles: list[Profile]) -> Iterator[str]:
    yield "\n## Attributes\n"
    yield "Rows of Table E.1-1, and attributes for which a profile has a rule of its own (marked *).\n"
    yield f"| tag | attribute | {head} |\n|---|---|{'---|' * len(profiles)}"
    for tag in sorted({tag for profile in profiles for tag in profile.codes}):
        name = keyword_for_tag(tag) or str(attribute_rows()[tag]["name"])
        codes = [
            profile.codes.get(tag, "not listed") + ("*" if tag in profile.overrides else "") for profile in profiles
        ]
        yield _row(tag_text(tag), name, *codes)
    yield "\n## Whole groups, and attributes that no row lists\n"
    yield f"| what | {head} |\n|---|{'---|' * len(profiles)}"
    for name, *codes in (*_GROUPS, *_UNLISTED):
        yield _row(name, *codes)


def _content_items(profiles: list[Profile]) -> Iterator[str]:
    yield "\n## Content items of structured reports (Table E.3.4-1)\n"
    yield "With Clean Structured Content; without it a report keeps its form and no text. Items that no row lists are cleaned.\n"
    chosen = [profile for profile in profiles if profile.clean_reports]
    yield f"| code | concept | {' | '.join(f'`{profile.name}`' for profile in chosen)} |\n|---|---|{'---|' * len(chosen)}"
    for row in sorted(rows_of("ps3_15_e3_4_1"), key=lambda row: (str(row["scheme"]), str(row["code"]))):
        codes = [code_of(row, profile.options) for profile in chosen]
        yield _row(f"{row['code']} {row['scheme']}", str(row["meaning"]), *codes)


def _private() -> Iterator[str]:
    yield "\n## Safe private attributes (Table E.3.10-1)\n"
    yield (
        "Kept with Retain Safe Private when creator, group, last two digits, value representation and form of the value are"
        " these; texts in them are cleaned, dates moved, UIDs replaced.\n"
    )
    yield "| creator | attributes |\n|---|---|"
    every = sorted(standard_private_attributes().values(), key=lambda each: (each.creator, each.group, each.element))
    for creator, attributes in groupby(every, key=lambda each: each.creator):
        listed = [f"({each.group:04X},xx{each.element:02X}) {each.vr or 'number'}" for each in attributes]
        yield _row(creator, ", ".join(listed))


def _row(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
