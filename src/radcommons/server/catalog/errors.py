"""Refusals of the catalog.

RadCommonsError
├── CohortNameTakenError   catalog.cohort-name-taken   a cohort of this name exists
├── CohortNameError        catalog.cohort-name         the name is empty, too long or holds odd characters
└── CohortEmptyError       catalog.cohort-empty        nothing matches the query
"""

from radcommons.server.platform.errors import ConflictError, InvalidError


class CohortNameTakenError(ConflictError):
    """Cohorts never change, so a name is used once."""

    def __init__(self, name: str) -> None:
        message = (
            f"There is a cohort named {name} already. Cohorts never change: choose another name, such as {name}-2."
        )
        super().__init__("catalog.cohort-name-taken", message)


class CohortNameError(InvalidError):
    """The name becomes part of addresses and commands."""

    def __init__(self) -> None:
        message = "A cohort's name has 2 to 100 characters: letters, digits, dots, hyphens and underscores."
        super().__init__("catalog.cohort-name", message)


class CohortEmptyError(InvalidError):
    """A cohort without instances would be a release without data."""

    def __init__(self) -> None:
        message = (
            "Nothing in the catalog matches this selection. Take a filter away; 'held' studies are not catalogued."
        )
        super().__init__("catalog.cohort-empty", message)
