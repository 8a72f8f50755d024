"""Which coding schemes are known to everybody, and which a site made itself (PS3.16 Table 8-1, PS3.3 8.2)."""

from collections.abc import Iterable

from radcommons.dicom.elements import Element
from radcommons.dicom.text import first_text

CODE_MEANING = 0x00080104
CODING_SCHEME_DESIGNATOR = 0x00080102
# What makes a code, but for its meaning: value, scheme and version, long value.
CODE_TAGS = frozenset({0x00080100, CODING_SCHEME_DESIGNATOR, 0x00080103, 0x00080119})
# Designators that begin with 99 are private; all that are not listed are taken for private as well.
_DESIGNATORS = """
ACR ASTM-sigpurpose AS4 AS4E ATC BARI BI C4 C5 CAS CD2 CDCA CDCM CDS CE CLP CPTM CST CVX DCM DCMUID E E5 E6 E7 ENZC FDDC FDDX FDK FMA
HB HCPCS HHC HI HPC I10 I10C I10G I10P I11 I9 I9C IBT IC2 ICDO ICDO3 ICO ICS ICSD ISO3166_1 ISO639_1 ISO639_2 ITIS_TSN IUPC IUPP JC10 JC8
JJ1017 LN MA MCD MCR MDC MDDX MEDC MEDR MGPI MSH MVX NCDR NCIt NDA NDC NEU NIC NICIP NPI OHA OPCS4 PATHLEX PNDS POS RADELEMENT RADLEX RC
RFC3066 RFC4646 RFC5646 RXNORM SCPECG SCT SDM SNM SNM3 SNT SRT UBERON UC UCUM UMD UML UMLS UPC W1 W2 W4 WC
"""
_REGISTERED = frozenset(_DESIGNATORS.split())


def has_standard_code(item: Iterable[Element], encodings: tuple[str, ...]) -> bool:
    """Whether an item is a code of a registered scheme, whose meanings everybody knows; otherwise they are free text."""
    return any(
        element.tag == CODING_SCHEME_DESIGNATOR and first_text(element, encodings) in _REGISTERED for element in item
    )
