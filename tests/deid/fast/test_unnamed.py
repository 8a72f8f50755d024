"""What was decided for one patient is decided for the next one too, unless that one is named in it."""

import base64
import struct

from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import CTImageStorage
from tests.support.both_ways import made_job

from radcommons.deid.cleaning import Cleaning
from radcommons.deid.fast.context import Context
from radcommons.deid.fast.memories import Anybody, Harvest
from radcommons.deid.fast.unnamed import unnamed
from radcommons.deid.identifiers import pattern_of
from radcommons.deid.rewriting import PatientMapping
from radcommons.dicom.elements import EXPLICIT_LITTLE, Element
from radcommons.dicom.text import DEFAULT_ENCODINGS

IDENTIFIERS = (
    frozenset({"Quixotesen^Ulrika", "MRN-7654321", "20200315"}),
    frozenset({"Brown^Li", "Ward^Jane", "20191224", "Harbour Terrace 12, Ardmore"}),
    frozenset({"Hand^Chest", "4711", "ACC998877"}),
)
WORDS = (
    *(
        "CT",
        "chest",
        "Dr.",
        "for",
        "Brown",
        "BROWN,",
        "Li",
        "hand",
        "Chest",
        "Ulrika",
        "quixotesen",
        "Jane Ward",
        "B.U.",
    ),
    *("15.03.2020", "20191224", "MRN7654321", "4711", "998877", "Ardmore", "120", "Quixo-tesen", "nesetoxiuq"),
    base64.b64encode(b"seen Quixotesen").decode(),
    b"Harbour Terrace".hex(),
)
texts = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
# A description, a technical text, a code, a name, a date, a number of a person, a private text, a sequence.
places = st.sampled_from(
    [
        *((0x00081030, b"LO"), (0x00181030, b"LO"), (0x00180015, b"CS"), (0x00081048, b"PN"), (0x00080020, b"DA")),
        *((0x00080050, b"SH"), (0x00191001, b"LO"), (0x00081032, b"SQ"), (0x00180060, b"DS"), (0x00204000, b"LT")),
    ]
)


def _raw(tag, vr, text):
    value = text.encode("ascii") + b" " * (len(text) & 1)
    if vr == b"SQ":
        inner = _raw(0x00080104, b"LO", text)
        value = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
        return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def _context(number, anybody, decisions):
    patient = PatientMapping(f"MRN-{number}", f"ALPHA-{number:06d}", -500 - number)
    job = made_job(patient=patient, cleaning=Cleaning(text_decisions=decisions))
    harvest = Harvest(EXPLICIT_LITTLE, DEFAULT_ENCODINGS)
    return Context(job, CTImageStorage, harvest, IDENTIFIERS[number], anybody=anybody)


def _told(context, tag, raw):
    decision = context.decide(tag, raw, "")
    notes = decision.notes
    found = context.findings(tag, decision.raw, "") if decision.raw else ()
    return decision.raw, notes.report, notes.kept_texts, notes.redactions, notes.has_cleaned_content, found


@given(places, texts, st.permutations(range(3)), st.sampled_from([{}, {"CT chest": "CT", "Brown": None}]))
def test_a_text_means_the_same_whoever_came_before(place, text, order, decisions):
    tag, vr = place
    raw, shared = _raw(tag, vr, text), Anybody(EXPLICIT_LITTLE)
    for number in order:
        alone = _told(_context(number, Anybody(EXPLICIT_LITTLE), decisions), tag, raw)
        assert _told(_context(number, shared, {}), tag, raw) is not None
        assert _told(_context(number, shared, decisions), tag, raw) == alone


def test_only_public_texts_in_which_nobody_is_named_are_the_same_for_others():
    def answer(tag, vr, text, **more):
        element = Element(tag, vr, text.encode("latin-1"), **more)
        return unnamed(element, DEFAULT_ENCODINGS, pattern_of(IDENTIFIERS[1]), "stays")

    kept = answer(0x00081030, "LO", "CT chest")
    assert kept.answer == "stays"
    assert kept.texts == {"CT chest"}
    assert kept.holds_for(pattern_of(IDENTIFIERS[0]), {})
    assert not kept.holds_for(pattern_of(IDENTIFIERS[2]), {})
    assert not kept.holds_for(pattern_of(IDENTIFIERS[0]), {"CT chest": "CT"})
    assert kept.holds_for(pattern_of(IDENTIFIERS[0]), {"CT hand": "CT"})
    assert answer(0x00081030, "LO", "CT for Brown") is None
    assert answer(0x00081030, "LO", "Thorax für uns") is None
    assert answer(0x00191001, "LO", "CT") is None
    assert answer(0x00080020, "DA", "20200315") is None
    assert answer(0x00080050, "SH", "CT 1") is None
    code = Element(0x00080104, "LO", b"CT chest")
    charset = Element(0x00080005, "CS", b"ISO_IR 100")
    assert answer(0x00081032, "SQ", "", items=((code,),)).texts == {"CT chest"}
    assert answer(0x00081032, "SQ", "", items=((charset, code),)) is None
