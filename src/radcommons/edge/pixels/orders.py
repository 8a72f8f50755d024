"""What is to be done with the pixels of one source, as far as that is known before its bytes are read."""

import sqlite3
from dataclasses import dataclass

from radcommons.deid.pixels.boxes import Box
from radcommons.edge.pixels.looks import HouseRules, Look, boxes_json

NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Order:
    """Decisions and knowledge about one source.

    Parameters
    ----------
    state
        ``approved``: a person answers for ``boxes``. ``edited``: a person drew them and has not confirmed them.
        ``rejected``: a person keeps the source out. Empty: nobody decided.
    boxes
        A person's boxes.
    look
        What a program saw in the same bytes before, by the same means; ``None`` when it has to look.
    is_released
        Whether a person lets the object go although it cannot be cleaned as a whole.
    is_defaced
        Whether a person wants the configured tool to take the face away.
    is_suspect
        Whether writing was read in other instances of its series, so that it is looked at whatever its header says.
    """

    state: str = ""
    boxes: tuple[Box, ...] | None = None
    look: Look | None = None
    is_released: bool = False
    is_defaced: bool = False
    is_suspect: bool = False

    @property
    def is_decided(self) -> bool:
        """Whether a person's word changes what is made."""
        return bool(self.state) or self.is_released or self.is_defaced

    def recipe(self, boxes: tuple[Box, ...] | None) -> str:
        """What the result depends on, once it is known which boxes are blackened."""
        words = (self.state or "machine", *("released",) * self.is_released, *("defaced",) * self.is_defaced)
        return f"{'+'.join(words)}:{boxes_json(boxes)}"

    @staticmethod
    def has_released(row: sqlite3.Row) -> bool:
        """Whether an output was made because a person let its source go, and the decision still stands."""
        return "released" in row["pixel_recipe"].partition(":")[0].split("+")[1:]

    def is_met_by(self, row: sqlite3.Row, house: HouseRules) -> bool:
        """Whether an earlier result is what this order would give again."""
        if self.is_decided:
            wanted = self.boxes if self.boxes is not None or self.look is None else house.boxes(self.look)
            return bool(row["pixel_recipe"] == self.recipe(None if self.state == "rejected" else wanted))
        if row["pixel_text"] == NOT_APPLICABLE and not self.is_suspect:
            return row["pixel_recipe"] in {"", self.recipe(None), self.recipe(())}
        if self.look is None:
            return False
        return bool(row["pixel_recipe"] == self.recipe(house.boxes(self.look)))


NOTHING_KNOWN = Order()
