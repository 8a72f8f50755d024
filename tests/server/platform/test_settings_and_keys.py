import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from radcommons.server.platform import keys
from radcommons.server.platform.errors import InvalidError, UnavailableError
from radcommons.server.platform.settings import read_settings


def test_the_file_is_read_and_the_environment_overrides_it(tmp_path):
    (tmp_path / "radcommons.toml").write_text('name = "Lung Commons"\npublic_url = "https://lung.example"\n')
    found = read_settings(tmp_path, {"RADCOMMONS_PUBLIC_URL": "https://other.example"})
    assert found.name == "Lung Commons"
    assert found.public_url == "https://other.example"
    assert found.secure_cookies


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nmae = 'x'", "platform.settings-unknown"),
        ("name = ", "platform.settings-unreadable"),
        ("suppression_threshold = 'five'", "platform.settings-type"),
    ],
)
def test_a_wrong_file_is_refused_with_what_is_wrong(tmp_path, text, code):
    (tmp_path / "radcommons.toml").write_text(text)
    with pytest.raises(InvalidError) as caught:
        read_settings(tmp_path, {})
    assert caught.value.code == code


def test_two_first_starts_agree_on_one_secret_that_only_the_owner_reads(tmp_path):
    path = tmp_path / "secrets" / "x.key"
    with ThreadPoolExecutor(8) as pool:
        values = set(pool.map(lambda _: keys.read_or_make(path), range(1)))
        values |= {keys.read_or_make(path) for _ in range(3)}
    assert len(values) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_damaged_secret_is_never_replaced(tmp_path):
    path = tmp_path / "x.key"
    path.write_bytes(b"short")
    with pytest.raises(UnavailableError):
        keys.read_or_make(path)
    assert path.read_bytes() == b"short"
