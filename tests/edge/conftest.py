"""A hospital's home and folders for the tests of its box."""

import pytest
from tests.support.hospital_folder import SECRET

from radcommons.edge.home import init_home


@pytest.fixture
def home(tmp_path):
    """A home with a known key, so that results can be compared."""
    return init_home(tmp_path / "home", site="ALPHA", project="covid19", secret=SECRET)


@pytest.fixture
def folder(tmp_path):
    """An empty folder for originals."""
    path = tmp_path / "export"
    path.mkdir()
    return path


@pytest.fixture
def out(tmp_path):
    """Where de-identified instances go."""
    return tmp_path / "out"
