"""One byte representation per value, so that equal content has an equal digest."""

import hashlib

import orjson


def canonical_json(value: object) -> bytes:
    """UTF-8 JSON with sorted keys and no white space.

    Manifests hold only strings, integers, booleans, null, lists and mappings, for which this agrees with RFC 8785;
    numbers with a fraction are kept out by their authors.
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def sha256_hex(data: bytes) -> str:
    """SHA-256 of *data* as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
