"""A small set of a dozen objects, made once; and the whole one."""

import pytest

from radcommons.apps.deid_benchmark.generator.make import make_benchmark


@pytest.fixture(scope="session")
def small_set(tmp_path_factory):
    """Where a set of twelve objects and its directory lies."""
    folder = tmp_path_factory.mktemp("benchmark") / "small"
    make_benchmark(folder, seed=5, objects=12)
    return folder


@pytest.fixture(scope="session")
def whole_set(tmp_path_factory):
    """Where the usual set lies, and its key."""
    folder = tmp_path_factory.mktemp("benchmark") / "whole"
    return folder, make_benchmark(folder)
