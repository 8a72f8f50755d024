"""What the home remembers of texts: which an object was found with, and what a person decided about each.

Objects are remembered with the texts that cleaning left, before anybody's decision. So a decision can find every object
that carries a text, and whoever takes it back finds them again.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping

HELD = "held"
"""The text recipe of a result that a decision overtook; it stays at the hospital until it was made anew."""


class TextMemory:
    """The decisions of one home as they are now.

    Parameters
    ----------
    connection
        An open database of the home.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._recipes: dict[str, str] = {}
        rows = connection.execute(
            "SELECT unseal(value) AS value, unseal(replacement) AS replacement FROM text_decision WHERE verdict <> 'keep'"
        )
        self.replacements: Mapping[str, str] = {row["value"]: row["replacement"] for row in rows}
        """What stands in the place of which text; empty where it is taken out."""

    def keep_set(self, values: Iterable[str]) -> str:
        """Remember which texts an object was found with; the digest that names the set, empty for none."""
        distinct = sorted(set(values))
        if not distinct:
            return ""
        digest = hashlib.sha256("\x1f".join(distinct).encode("utf-8", "surrogatepass")).hexdigest()
        if digest not in self._recipes:
            self._connection.executemany(
                "INSERT INTO text_set (digest, value) VALUES (?, seal(?)) ON CONFLICT DO NOTHING",
                ((digest, value) for value in distinct),
            )
            self._recipes[digest] = self._recipe_of(distinct)
        return digest

    def recipe(self, text_set: str) -> str:
        """What the decisions make of the texts of a set: a digest, empty when they change none."""
        if not text_set or not self.replacements:
            return ""
        found = self._recipes.get(text_set)
        if found is None:
            rows = self._connection.execute(
                "SELECT unseal(value) FROM text_set WHERE digest = ? ORDER BY 1", (text_set,)
            )
            found = self._recipes[text_set] = self._recipe_of(sorted(row[0] for row in rows))
        return found

    def hold_overtaken(self) -> int:
        """Hold back every result in every OUT folder that the decisions of now would make otherwise; how many."""
        rows = self._connection.execute("SELECT DISTINCT text_set, text_recipe FROM output WHERE is_kept").fetchall()
        held = 0
        for row in rows:
            if row["text_recipe"] not in {HELD, self.recipe(row["text_set"])}:
                held += self._connection.execute(
                    "UPDATE output SET text_recipe = ? WHERE is_kept AND text_set = ? AND text_recipe = ?",
                    (HELD, row["text_set"], row["text_recipe"]),
                ).rowcount
        return held

    def _recipe_of(self, values: list[str]) -> str:
        changes = [f"{value}\x1e{self.replacements[value]}" for value in values if value in self.replacements]
        return hashlib.sha256("\x1f".join(changes).encode("utf-8", "surrogatepass")).hexdigest() if changes else ""
