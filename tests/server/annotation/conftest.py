"""A reading project for the tests of annotation."""

import pytest
from tests.support.reading import make_project


@pytest.fixture
def project(db, tmp_path):
    """Three cases, three readers, reading."""
    return make_project(tmp_path)
