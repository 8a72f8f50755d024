"""Make the vocabulary of imaging: words that by themselves say nothing of a person.

    python -m tools.make_vocabulary

The words come from the code dictionaries of DICOM as pydicom carries them (meanings of PS3.16, names of PS3.6 and of the
UIDs) and from the lists beside this file and in the package, which are kept by hand. Words are facts of language and of
the standard; no text is taken over.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pydicom
from pydicom._dicom_dict import DicomDictionary
from pydicom._uid_dict import UID_dictionary
from pydicom.sr._concepts_dict import concepts

HERE = Path(__file__).parent
DATA = HERE.parent / "src" / "radcommons" / "deid" / "data"
LINE_LENGTH = 180
# Context groups of species and breeds (PS3.16 CID 7454, 7480, 7481): their names are those of towns and persons.
BREEDS = frozenset({7454, 7480, 7481})
WORD = re.compile(r"[^\W\d_]{2,}")
# A word the project does not use, in any language of its own.
UNWANTED = re.compile(r"anonymi[sz]")


def standard_texts() -> Iterator[str]:
    """Every meaning and name of the standard that pydicom knows, but for breeds of animals."""
    for codes_by_keyword in concepts.values():
        for codes in codes_by_keyword.values():
            yield from (meaning for meaning, groups in codes.values() if not set(groups) & BREEDS)
    yield from (entry[2] for entry in DicomDictionary.values())
    yield from (entry[0] for entry in UID_dictionary.values())


def proper_names(texts: Iterable[str]) -> set[str]:
    """Words that are always written with a capital in the middle of a meaning: eponyms and places, many of them names."""
    capital, small = set(), set()
    for text in texts:
        is_title = sum(word[0].isupper() for word in WORD.findall(text)) > 1 + len(WORD.findall(text)) // 2
        for match in WORD.finditer(text):
            word = match[0]
            if word[0].islower() or is_title:
                small.add(word.lower())
            elif match.start() and not word.isupper():
                capital.add(word.lower())
    return capital - small


def kept_by_hand() -> Iterator[str]:
    """The lines of the lists that people keep."""
    for path in (DATA / "imaging_words.txt", *sorted((HERE / "vocabulary").glob("*.txt"))):
        yield from (line for line in path.read_text("utf-8").splitlines() if not line.startswith("#"))


def words_of(texts: Iterable[str]) -> set[str]:
    """All words of two letters and more, in lower case."""
    found = {word.lower() for text in texts for word in WORD.findall(text)}
    return {word for word in found if not UNWANTED.search(word)}


def written(words: Iterable[str]) -> str:
    """The file, wrapped so that a change shows as a short difference."""
    lines = [
        "# Words of imaging, medicine and hospitals that identify nobody by themselves; lower case.",
        f"# Made by tools/make_vocabulary.py from the dictionaries of pydicom {pydicom.__version__} and lists kept by hand.",
    ]
    line = ""
    for word in sorted(words):
        # A new line for each pair of first letters keeps later differences local.
        if line and (line[:2] != word[:2] or len(line) + len(word) >= LINE_LENGTH):
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return "\n".join([*lines, line, ""])


def main() -> None:
    """Write the vocabulary into the package."""
    texts = list(standard_texts())
    words = (words_of(texts) - proper_names(texts)) | words_of(kept_by_hand())
    (DATA / "vocabulary.txt").write_text(written(words), encoding="utf-8")


if __name__ == "__main__":
    main()
