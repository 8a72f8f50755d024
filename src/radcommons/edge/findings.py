"""Findings in numbers and in the database."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import orjson

from radcommons.dicom.finding import Finding, Severity

Counts = Mapping[str, int]

RELEASED = Finding(
    Severity.INFO, "edge.released", "object", "A person let this object go although no program can clean it as a whole."
)


def count(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings of each code, by code."""
    return dict(sorted(Counter(each.code for each in findings).items()))


def dump(findings: Iterable[Finding]) -> str:
    """Findings as stored JSON."""
    return orjson.dumps([each.to_json() for each in findings]).decode("utf-8")


def load(stored: str) -> tuple[Finding, ...]:
    """Read what :func:`dump` wrote."""
    return tuple(Finding.from_json(each) for each in orjson.loads(stored))


def replace_where(finding: Finding, where: str) -> Finding:
    """The same finding about another place."""
    return Finding(finding.severity, finding.code, where, finding.message)


def result_json(result: Any) -> dict[str, object]:
    """A frozen result as the plain mapping that ``--json`` prints."""
    if not is_dataclass(result) or isinstance(result, type):
        raise TypeError("a result is a dataclass instance")
    return {each.name: _plain(getattr(result, each.name)) for each in fields(result)}


def _plain(value: Any) -> object:
    if isinstance(value, Finding):
        return value.to_json()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value
