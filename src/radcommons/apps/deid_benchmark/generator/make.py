"""The verb ``make``: a folder of files with planted identifiers, and the answer key beside it."""

import warnings
from importlib.metadata import version
from pathlib import Path

from pydicom import config as pydicom_config

from radcommons.apps.deid_benchmark.generator.directory import write_directory
from radcommons.apps.deid_benchmark.generator.draft import Draft
from radcommons.apps.deid_benchmark.generator.kinds import KINDS
from radcommons.apps.deid_benchmark.generator.persons import Person, make_person
from radcommons.apps.deid_benchmark.generator.plan import USUAL_OBJECTS, Order, plan
from radcommons.apps.deid_benchmark.generator.real_files import load
from radcommons.apps.deid_benchmark.generator.slots.header import plant_header
from radcommons.apps.deid_benchmark.generator.slots.nested import plant_nested
from radcommons.apps.deid_benchmark.generator.slots.outside import plant_outside
from radcommons.apps.deid_benchmark.generator.slots.private import plant_private
from radcommons.apps.deid_benchmark.generator.slots.table import plant_table_rows
from radcommons.apps.deid_benchmark.generator.slots.texts import plant_free_texts
from radcommons.apps.deid_benchmark.generator.slots.unlisted import plant_unlisted
from radcommons.apps.deid_benchmark.generator.writing import write_draft
from radcommons.apps.deid_benchmark.key import FILES_FOLDER, KEY_NAME, AnswerKey
from radcommons.apps.deid_benchmark.midi_b import write_midi_b
from radcommons.dicom.errors import Kind, RadCommonsError

GENERATOR = "1"
# Libraries whose version may change a byte of a compressed picture or of a rendered letter.
_LIBRARIES = ("pydicom", "numpy", "pillow", "pyjpegls", "pylibjpeg-openjpeg")


def make_benchmark(out: Path, *, seed: int = 1, objects: int = USUAL_OBJECTS, base: Path | None = None) -> AnswerKey:
    """Write ``OUT/files``, ``OUT/answer_key.json`` and the MIDI-B form ``OUT/midi_b/``.

    Parameters
    ----------
    seed, objects
        Chance and size; a set of more than a dozen objects plants every row of Table E.1-1.
    base
        A folder of real files to plant in; pydicom's own when ``None``.

    Raises
    ------
    RadCommonsError
        ``benchmark.out-not-empty`` when OUT holds something.
    """
    if out.exists() and any(out.iterdir()):
        raise RadCommonsError(
            Kind.CONFLICT, "benchmark.out-not-empty", "OUT holds something. Name a new or empty folder."
        )
    files = out / FILES_FOLDER
    files.mkdir(parents=True)
    key = AnswerKey(GENERATOR, seed, {name: version(name) for name in _LIBRARIES})
    drafts: list[Draft] = []
    with pydicom_config.disable_value_validation(), warnings.catch_warnings():
        # Values that are wrong on purpose need no warning.
        warnings.simplefilter("ignore", UserWarning)
        for order in plan(objects, base):
            draft = make_draft(order, make_person(seed, order.person), seed=seed, drafts=drafts)
            key.objects.append(write_draft(draft, files))
            drafts.append(draft)
        key.objects.append(write_directory(drafts, files, seed=seed))
        write_midi_b(key, out)
    key.write(out / KEY_NAME)
    return key


def make_draft(order: Order, person: Person, *, seed: int, drafts: list[Draft]) -> Draft:
    """One object with everything planted in it; ``drafts`` are those made before."""
    if order.source is None:
        kind = KINDS[order.kind]
        about = (kind.modality, kind.sop_class_uid, kind.transfer_syntax_uid, kind.may_be_refused)
    else:
        about = ("OT", "", "", False)
    draft = Draft(order.kind, order.number, person, seed, order.visit, *about)
    draft.siblings = [each for each in drafts if each.study_instance_uid == draft.study_instance_uid]
    if order.source is not None:
        load(draft, order.source)
    plant_header(draft)
    if order.source is None:
        KINDS[order.kind].build(draft)
    plant_free_texts(draft)
    plant_nested(draft)
    plant_unlisted(draft)
    plant_private(draft)
    plant_outside(draft)
    plant_table_rows(draft)
    return draft
