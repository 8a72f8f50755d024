"""Sealing texts for the database."""

import pickle
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.sealer import Sealer

SEALER = Sealer(b"a made-up secret of 32 bytes ...")


@given(st.text())
def test_a_text_comes_back_and_is_not_seen(text):
    sealed = SEALER.seal(text)

    assert SEALER.unseal(sealed) == text
    assert len(sealed) == (16 + len(text.encode("utf-8", "surrogatepass")) if text else 0)
    assert len(text) < 4 or text.encode("utf-8", "surrogatepass") not in sealed


def test_names_that_are_no_unicode_come_back_too():
    assert SEALER.unseal(SEALER.seal("M\udcfcller")) == "M\udcfcller"


def test_equal_texts_are_equal_under_one_key_and_unlike_under_another():
    other = Sealer(b"another made-up secret, 32 bytes")

    assert SEALER.seal("MRN-1") == SEALER.seal("MRN-1") != SEALER.seal("MRN-2")
    assert SEALER.seal("MRN-1") != other.seal("MRN-1")
    with pytest.raises(RadCommonsError, match="one backup") as refusal:
        other.unseal(SEALER.seal("MRN-1"))
    assert refusal.value.code == "edge.sealed-damaged"


@pytest.mark.parametrize("place", [0, 15, 16, -1])
def test_a_changed_byte_is_noticed(place):
    damaged = bytearray(SEALER.seal("Okonkwo^Adaeze"))
    damaged[place] ^= 1

    with pytest.raises(RadCommonsError):
        SEALER.unseal(bytes(damaged))


def test_too_few_bytes_are_noticed():
    with pytest.raises(RadCommonsError):
        SEALER.unseal(b"short")


def test_sql_seals_compares_and_opens():
    connection = sqlite3.connect(":memory:")
    SEALER.register(connection)
    connection.execute("CREATE TABLE t (value BLOB PRIMARY KEY) STRICT")
    connection.executemany("INSERT INTO t VALUES (seal(?)) ON CONFLICT DO NOTHING", [("b",), ("a",), ("b",)])

    assert [row[0] for row in connection.execute("SELECT unseal(value) FROM t ORDER BY 1")] == ["a", "b"]
    assert connection.execute("SELECT count(*) FROM t WHERE value = seal('a')").fetchone()[0] == 1


def test_a_sealer_shows_and_carries_no_secret():
    assert repr(SEALER) == "Sealer(…)"
    with pytest.raises((TypeError, pickle.PicklingError)):
        pickle.dumps(SEALER)
