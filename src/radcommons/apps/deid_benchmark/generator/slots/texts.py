"""Free text that holds an identifier beside something medical: the one must go, the other must stay."""

import string
from collections.abc import Iterator
from dataclasses import dataclass

from radcommons.apps.deid_benchmark.generator.draft import Draft, Spot
from radcommons.apps.deid_benchmark.generator.glyphs import plain

LONGEST = {"SH": 16, "LO": 64, "ST": 1024, "LT": 10240, "UT": 10**6, "UC": 10**6, "CS": 16}


@dataclass(frozen=True, slots=True)
class Template:
    """One sentence: its form with names of :func:`words`, and the medical part that has to stay."""

    form: str
    kept: str


# Names and numbers that stand in attributes of the same object, or are recognisable by their form or by a cue word.
TEMPLATES = (
    Template("CT CHEST W/O CONTRAST for {given} {family}", "CT CHEST W/O CONTRAST"),
    Template("Bilateral ground glass opacities, MRN {mrn}", "Bilateral ground glass opacities"),
    Template("Nodule right upper lobe; call {phone}", "Nodule right upper lobe"),
    Template("Cough and fever, referred by Dr. {physician}", "Cough and fever"),
    Template("No pleural effusion, prior of {day_point}", "No pleural effusion"),
    Template("Pneumothorax left apex, {FAMILY} DOB {birth_slash}", "Pneumothorax left apex"),
    Template("AP portable supine, accession {accession}", "AP portable supine"),
    Template("Follow-up pneumonia, report to {email}", "Follow-up pneumonia"),
    Template("Chest pain, seen on {day_words}", "Chest pain"),
    Template("Consolidation left lower lobe, SSN {social}", "Consolidation left lower lobe"),
    Template("Cardiomegaly, film from {hospital}", "Cardiomegaly"),
    Template("Contrast reaction, daughter {relative} informed", "Contrast reaction"),
    Template("Pulmonary embolism, Dr {stranger} called", "Pulmonary embolism"),
    Template("Images at {url} thorax", "thorax"),
    Template("HEART SIZE NORMAL PATIENT {GIVEN} {FAMILY}", "HEART SIZE NORMAL"),
    Template("Atelectasis, compared with {day_dash}", "Atelectasis"),
)
LONG_TEMPLATES = (
    Template(
        "{family}, {given}, lives at {street}, {postcode} {city}. Hypertension and diabetes mellitus. "
        "Dictated by Dr. {physician} on {day_slash}, operator {operator}.",
        "Hypertension and diabetes mellitus",
    ),
    Template(
        "Productive cough for two weeks; suspected tuberculosis. Please telephone {phone} or write to {email}. "
        "Known at {hospital} as {mrn}.",
        "Productive cough for two weeks; suspected tuberculosis",
    ),
    Template(
        "Mother {relative} reports shortness of breath. Wedge resection of the right lower lobe. Attending: Dr. {stranger}.",
        "Wedge resection of the right lower lobe",
    ),
)
SHORT_TEMPLATES = (Template("CT {mrn}", "CT"), Template("PA {FAMILY}", "PA"), Template("THORAX {given}", "THORAX"))
# A name nobody announced, in no attribute: only a vocabulary or a person's eye finds it.
STRANGER = Template("Small effusion unlike {stranger} series", "Small effusion")
_DATES = frozenset({"birth_slash", "day_point", "day_slash", "day_words", "day_dash"})
_KINDS = {
    "mrn": "patient_id", "phone": "phone", "email": "email", "accession": "accession", "social": "social_number", "hospital": "institution",
    "street": "address", "city": "address", "postcode": "address", "url": "url",
}  # fmt: skip


def words(draft: Draft) -> dict[str, str]:
    """Everything a template may say about the draft's person and visit."""
    person, day = draft.person, draft.day
    family, given = person.family, person.given
    return {
        "family": family,
        "given": given,
        "FAMILY": plain(family).upper(),
        "GIVEN": plain(given).upper(),
        "mrn": person.patient_id,
        "phone": person.phone,
        "email": person.email,
        "physician": person.physician.partition("^")[0],
        "operator": person.operator.partition("^")[0],
        "stranger": person.stranger,
        "relative": person.relative,
        "accession": draft.accession,
        "social": person.social_number,
        "hospital": person.hospital,
        "street": person.street,
        "city": person.city,
        "postcode": person.postcode,
        "url": f"http://pacs.{person.hospital_code.lower()}-net.example/wado/{person.patient_id}",
        "birth_slash": f"{person.birth_date:%d/%m/%Y}",
        "day_point": f"{day:%d.%m.%Y}",
        "day_slash": f"{day:%m/%d/%Y}",
        "day_words": f"{day.day} {day:%B} {day.year}",
        "day_dash": f"{day:%Y-%m-%d}",
    }


def plant_text(draft: Draft, spot: Spot, keyword: str, vr: str, *, slot: str = "text") -> None:
    """Plant a sentence that fits the attribute."""
    longest = LONGEST.get(vr, 64)
    pool: tuple[Template, ...]
    if longest <= LONGEST["SH"]:
        pool = SHORT_TEMPLATES
    else:
        pool = TEMPLATES if longest <= LONGEST["LO"] or draft.rng.random() < 0.5 else LONG_TEMPLATES  # noqa: PLR2004  by turns
    first = draft.rng.randrange(len(pool))
    for turn in range(len(pool)):
        template = pool[(first + turn) % len(pool)]
        if len(template.form.format(**words(draft))) <= longest and _is_fair(draft, template):
            plant_template(draft, spot, keyword, template, slot=slot)
            return
    if "MRN" not in keyword:
        draft.identifier(spot, keyword, draft.person.patient_id[:longest], kind="patient_id", slot=slot)


def plant_template(draft: Draft, spot: Spot, keyword: str, template: Template, *, slot: str) -> None:
    """Plant one sentence and write down its parts."""
    known = words(draft)
    value = template.form.format(**known)
    setattr(spot.dataset, keyword, value)
    path = spot.prefix + keyword
    draft.must_go(path, value, secrets_of(template, known), slot=slot)
    draft.must_stay(path, value, template.kept, slot=slot)


def secrets_of(template: Template, known: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The identifiers a template contains, as (text, kind)."""
    for _, name, _, _ in string.Formatter().parse(template.form):
        if name:
            kind = "date" if name in _DATES else _KINDS.get(name, "name")
            yield known[name], kind


def _is_fair(draft: Draft, template: Template) -> bool:
    """Whether no name of the person is, by its letters, part of the medical words (Li in clinic)."""
    kept = template.kept.casefold()
    return not any(part.casefold() in kept for group in draft.person.groups for part in group)


def plant_free_texts(draft: Draft) -> None:
    """Plant the descriptions that every object has, and a name that nobody announced in one of three."""
    for keyword, vr in (
        ("StudyDescription", "LO"),
        ("SeriesDescription", "LO"),
        ("ProtocolName", "LO"),
        ("ImageComments", "LT"),
        ("AdditionalPatientHistory", "LT"),
    ):
        plant_text(draft, draft.top, keyword, vr)
    if draft.number % 3 == 0:
        plant_template(draft, draft.top, "AcquisitionProtocolDescription", STRANGER, slot="text-unannounced")
    if draft.number % 4 == 1 and len(draft.person.groups) > 1:
        _in_own_script(draft)


def _in_own_script(draft: Draft) -> None:
    """A sentence with the name as its owner writes it."""
    family, _ = draft.person.groups[1]
    value = f"Tumor follow-up {family} thorax"
    draft.dataset.PatientComments = value
    draft.must_go("PatientComments", value, [(family, "name")], slot="text")
