"""Attributes of newer editions of the standard than the dictionary at hand (PS3.6 2026d).

Where the transfer syntax names no value representations, an attribute is read, changed and checked by the one it has
here. Every attribute of Table E.1-1 of PS3.15 has to be either in the dictionary or here.
"""

from collections.abc import Mapping
from types import MappingProxyType

NEWER_VRS: Mapping[int, str] = MappingProxyType(
    {
        0x00081301: "SQ",  # Principal Diagnosis Code Sequence
        0x00081302: "SQ",  # Primary Diagnosis Code Sequence
        0x00081303: "SQ",  # Secondary Diagnoses Code Sequence
        0x00081304: "SQ",  # Histological Diagnoses Code Sequence
        0x00100011: "SQ",  # Person Names to Use Sequence
        0x00100012: "LT",  # Name to Use
        0x00100013: "UT",  # Name to Use Comment
        0x00100014: "SQ",  # Third Person Pronouns Sequence
        0x00100015: "SQ",  # Pronoun Code Sequence
        0x00100016: "UT",  # Pronoun Comment
        0x00100041: "SQ",  # Gender Identity Sequence
        0x00100042: "UT",  # Sex Parameters for Clinical Use Category Comment
        0x00100043: "SQ",  # Sex Parameters for Clinical Use Category Sequence
        0x00100044: "SQ",  # Gender Identity Code Sequence
        0x00100045: "UT",  # Gender Identity Comment
        0x00100046: "SQ",  # Sex Parameters for Clinical Use Category Code Sequence
        0x00100047: "UR",  # Sex Parameters for Clinical Use Category Reference
        0x00102162: "UC",  # Ethnic Groups
        0x0040A034: "DT",  # Effective Start DateTime
        0x0040A035: "DT",  # Effective Stop DateTime
        0x0040B034: "DT",  # Annotation DateTime
        0x0040B036: "DT",  # Segment Definition DateTime
        0x0040B03B: "LT",  # Montage Name
        0x0040B03F: "LO",  # Montage Channel Label
        0x0040E012: "UR",  # Display URI
        0x3004007F: "LO",  # Dose Calculation Model Name
    }
)
