"""Starts QGIS itself with a clean profile on a screen of its own, and lets it carry out `desktop_session.py`.

As a program it renews the pictures of the documentation: python3 tests/gui/desktop.py --pictures docs
"""

import argparse
import configparser
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
SESSION = Path(__file__).with_name("desktop_session.py")
SCREEN = "1920x1080x24"
PICTURES = {"desktop": "screenshot-desktop.png", "dialog": "screenshot-dialog.png"}
TIME_LIMIT = 260  # seconds; the session takes about 60 on two idle cores
LARGEST_PICTURE = 400 * 1024  # bytes
SHOWN = 3000  # characters of each end of a log that an error shows
CONVERT = "/usr/bin/convert"  # ImageMagick's


class SessionError(Exception):
    """QGIS did not come to the end of the session; the text has its logs."""


@dataclass(frozen=True)
class Session:
    """What a session in QGIS left."""

    results: dict[str, Any]
    folder: Path

    def picture(self, name: str) -> Path:
        """File of the picture `name`."""
        return self.folder / f"{name}.png"


def run_session(folder: Path, steps: str = "whole", libraries: Path | None = None) -> Session:
    """Run a session, with everything it writes in `folder`; raise SessionError when it does not end well.

    `steps` names one of the session's lists of steps; Python packages in `libraries` come before the system's.
    """
    profiles = make_profile(folder / "profiles")
    with screen() as display:
        environment = {**_environment(folder, display), "RTM_SESSION": steps}
        if libraries is not None:
            environment["PYTHONPATH"] = str(libraries)
        status = _run_qgis(profiles, environment, folder / "output.txt")
    results = folder / "results.json"
    if status != 0 or not results.is_file():
        raise SessionError(f"QGIS ended with {status}.\n{logs(folder)}")
    answer = json.loads(results.read_text(encoding="utf-8"))
    if "error" in answer:
        raise SessionError(f"The session stopped: {answer['error']}\n{logs(folder)}")
    return Session(answer, folder)


def make_profile(profiles: Path) -> Path:
    """A clean profile in which the plugin is there and switched on; nothing else is asked of the network."""
    profile = profiles / "profiles" / "default"
    plugins = profile / "python" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "risk_terrain").symlink_to(REPOSITORY, target_is_directory=True)
    settings = configparser.RawConfigParser()
    settings.optionxform = str
    settings.read_dict(
        {
            "PythonPlugins": {
                "risk_terrain": "true",
                **dict.fromkeys(("MetaSearch", "db_manager", "grassprovider"), "false"),
            },
            "fonts": {"downloadMissingFonts": "false"},
            "locale": {"overrideFlag": "true", "userLocale": "en_GB"},
            "app": {"plugin_installer\\checkOnStart": "false"},
            "plugins": {"automatically-check-for-updates": "false"},
            "core": {"httpsfeedqgisorg\\disabled": "true"},
        }
    )
    (profile / "QGIS").mkdir()
    with (profile / "QGIS" / "QGIS3.ini").open("w", encoding="utf-8") as file:
        settings.write(file, space_around_delimiters=False)
    return profiles


def _environment(folder: Path, display: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("QGIS_", "QT_", "PYTHON"))}
    return {
        **kept,
        "PATH": f"/usr/bin:/bin:{kept.get('PATH', '')}",  # QGIS's Python looks for its library beside the first python3
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "RTM_SESSION_FOLDER": str(folder),
        "RTM_REPOSITORY": str(REPOSITORY),
    }


def _run_qgis(profiles: Path, environment: dict[str, str], output: Path) -> int | str:
    """Exit code of QGIS, or words when it had to be ended."""
    command = ["qgis", "--nologo", "--noversioncheck", "--profiles-path", profiles, "--code", SESSION]
    with output.open("wb") as file:
        qgis = subprocess.Popen(command, stdout=file, stderr=file, env=environment, start_new_session=True)
        try:
            return qgis.wait(TIME_LIMIT)
        except subprocess.TimeoutExpired:
            return f"no answer in {TIME_LIMIT} seconds"
        finally:
            _end(qgis)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process with all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def screen() -> Iterator[str]:
    """A virtual screen; gives its DISPLAY. The X server chooses a free number itself."""
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", SCREEN, "-dpi", "96", "-nolisten", "tcp"]
    server = subprocess.Popen(
        command, pass_fds=(writer,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    os.close(writer)
    try:
        with os.fdopen(reader) as pipe:
            number = pipe.readline().strip()
        if not number:
            raise SessionError(f"Xvfb did not start (exit code {server.wait()}).")
        yield f":{number}"
    finally:
        _end(server)


def logs(folder: Path) -> str:
    """Beginnings and ends of what QGIS wrote, for an error message."""
    texts = []
    for name in ("results.json", "output.txt"):
        file = folder / name
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else "(not written)"
        short = text if len(text) <= 2 * SHOWN else f"{text[:SHOWN]}\n[…]\n{text[-SHOWN:]}"
        texts.append(f"--- {name}\n{short}")
    return "\n".join(texts)


def save_pictures(session: Session, target: Path) -> None:
    """Copy the pictures of the documentation in few enough colours to stay small."""
    if not Path(CONVERT).exists():
        raise SessionError(f"{CONVERT} is missing; it comes with the package imagemagick.")
    target.mkdir(parents=True, exist_ok=True)
    for name, file in PICTURES.items():
        saved = target / file
        colours = ["-strip", "-dither", "None", "-colors", "255", "-define", "png:compression-level=9"]
        subprocess.run([CONVERT, session.picture(name), *colours, f"PNG8:{saved}"], check=True)
        if saved.stat().st_size > LARGEST_PICTURE:
            raise SessionError(f"{saved} has {saved.stat().st_size} bytes, more than {LARGEST_PICTURE}.")
        print(saved)


def main() -> int:
    """Run a session; save the pictures of the documentation."""
    parser = argparse.ArgumentParser(description="Run Risk Terrain in QGIS desktop and save its pictures.")
    parser.add_argument("--pictures", type=Path, required=True, metavar="FOLDER", help="where the pictures go")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep everything the session writes here")
    chosen = parser.parse_args()
    folder = chosen.keep or Path(tempfile.mkdtemp(prefix="rtm_desktop_"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        save_pictures(run_session(folder), chosen.pictures)
    except SessionError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if not chosen.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
