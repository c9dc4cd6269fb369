"""Two processes share the tests by files, as tests/conftest.py marks them; windows of two would fight for the focus."""

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="these tests run in one process")
def test_a_file_stays_in_one_process(request):
    """A pytest newer than pytest-xdist expects drops the group from the name, and then nobody heeds it."""
    assert request.node.nodeid.endswith(f"@{request.path}")
