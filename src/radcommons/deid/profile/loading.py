"""Reading a profile from its TOML file, and refusing one that says less than it means or more than it may."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from radcommons.deid.pixels.rules import PixelRules, RectangleRule
from radcommons.deid.profile.document import Document, ProfileError
from radcommons.deid.profile.overrides import actions_of, classes_of, kept_of, private_of
from radcommons.deid.profile.rules import Profile
from radcommons.deid.tables import OPTION_CODES, attribute_rows, code_of, option_name, table

SCHEMA = "radcommons.profile/1"
READY_PROFILES = ("basic", "ricord", "tcia")
DEFAULT_PROFILE = "ricord"
_KEYS = frozenset(
    {
        "schema",
        "name",
        "version",
        "edition",
        "title",
        "options",
        "maximum_age_years",
        "unknown_words",
        "actions",
        "keep",
        "classes",
        "private",
        "pixels",
    }
)
_OLDEST_AGE = 89
_MAX_NAME_LENGTH = 40


@lru_cache(maxsize=16)
def load_profile(name_or_path: str | Path) -> Profile:
    """Load a profile that comes with the package by its name, or any by the path of its TOML file.

    Raises
    ------
    ProfileError
        When it is missing, malformed, made for another edition of the standard, asks for what does not exist, or keeps
        more than its options without a reason. The message names the line or the key and says what to do.
    """
    text = profile_text(name_or_path)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"The profile is no valid TOML: {error}.") from error
    return _compile(Document(content, text))


def profile_text(name_or_path: str | Path) -> str:
    """The file of a profile as it was written.

    Raises
    ------
    ProfileError
        When there is none.
    """
    packaged = files("radcommons.deid") / "profiles" / f"{name_or_path}.toml"
    try:
        if "/" not in str(name_or_path) and packaged.is_file():
            return packaged.read_text("utf-8")
        return Path(name_or_path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(READY_PROFILES)
        raise ProfileError(
            f"There is no such profile: name one of {known}, or give the path of a TOML file."
        ) from error


def _compile(document: Document) -> Profile:
    document.expect_keys(_KEYS)
    if document.text("schema") != SCHEMA:
        raise document.error("schema", f'write schema = "{SCHEMA}".')
    edition = str(table("ps3_15_e1_1")["edition"])
    if document.text("edition") != edition:
        raise document.error(
            "edition", f'the tables here are of edition {edition}; read what changed, then write "{edition}".'
        )
    options = _options(document)
    codes = {tag: code_of(row, options) for tag, row in attribute_rows().items()}
    overrides = {**actions_of(document), **kept_of(document, codes)}
    codes.update({tag: code for tag, (code, _) in overrides.items()})
    private, distrusted = private_of(document, options)
    pixels = _pixels(document)
    if "clean_recognizable_visual_features" in options and not pixels.is_faces_held:
        raise document.section("pixels").error("is_faces_held", "the option for visual features needs it to be true.")
    profile = Profile(
        name=_name(document, "name"),
        version=_name(document, "version"),
        title=document.text("title", default=""),
        options=options,
        digest=digest_of(document.content),
        codes=codes,
        overrides=overrides,
        classes={},
        private=private,
        distrusted_creators=distrusted,
        pixels=pixels,
        maximum_age_years=_age(document),
        are_unknown_words_removed=_unknown_words(document) == "remove",
    )
    classes = {uid: _variant(profile, own) for uid, own in classes_of(document).items()}
    return replace(profile, classes=classes) if classes else profile


def _variant(profile: Profile, own: Mapping[int, tuple[str, str]]) -> Profile:
    codes = {tag: code for tag, (code, _) in own.items()}
    return replace(profile, codes={**profile.codes, **codes}, overrides={**profile.overrides, **own})


def digest_of(content: Mapping[str, object]) -> str:
    """SHA-256 of a profile's content as canonical JSON; layout and comments of its file do not count."""
    fingerprint = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(fingerprint.encode()).hexdigest()


def _name(document: Document, key: str) -> str:
    name = document.text(key)
    if not name.strip() or len(name) > _MAX_NAME_LENGTH or "\\" in name or not name.isascii() or not name.isprintable():
        raise document.error(key, f"give it 1 to {_MAX_NAME_LENGTH} ASCII letters, digits, dots or dashes.")
    return name


def _options(document: Document) -> tuple[str, ...]:
    options = set()
    for text in document.texts("options"):
        name = option_name(text)
        if name is None:
            raise document.error("options", f'"{text}" is no option of PS3.15; these are: {", ".join(OPTION_CODES)}.')
        options.add(name)
    if {"retain_longitudinal_full_dates", "retain_longitudinal_modified_dates"} <= options:
        raise document.error("options", "dates are either kept or moved (PS3.15 E.3.6); name one of the two options.")
    return tuple(sorted(options))


def _pixels(document: Document) -> PixelRules:
    section = document.section("pixels")
    section.expect_keys({"release", "markers", "rectangles", "is_faces_held"})
    rectangles = []
    for entry in section.entries("rectangles"):
        try:
            rule = RectangleRule.from_table(entry.content)
        except ValueError as error:
            raise section.error("rectangles", f"{error}") from error
        rectangles.append(replace(rule, conditions=dict(rule.conditions)))
    try:
        return PixelRules(
            release=section.text("release", default="person"),
            markers=tuple(section.texts("markers", default=())),
            rectangles=tuple(rectangles),
            is_faces_held=section.flag("is_faces_held", default=True),
        )
    except ValueError as error:
        raise section.error("release", f"{error}") from error


def _unknown_words(document: Document) -> str:
    """``review`` shows words outside the vocabulary to a person, ``remove`` takes them out of every free text."""
    choice = document.text("unknown_words", default="review")
    if choice not in {"review", "remove"}:
        raise document.error("unknown_words", 'write "review" or "remove".')
    return choice


def _age(document: Document) -> int | None:
    age = document.content.get("maximum_age_years")
    if age is None:
        return None
    if not isinstance(age, int) or isinstance(age, bool) or not 0 < age <= _OLDEST_AGE:
        raise document.error(
            "maximum_age_years",
            f"give a whole number of years up to {_OLDEST_AGE}; older persons are too few to hide among.",
        )
    return age
