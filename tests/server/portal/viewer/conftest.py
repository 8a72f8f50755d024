"""OHIF's real files, where they are installed."""

from pathlib import Path

import pytest

from radcommons.server.platform.settings import settings
from radcommons.server.portal.viewer.ohif import installed


@pytest.fixture
def ohif_directory() -> Path:
    """The installed viewer; without it the test is skipped and says how to add it."""
    directory = Path(settings().viewer_dir)
    if installed(directory) is None:
        pytest.skip("OHIF is not installed (make viewer)")
    return directory
