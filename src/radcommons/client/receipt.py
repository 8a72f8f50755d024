"""The receipt of a download: what was fetched, from where, and how to cite it."""

from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from radcommons.client.arriving import write_document
from radcommons.client.errors import FolderError
from radcommons.client.layout import RECEIPT_JSON, Layout

SCHEMA = "radcommons.receipt/1"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything a methods section needs, and everything an offline check needs.

    Parameters
    ----------
    where
        The condition that selected the instances, or None for all.
    key_id
        Name of the signing key that came with the release.
    completed_at
        UTC, ISO 8601, or None while the download is not complete.
    """

    slug: str
    version: str
    source: str
    where: str | None
    layout: Layout
    root_hash: str
    key_id: str
    instances: int
    size_bytes: int
    citation: str
    completed_at: str | None

    def write(self, folder: Path) -> None:
        """Write ``receipt.json`` in one step."""
        part = folder / f"{RECEIPT_JSON}.part"
        document = {"schema": SCHEMA, **asdict(self), "layout": self.layout.value}
        write_document(part, orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")
        part.replace(folder / RECEIPT_JSON)

    @classmethod
    def read(cls, folder: Path) -> "Receipt | None":
        """The receipt in *folder*, or None where there is none.

        Raises
        ------
        FolderError
            When the file is no receipt.
        """
        path = folder / RECEIPT_JSON
        if not path.exists():
            return None
        try:
            document = orjson.loads(path.read_bytes())
            if document.pop("schema") != SCHEMA:
                raise FolderError("receipt.json is of an unknown schema.")
            document["layout"] = Layout(document["layout"])
            return cls(**document)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise FolderError("receipt.json is malformed.") from error
