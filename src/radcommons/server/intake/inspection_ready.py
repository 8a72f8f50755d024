"""What looking into files needs, loaded once by the process that the limited children are forked from.

Each child would otherwise read the profile and the list of harmless words by itself, which takes as long as looking into
sixty files.
"""

from radcommons.deid.profile import DEFAULT_PROFILE
from radcommons.deid.vocabulary import vocabulary
from radcommons.server.intake.profile_files import profile_at

profile_at(DEFAULT_PROFILE)
vocabulary()
