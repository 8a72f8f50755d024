"""Everything around and behind the attributes: file and folder names, preamble, file meta, overlays, icons, what follows the pixels."""

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from radcommons.apps.deid_benchmark.attribute_path import FILE_NAME, META, PREAMBLE
from radcommons.apps.deid_benchmark.generator.draft import Draft, Spot
from radcommons.apps.deid_benchmark.generator.glyphs import draw_icon, draw_overlay, plain
from radcommons.apps.deid_benchmark.key import Action, Check

_PREAMBLE_BYTES = 128


def plant_outside(draft: Draft) -> None:
    """Plant an overlay, an icon, a curve or something after the pixels, by turns."""
    name = plain(f"{draft.person.family} {draft.person.given}")
    turn = draft.number % 4
    if draft.picture is None:
        _after_the_pixels(draft)
        return
    if turn == 0:
        draw_overlay(draft, name, "name")
        comment = f"drawn for {draft.person.patient_id}"
        draft.dataset.add_new(0x60004000, "LT", comment)
        draft.must_go("(6000,4000)", comment, [(draft.person.patient_id, "patient_id")], slot="overlay")
    elif turn == 1:
        draw_icon(draft, name, "name")
    elif turn == 2:  # noqa: PLR2004  by turns
        _after_the_pixels(draft)
    else:
        _curve(draft)


def _after_the_pixels(draft: Draft) -> None:
    """A digital signature and padding behind the pixel data (PS3.3 C.12.1.1.3, PS3.5 7.2)."""
    person, item = draft.person, Dataset()
    text = f"CN={person.operator.replace('^', ' ')},O={person.hospital}"
    raw = text.encode("ascii")
    item.MACIDNumber, item.CertificateType = 1, "X509_1993_SIG"
    item.CertificateOfSigner = raw + b"\0" * (len(raw) & 1)
    draft.dataset.add_new(0xFFFAFFFA, "SQ", Sequence([item]))
    path = "DigitalSignaturesSequence[0].CertificateOfSigner"
    secrets = [(person.hospital, "institution"), (person.operator.partition("^")[0], "name")]
    draft.must_go(path, text, secrets, slot="trailing")
    padding = f"PAD{person.patient_id}".encode("ascii")
    draft.dataset.add_new(0xFFFCFFFC, "OB", padding + b"\0" * (len(padding) & 1))
    draft.must_go(
        "DataSetTrailingPadding", padding.decode("ascii"), [(person.patient_id, "patient_id")], slot="trailing"
    )


def _curve(draft: Draft) -> None:
    text = f"ECG of {draft.person.family}"
    draft.dataset.add_new(0x50000022, "LO", text)
    draft.must_go("(5000,0022)", text, [(draft.person.family, "name")], slot="curve")


def file_path(draft: Draft) -> str:
    """Where the file lies: folder and name tell who it is, and that is written down."""
    person = draft.person
    family = plain(person.family).replace(" ", "").replace("'", "").upper()
    path = f"{family}_{person.patient_id}/{draft.day:%Y%m%d}_{family}_{1000 + draft.number}.dcm"
    draft.must_go(FILE_NAME, path, [(person.patient_id, "patient_id"), (family, "name")], slot="file-name")
    return path


def preamble(draft: Draft) -> bytes:
    """The 128 bytes before the data set, with a name in those of every third object."""
    if draft.number % 3 != 1:
        return bytes(_PREAMBLE_BYTES)
    text = f"EXPORT {plain(draft.person.family)} {draft.person.patient_id}"
    secrets = [(draft.person.patient_id, "patient_id")]
    draft.must_go(PREAMBLE, text, secrets, slot="preamble")
    return text.encode("ascii").ljust(_PREAMBLE_BYTES, b"\0")


def plant_meta(draft: Draft, meta: Dataset) -> None:
    """Plant addresses of the hospital and private information into the file meta information (PS3.10 7.1)."""
    spot = Spot(meta, f"{META}.")
    title = f"AE{draft.code()}"
    draft.identifier(spot, "SourceApplicationEntityTitle", title, kind="id", slot="file-meta")
    draft.identifier(spot, "SendingApplicationEntityTitle", f"S{title}", kind="id", slot="file-meta")
    meta.PrivateInformationCreatorUID = "1.2.826.0.1.3680043.10.1555.9"
    raw = f"{draft.person.patient_id};{draft.person.phone}".encode("ascii")
    meta.PrivateInformation = raw + b"\0" * (len(raw) & 1)
    path = f"{META}.PrivateInformation"
    draft.must_go(path, raw.decode("ascii"), [(draft.person.patient_id, "patient_id")], slot="file-meta")
    uid = draft.sop_instance_uid
    draft.checks.append(
        Check(
            Action.UID_CHANGED, "file-meta", "uid", f"{META}.MediaStorageSOPInstanceUID", uid, uid, is_searchable=True
        )
    )
