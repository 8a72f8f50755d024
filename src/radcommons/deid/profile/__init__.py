"""De-identification profiles: the tables of PS3.15 annex E, options by their standard names, and own rules as data.

A profile is compiled once to one code for each attribute; compound codes (X/Z/D and the like) are settled by the type the
attribute has where it stands, always to the side that identifies less without breaking the object.
"""

from radcommons.deid.profile.document import ProfileError
from radcommons.deid.profile.engine import (
    EARLIER_DIGESTS,
    ENGINE_VERSION,
    OLDEST_ENGINE,
    engine_digest,
    is_engine_taken,
)
from radcommons.deid.profile.explaining import (
    MEANINGS,
    Explanation,
    explain,
    find_attribute,
    find_class,
    tables_compared,
)
from radcommons.deid.profile.loading import DEFAULT_PROFILE, READY_PROFILES, SCHEMA, load_profile
from radcommons.deid.profile.rules import GRAPHIC_GROUPS, PATIENT_IDENTITY, Action, Profile, settled
from radcommons.deid.profile.unlisted import KEPT_UID_TAGS
from radcommons.deid.tables import (
    BASIC_PROFILE_CODE,
    CLEAN_PIXEL_DATA_CODE,
    CLEAN_STRUCTURED_CONTENT_CODE,
    OPTION_CODES,
)

__all__ = [
    "BASIC_PROFILE_CODE",
    "CLEAN_PIXEL_DATA_CODE",
    "CLEAN_STRUCTURED_CONTENT_CODE",
    "DEFAULT_PROFILE",
    "EARLIER_DIGESTS",
    "ENGINE_VERSION",
    "GRAPHIC_GROUPS",
    "KEPT_UID_TAGS",
    "MEANINGS",
    "OLDEST_ENGINE",
    "OPTION_CODES",
    "PATIENT_IDENTITY",
    "READY_PROFILES",
    "SCHEMA",
    "Action",
    "Explanation",
    "Profile",
    "ProfileError",
    "engine_digest",
    "explain",
    "find_attribute",
    "find_class",
    "is_engine_taken",
    "load_profile",
    "settled",
    "tables_compared",
]
