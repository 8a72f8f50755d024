"""Reading an answer key of either form."""

import json
from pathlib import Path

from radcommons.apps.deid_benchmark.case_key import from_cases
from radcommons.apps.deid_benchmark.key import KEY_NAME, SCHEMA, AnswerKey, key_from_json
from radcommons.dicom.errors import Kind, RadCommonsError


def read_key(path: Path) -> AnswerKey:
    """Read the key at a path, or ``answer_key.json`` in a folder: our form, or a list of cases.

    Raises
    ------
    RadCommonsError
        ``benchmark.no-key`` when there is none, ``benchmark.bad-key`` when it has another form.
    """
    path = path / KEY_NAME if path.is_dir() else path
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RadCommonsError(Kind.NOT_FOUND, "benchmark.no-key", "There is no readable answer key.") from error
    try:
        return from_cases(value) if "cases" in value else key_from_json(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RadCommonsError(
            Kind.INVALID, "benchmark.bad-key", f"The answer key must be of schema {SCHEMA}."
        ) from error
