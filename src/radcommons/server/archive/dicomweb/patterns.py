"""Wildcard matching (PS3.4 C.2.2.2.4) as conditions that an index can serve where it is possible."""

import re

from django.db.models import Q


def text_condition(column: str, text: str, *, is_case_sensitive: bool) -> Q:
    """Rows whose column fits a text in which ``*`` stands for any text and ``?`` for one character."""
    prefix = "" if is_case_sensitive else "i"
    core = text.strip("*")
    if "*" not in core and "?" not in core:
        starts, ends = text.startswith("*"), text.endswith("*")
        lookup = {(False, False): "exact", (True, False): "endswith", (False, True): "startswith"}.get((starts, ends))
        return Q(**{f"{column}__{prefix}{lookup or 'contains'}": core})
    pieces = [{"*": ".*", "?": "."}.get(piece, re.escape(piece)) for piece in re.split(r"([*?])", text)]
    return Q(**{f"{column}__{prefix}regex": f"^{''.join(pieces)}$"})
