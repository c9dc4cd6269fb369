"""The package is imported as `risk_terrain` everywhere: one alias, made here, of the folder that is the repository."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"


def _alias() -> None:
    folder = Path(tempfile.mkdtemp(prefix="risk_terrain_tests_"))
    (folder / "risk_terrain").symlink_to(REPOSITORY, target_is_directory=True)
    sys.path.insert(0, str(folder))


_alias()
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, or a skip that says so."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip(f"real data are not there ({data.name} beside the repository)")
    return data
