"""Who is in the demonstration: sites, invented people and their examinations. No name, place or device here is real."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
RLE_LOSSLESS = "1.2.840.10008.1.2.5"


class Kind(StrEnum):
    """The kinds of examination that are drawn."""

    CT = "ct"
    CT_WITH_SCREEN = "ct-with-dose-screen"
    DX = "dx"
    DX_WITH_NAME_PLATE = "dx-with-name-plate"
    CR = "cr"
    ULTRASOUND = "ultrasound"


class Layout(StrEnum):
    """How a PACS lays out its exports."""

    BY_NAME = "by-name"
    BY_UID = "by-uid"
    BY_NUMBER = "by-number"


@dataclass(frozen=True, slots=True)
class Device:
    """An invented machine."""

    manufacturer: str
    model: str
    serial_number: str
    station: str
    private_creator: str


@dataclass(frozen=True, slots=True)
class Examination:
    """One study.

    Parameters
    ----------
    kind
        What is drawn.
    days
        Days since the subject's first study.
    extent
        How far the disease has gone, 0 to 1.
    transfer_syntax_uid
        Empty for the site's usual one.
    is_fine
        Whether a CT has 512 rows and columns.
    is_inverted
        Whether a radiograph is MONOCHROME1.
    """

    kind: Kind
    days: int = 0
    extent: float = 0.0
    transfer_syntax_uid: str = ""
    is_fine: bool = False
    is_inverted: bool = False


@dataclass(frozen=True, slots=True)
class Patient:
    """One invented person at a hospital."""

    patient_id: str
    name: str
    sex: str
    birth_date: date
    first_study: date
    covid19_status: str
    address: str
    phone: str
    examinations: tuple[Examination, ...]

    @property
    def family_name(self) -> str:
        """The family name alone, in Latin letters."""
        return self.name.split("=")[0].split("^")[0]

    def age_years(self, on: date) -> int:
        """Return the completed years of life on a day."""
        return on.year - self.birth_date.year - ((on.month, on.day) < (self.birth_date.month, self.birth_date.day))


@dataclass(frozen=True, slots=True)
class Hospital:
    """One invented hospital with everything that identifies it."""

    code: str
    name: str
    address: str
    country: str
    character_set: str
    transfer_syntax_uid: str
    layout: Layout
    physicians: tuple[str, str, str]
    ct: Device
    xray: Device
    other: Device
    patients: tuple[Patient, ...]


_MAKER, _SECOND_MAKER = "Example Medical Systems", "Sample Imaging"

ALPHA = Hospital(
    code="ALPHA", name="Harbour View Teaching Hospital", address="12 Quayside Terrace, Port Ellery", country="GB",
    character_set="ISO_IR 100", transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN, layout=Layout.BY_NAME,
    physicians=("Pemberton^Alasdair", "Nakamura-Boyle^Imogen", "Quillfeather^Beatrix"),
    ct=Device(_MAKER, "Aurora CT 64", "AC64-77120", "HVCT02", "EXAMPLE MEDICAL CT 01"),
    xray=Device(_MAKER, "Beacon DX 2", "BD2-30418", "HVDX01", "EXAMPLE MEDICAL DX 01"),
    other=Device(_SECOND_MAKER, "Echo 7", "E7-90233", "HVUS03", "SAMPLE IMAGING US"),
    patients=(
        Patient("MRN-70412983", "Hartwell^Eleanor^Rose", "F", date(1966, 2, 14), date(2020, 4, 12), "positive",
                "4 Lantern Row, Port Ellery", "+44 1632 960147",
                (Examination(Kind.CT, extent=0.55, is_fine=True), Examination(Kind.CT, days=9, extent=0.9))),
        Patient("MRN-70418827", "O'Driscoll^Finnbar", "M", date(1952, 11, 3), date(2020, 4, 21), "positive",
                "77 Ropewalk Lane, Port Ellery", "+44 1632 960311",
                (Examination(Kind.DX, extent=0.4), Examination(Kind.CT, days=1, extent=0.7))),
        Patient("MRN-70420055", "Whitcombe-Sayers^Jonathan", "M", date(1974, 7, 30), date(2020, 5, 6), "negative",
                "9 Saltmarsh Close, Ellery Sands", "+44 1632 960820",
                (Examination(Kind.CT), Examination(Kind.ULTRASOUND, days=2))),
        Patient("MRN-70399140", "Abernethy^Cornelius", "M", date(1926, 9, 9), date(2020, 5, 19), "positive",
                "1 Almoner's Court, Port Ellery", "+44 1632 960002",
                (Examination(Kind.CT, extent=0.8), Examination(Kind.DX, days=4, extent=1.0))),
        Patient("MRN-70431276", "Fenwick^Tabitha", "F", date(2004, 1, 25), date(2020, 6, 2), "negative",
                "30 Beacon Hill, Port Ellery", "+44 1632 960555", (Examination(Kind.CT),)),
    ),
)  # fmt: skip

BRAVO = Hospital(
    code="BRAVO", name="Hospital Universitário Serra Azul", address="Avenida das Mangueiras 880, Vila Formosa do Sul", country="BR",
    character_set="ISO_IR 192", transfer_syntax_uid=IMPLICIT_VR_LITTLE_ENDIAN, layout=Layout.BY_UID,
    physicians=("Figueiredo^Anastácio", "Drummond^Iracema", "Saldanha^Ubirajara"),
    ct=Device(_SECOND_MAKER, "Meridian 128", "M128-00417", "SERRACT1", "SAMPLE IMAGING MERIDIAN"),
    xray=Device(_MAKER, "Portable CR 1", "PCR-66210", "SERRACR4", "EXAMPLE MEDICAL CR 01"),
    other=Device(_SECOND_MAKER, "Echo 7", "E7-90871", "SERRAUS2", "SAMPLE IMAGING US"),
    patients=(
        Patient("0098-441-27", "Conceição^Marília", "F", date(1982, 3, 17), date(2020, 7, 8), "positive",
                "Rua dos Jacarandás 45, Vila Formosa do Sul", "+55 11 5550-0144",
                (Examination(Kind.CT, extent=0.35), Examination(Kind.CT, days=14, extent=0.12),
                 Examination(Kind.CR, days=3, extent=0.4))),
        Patient("0098-512-03", "Vasconcelos^Teodoro", "M", date(1961, 5, 28), date(2020, 7, 15), "negative",
                "Travessa do Farol 3, Vila Formosa do Sul", "+55 11 5550-0197", (Examination(Kind.CT),)),
        Patient("0097-220-88", "Ishikawa^Haruto=石川^春人", "M", date(1948, 10, 11), date(2020, 8, 3), "positive",
                "Rua do Cruzeiro 210, Vila Formosa do Sul", "+55 11 5550-0161",
                (Examination(Kind.CR, extent=0.5, is_inverted=True),
                 Examination(Kind.CR, days=5, extent=0.9, is_inverted=True))),
        Patient("0099-031-64", "Brandão^Lúcia", "F", date(1990, 6, 1), date(2020, 8, 20), "negative",
                "Alameda das Acácias 12, Vila Formosa do Sul", "+55 11 5550-0173", (Examination(Kind.CR),)),
    ),
)  # fmt: skip

CHARLIE = Hospital(
    code="CHARLIE", name="Lakeside Regional Medical Center", address="2400 Millrace Boulevard, Cedar Hollow", country="US",
    character_set="ISO_IR 100", transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN, layout=Layout.BY_NUMBER,
    physicians=("Thistlewood^Marguerite", "Okonkwo-Reyes^Desmond", "Van der Zwaan^Pieter"),
    ct=Device(_MAKER, "Aurora CT 128", "AC128-5561", "LRMCCT1", "EXAMPLE MEDICAL CT 01"),
    xray=Device(_SECOND_MAKER, "Clarity DR", "CDR-20931", "LRMCDR2", "SAMPLE IMAGING CLARITY"),
    other=Device(_MAKER, "Aurora Console", "AC128-5561", "LRMCCT1", "EXAMPLE MEDICAL CT 01"),
    patients=(
        Patient("C4471902", "Lindqvist^Asta^Margareta", "F", date(1959, 12, 24), date(2020, 11, 5), "positive",
                "815 Juniper Bend, Cedar Hollow", "555-013-4471",
                (Examination(Kind.CT_WITH_SCREEN, extent=0.6), Examination(Kind.CR, days=6, extent=0.7))),
        Patient("C4480016", "Li^Wei", "M", date(1971, 8, 8), date(2020, 11, 23), "positive",
                "6 Orchard Spur, Cedar Hollow", "555-013-8200",
                (Examination(Kind.CT, extent=0.3, transfer_syntax_uid=JPEG_LS_LOSSLESS),
                 Examination(Kind.CT, days=21, extent=0.08, transfer_syntax_uid=JPEG_LS_LOSSLESS))),
        Patient("C4402275", "Case^Hart", "M", date(1943, 4, 2), date(2020, 12, 9), "negative",
                "19 Gristmill Road, Cedar Hollow", "555-013-0075",
                (Examination(Kind.CT), Examination(Kind.DX_WITH_NAME_PLATE, days=2, transfer_syntax_uid=RLE_LOSSLESS))),
    ),
)  # fmt: skip

HOSPITALS = {hospital.code: hospital for hospital in (ALPHA, BRAVO, CHARLIE)}
