"""What a passphrase locks stays locked, and a home protected by one says nothing without it."""

import json
import stat

import pytest

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.database import database
from radcommons.edge.home import HomeChoices, init_home, open_home
from radcommons.edge.keyfile import KeyFile, key_text, read_key, replace_private
from radcommons.edge.passphrase import lock, no_passphrase, read_passphrase, unlock

PASSPHRASE = "four random words here"


@pytest.fixture
def locked():
    return lock(b"content", PASSPHRASE, purpose="test")


def test_what_is_locked_opens_with_the_passphrase_alone(locked):
    assert unlock(locked, PASSPHRASE, purpose="test") == b"content"
    assert b"content".hex() not in json.dumps(locked)
    for wrong, purpose in ((PASSPHRASE + " ", "test"), (PASSPHRASE, "other")):
        with pytest.raises(RadCommonsError) as refusal:
            unlock(locked, wrong, purpose=purpose)
        assert (refusal.value.kind, refusal.value.code) == (Kind.FORBIDDEN, "edge.wrong-passphrase")


def test_the_same_content_is_never_locked_to_the_same_bytes(locked):
    assert lock(b"content", PASSPHRASE, purpose="test")["content"] != locked["content"]


@pytest.mark.parametrize(
    "changes",
    [
        {"kdf": "none"},
        {"cost": 2**30},
        {"cost": 3},
        {"lanes": 99},
        {"salt": "zz"},
        {"content": None},
        {"cost": "many"},
        {"block": 1000},
    ],
    ids=str,
)
def test_a_damaged_or_greedy_file_is_refused_without_work(locked, changes):
    with pytest.raises(RadCommonsError) as refusal:
        unlock({**locked, **changes}, PASSPHRASE, purpose="test")

    assert refusal.value.code == "edge.locked-damaged"


def test_a_short_passphrase_is_refused():
    with pytest.raises(RadCommonsError, match="12 characters"):
        lock(b"", "short", purpose="test")


def test_a_passphrase_file_has_it_in_its_first_line(tmp_path):
    (tmp_path / "good").write_text(PASSPHRASE + "\nsecond line\n")
    (tmp_path / "empty").write_text("\n")

    assert read_passphrase(tmp_path / "good") == PASSPHRASE
    for name in ("empty", "absent"):
        with pytest.raises(RadCommonsError) as refusal:
            read_passphrase(tmp_path / name)
        assert refusal.value.code == "edge.passphrase-needed"


class TestProtectedHome:
    """A home whose secret only a passphrase opens."""

    @pytest.fixture
    def home(self, tmp_path):
        choices = HomeChoices(passphrase=PASSPHRASE)
        return init_home(tmp_path / "home", site="ALPHA", project="covid19", choices=choices)

    def test_it_opens_with_the_passphrase(self, home):
        again = open_home(home.path, ask_passphrase=lambda: PASSPHRASE)

        assert again == home
        assert again.key().map_uid("1.2.3") == home.key().map_uid("1.2.3")
        with database(again):
            pass

    def test_without_it_nothing_opens(self, home):
        with pytest.raises(RadCommonsError) as refusal, database(open_home(home.path)):
            pass
        assert refusal.value.code == "edge.passphrase-needed"
        with pytest.raises(RadCommonsError) as refusal:
            open_home(home.path, ask_passphrase=lambda: "another passphrase").signing_key()
        assert refusal.value.code == "edge.wrong-passphrase"

    def test_the_secret_is_in_no_file_of_it(self, home):
        secret = home.key_file().secret

        content = b"".join(path.read_bytes() for path in home.path.iterdir())

        assert secret not in content
        assert secret.hex().encode() not in content
        assert PASSPHRASE.encode() not in content


class TestKeyFile:
    """The file of the secret."""

    def test_a_key_comes_back_with_its_history(self, tmp_path):
        path = tmp_path / "secret.key"
        key = KeyFile(bytes(range(32)), 3, ("a", "b"))

        replace_private(path, key_text(key, passphrase=None))

        assert read_key(path, no_passphrase) == key
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [each.name for each in tmp_path.iterdir()] == ["secret.key"]

    def test_the_digits_of_version_1_are_read(self, tmp_path):
        path = tmp_path / "secret.key"
        replace_private(path, bytes(range(32)).hex() + "\n")

        assert read_key(path, no_passphrase) == KeyFile(bytes(range(32)))

    @pytest.mark.parametrize(
        "content",
        [
            "{",
            "{}",
            '{"secret": "abcd"}',
            '{"secret": "zz"}',
            '{"secret": 5}',
            '{"generation": "x", "secret": ""}',
            "[]",
        ],
    )
    def test_a_damaged_file_is_refused(self, tmp_path, content):
        path = tmp_path / "secret.key"
        replace_private(path, content)

        with pytest.raises(RadCommonsError, match="never remake"):
            read_key(path, no_passphrase)

    def test_the_next_generation_has_another_secret_and_remembers(self):
        key = KeyFile(bytes(32))

        following = key.rotated("mark")

        assert following.secret != key.secret
        assert (following.generation, following.earlier) == (2, ("mark",))
        assert "secret" not in repr(following)
