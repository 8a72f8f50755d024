"""Texts in CSV files that people open with a spreadsheet, which would run some of them as formulas. Pure."""

from typing import TypeVar

# A spreadsheet computes what begins with one of these (OWASP, "CSV Injection").
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
Cell = TypeVar("Cell")


def harmless(cell: Cell) -> Cell | str:
    """A cell as it is written: a text that would be run as a formula begins with an apostrophe, which marks it as a text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_SIGNS) else cell


def as_meant(cell: str) -> str:
    """A cell as it was before :func:`harmless`; an apostrophe that a person wrote stays."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA_SIGNS) else cell
