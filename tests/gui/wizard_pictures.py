"""Pictures of every page of the wizard, for two screens and two sizes of letters.

    xvfb-run -a -s "-screen 0 1920x1080x24" python tests/gui/wizard_pictures.py FOLDER [--guide resources/guide]

writes FOLDER/<screen>_<scale>_<page>.png, and small ones for the user guide. Each window is as large as the wizard
makes itself on such a screen.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
SCREENS = {"1366x768": (1366, 768), "1920x1080": (1920, 1080)}
SCALES = (100, 125, 150)
GUIDE = ("1366x768", 100)
TASKBAR = 40  # pixels that the screen of a laptop keeps for itself
SHOWN_FOLDER = "D:/Studies/Robbery in Northbridge BCU, 2024"


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description="Take pictures of the wizard's pages.")
    parser.add_argument("folder", type=Path, help="where all pictures go")
    parser.add_argument("--guide", type=Path, help="where those of the user guide go")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    alias = Path(tempfile.mkdtemp(prefix="rtm_pictures_"))
    (alias / "risk_terrain").symlink_to(REPOSITORY, target_is_directory=True)
    sys.path[:0] = [str(alias), str(HERE), "/usr/share/qgis/python/plugins"]
    from qgis.core import QgsApplication, QgsProject
    from qgis.PyQt.QtGui import QFontDatabase

    application = QgsApplication([], True, str(alias / "profile"))
    application.initQgis()
    from processing.core.Processing import Processing
    from risk_terrain.rtm_plugin.provider import RiskTerrainProvider

    Processing.initialize()
    provider = RiskTerrainProvider()
    QgsApplication.processingRegistry().addProvider(provider)
    plain = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    plain.setPointSizeF(9)
    for scale in SCALES:
        font = type(plain)(plain)
        font.setPointSizeF(9 * scale / 100)
        application.setFont(font)
        take(chosen, scale, alias / f"results {scale}")
        QgsProject.instance().clear()
    sys.stdout.flush()
    os._exit(0)  # the pictures are there; QGIS without its main window does not end cleanly


def take(chosen: argparse.Namespace, scale: int, folder: Path) -> None:
    """Walk through the demonstration once, and take each page for every screen."""
    from qgis.PyQt.QtWidgets import QApplication
    from risk_terrain.rtm_plugin.gui.wizard.window import Wizard
    from wizard_hands import Hands, wait

    wizard = Wizard(None, None, folder / "unfinished.json")
    hands = Hands(wizard)
    wizard.show()

    def picture(name: str) -> None:
        for screen, (width, height) in SCREENS.items():
            wizard.fit(width, height - TASKBAR)
            QApplication.processEvents()
            image = wizard.grab()
            image.save(str(chosen.folder / f"{screen}_{scale}_{name}.png"))
            if chosen.guide and (screen, scale) == GUIDE:
                small(chosen.folder / f"{screen}_{scale}_{name}.png", chosen.guide / f"wizard-{name}.png")

    picture("start")
    hands.click("start_demo")
    for name in ("area", "outcome", "factors", "settings", "review"):
        hands.counted()
        if name == "review":
            wizard.draft.folder = str(folder)
            wizard.page.show_draft()
            # Only shown: the signals are held back, since the wizard refuses Windows' names on Linux.
            wizard.page.folder.blockSignals(True)
            wizard.page.folder.setFilePath(SHOWN_FOLDER)
            wizard.page.call.setPlainText(wizard.page.call.toPlainText().replace(str(folder), SHOWN_FOLDER))
            picture(name)
            wizard.page.folder.setFilePath(str(folder))
            wizard.page.folder.blockSignals(False)
        else:
            picture(name)
        hands.next()
    wait(lambda: wizard.run.bar.value() > 30 or wizard.page.NAME == "result", "progress")
    picture("run")
    wait(lambda: wizard.page.NAME == "result", "the result", 200)
    picture("result")
    wizard.close()


def small(picture: Path, target: Path) -> None:
    """The same picture in few enough colours to stay small."""
    target.parent.mkdir(parents=True, exist_ok=True)
    colours = ["-strip", "-dither", "None", "-colors", "32", "-define", "png:compression-level=9"]
    subprocess.run(["/usr/bin/convert", picture, *colours, f"PNG8:{target}"], check=True)


if __name__ == "__main__":
    main()
