import pytest

from radcommons.apps.demo.program import program


@pytest.mark.parametrize(
    ("is_found", "started_as", "said"),
    [
        (False, ".venv/bin/radcommons", ".venv/bin/radcommons"),
        (True, ".venv/bin/radcommons", "radcommons"),
        (False, "/somewhere/radcommons/__main__.py", "radcommons"),
    ],
)
def test_what_is_printed_can_be_copied(tmp_path, monkeypatch, is_found, started_as, said):
    if is_found:
        (tmp_path / "radcommons").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program(started_as) == said
