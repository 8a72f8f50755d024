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
WORD = re.compile(r"[^\W\d_]{2,}")
# A word the project does not use, in any language of its own.
UNWANTED = re.compile(r"anonymi[sz]")


def standard_texts() -> Iterator[str]:
    """Every meaning and name of the standard that pydicom knows."""
    for codes_by_keyword in concepts.values():
        for codes in codes_by_keyword.values():
            yield from (meaning for meaning, _ in codes.values())
    yield from (entry[2] for entry in DicomDictionary.values())
    yield from (entry[0] for entry in UID_dictionary.values())


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
    words = words_of(standard_texts()) | words_of(kept_by_hand())
    (DATA / "vocabulary.txt").write_text(written(words), encoding="utf-8")


if __name__ == "__main__":
    main()
