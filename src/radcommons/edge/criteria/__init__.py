"""Inclusion criteria: a TOML file that says which patients, studies and series a project wants.

Every criterion has a name; a rejected series is counted under the first one it failed, in the order of the file's
documentation, so that a hospital sees where its cases went.
"""

from radcommons.edge.criteria.decide import SeriesFacts, first_failed
from radcommons.edge.criteria.reading import Criteria, load_criteria

__all__ = ["Criteria", "SeriesFacts", "first_failed", "load_criteria"]
