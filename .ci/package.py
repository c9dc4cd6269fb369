"""Build the zip that QGIS installs: build/risk_terrain-<version>.zip, with everything under risk_terrain/.

    python3 .ci/package.py [--output DIR]

prints the path of the zip. Only the parts named below go in, of them only files that git tracks or would track, and
no tests or tools. Files are sorted and their times fixed, so that the same files give the same bytes and two builds
can be compared.
"""

from __future__ import annotations

import argparse
import configparser
import subprocess
import sys
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
NAME = "risk_terrain"
FILES = ("metadata.txt", "__init__.py", "LICENSE", "README.md", "CHANGELOG.md")
FOLDERS = ("rtm_plugin", "algorithms", "resources")
LEFT_OUT = ("resources/demo/*.py", "resources/layout/*.py")  # they make from a checkout what analysts get ready
COMPILED = {".pyc", ".pyo", ".so", ".pyd", ".dll", ".dylib", ".o"}  # the plugin repository refuses these
SAME_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say


class PackageError(Exception):
    """The text says what to do."""


def version() -> str:
    metadata = configparser.ConfigParser()
    metadata.read(REPOSITORY / "metadata.txt", encoding="utf-8")
    return metadata["general"]["version"]


def files() -> list[str]:
    """The packed files, relative to the repository, with forward slashes, sorted."""
    asked = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *FILES, *FOLDERS]
    listed = subprocess.run(  # noqa: S603 (fixed words only)
        asked, cwd=REPOSITORY, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if listed.returncode:
        raise PackageError(f"git cannot list the files, and the package is made from them: {listed.stderr.strip()}")
    names = {name for name in listed.stdout.split("\0") if name and (REPOSITORY / name).is_file()}
    names -= {name for name in names if any(Path(name).match(pattern) for pattern in LEFT_OUT)}
    if missing := [name for name in FILES if name not in names]:
        raise PackageError(f"these files belong in the package and are not there: {', '.join(missing)}")
    if empty := [name for name in FOLDERS if not any(file.startswith(f"{name}/") for file in names)]:
        raise PackageError(f"these folders belong in the package and hold no file: {', '.join(empty)}")
    if compiled := sorted(name for name in names if Path(name).suffix in COMPILED):
        raise PackageError(f"the plugin repository refuses compiled files, and these are: {', '.join(compiled)}")
    return sorted(names)


def build(folder: Path) -> Path:
    """Write the zip beside its final name and move it there when it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    package = folder / f"{NAME}-{version()}.zip"
    unfinished = package.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w") as archive:
        for name in files():
            entry = zipfile.ZipInfo(f"{NAME}/{name}", SAME_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, on Windows too: it goes into the bytes
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, (REPOSITORY / name).read_bytes(), compresslevel=9)
    return unfinished.replace(package)


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the zip that QGIS installs.")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "build", help="folder of the zip (default: build)")
    arguments = parser.parse_args()
    try:
        print(build(arguments.output))
    except PackageError as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
