"""The process that is fuzzed: QGIS without windows. Reads seeds, a line each; answers each with a line of JSON.

    python3 worker.py FOLDER

The verdict is "right" when the algorithm gave results that are whole and finite, or refused in one sentence and left
nothing; else it says what was wrong. A case may be a long one (a fine grid, say): after a while the cancel button is
pressed, and it must end and leave nothing. A crash or a hang is for the parent process to see.
"""

import csv
import faulthandler
import json
import math
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

LONGEST_SENTENCE = 1500
PATIENCE = 15.0  # seconds until the cancel button is pressed
SECONDS = float(os.environ.get("RTM_FUZZ_SECONDS", "30"))


def start_qgis() -> Any:
    """QGIS with Processing and our provider."""
    from qgis.core import QgsApplication

    application = QgsApplication([], False)
    application.initQgis()
    sys.path.append(str(Path(QgsApplication.pkgDataPath()) / "python" / "plugins"))
    alias = Path(tempfile.mkdtemp(prefix="risk_terrain_fuzz_"))
    (alias / "risk_terrain").symlink_to(HERE.parents[1], target_is_directory=True)
    sys.path.insert(0, str(alias))
    from processing.core.Processing import Processing
    from risk_terrain.rtm_plugin.plugin import RiskTerrainPlugin

    Processing.initialize()
    plugin = RiskTerrainPlugin(None)
    plugin.initProcessing()
    return application, plugin


def verdict(algorithm: str, asked: dict[str, Any], out: Path) -> str:
    """ "right", or what was wrong with a run."""
    from qgis.core import QgsProcessingException
    from running import TRACES, Log, process

    log = Log()
    patience = threading.Timer(PATIENCE, log.cancel)
    patience.start()
    try:
        process(algorithm, asked, log)
    except QgsProcessingException as error:
        return _verdict_of_refusal(str(error).removeprefix("Unable to execute algorithm\n").strip(), out, TRACES)
    except RecursionError:
        return "recursion without end"
    except Exception as error:
        return f"a traceback reaches the caller: {type(error).__name__}: {error}"[:LONGEST_SENTENCE]
    finally:
        patience.cancel()
    said = [text for text in (*log.errors, *log.warnings) if any(trace in text for trace in TRACES)]
    return said[0] if said else _verdict_of_results(out)


def _verdict_of_refusal(sentence: str, out: Path, traces: tuple[str, ...]) -> str:
    left = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    if left:
        return f"files left behind after '{sentence[:200]}': {', '.join(left)}"
    if not sentence:
        return "refused without a sentence"
    if len(sentence) > LONGEST_SENTENCE:
        return f"a sentence of {len(sentence)} characters: {sentence[:200]}"
    found = [trace for trace in traces if trace in sentence]
    return f"no sentence for people: {sentence}" if found else "right"


def _verdict_of_results(out: Path) -> str:
    """Nothing unfinished, and no number that is none."""
    for path in sorted(out.rglob("*")):
        if path.name.startswith("."):
            return f"left behind: {path.name}"
        if path.suffix == ".tif" and (wrong := _wrong_raster(path)):
            return wrong
        if path.suffix == ".json":
            json.loads(path.read_text("utf-8"), parse_constant=_refuse_constant)
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                if any(cell.strip().lower() in ("nan", "inf", "-inf") for row in csv.reader(file) for cell in row):
                    return f"{path.name} holds what is no number"
    return "right"


def _refuse_constant(text: str) -> float:
    raise ValueError(f"a document holds {text}")


def _wrong_raster(path: Path) -> str:
    import numpy as np
    from osgeo import gdal

    data = gdal.Open(str(path))
    for i in range(1, data.RasterCount + 1):
        band = data.GetRasterBand(i)
        values = band.ReadAsArray().astype(float)
        known = values[values != band.GetNoDataValue()]
        if not np.isfinite(known).all():
            return f"band {i} of {path.name} holds what is no number"
        if not known.size:
            return f"band {i} of {path.name} has no value"
    items = {**data.GetMetadata(), **data.GetRasterBand(1).GetMetadata()}
    bad = [key for key, text in items.items() if key.startswith("RTM_") and _is_no_number(text)]
    return f"metadata {bad} of {path.name} are no numbers" if bad else ""


def _is_no_number(text: str) -> bool:
    try:
        return not math.isfinite(float(text))
    except ValueError:
        return False


def main() -> None:
    """Answer seeds until the input ends."""
    folder = Path(sys.argv[1])
    faulthandler.enable((folder / "fault.txt").open("w"))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    kept = start_qgis()
    from cases import make_case, make_stock

    (folder / "stock").mkdir()
    stock = make_stock(folder / "stock")
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin:
        number = int(line)
        faulthandler.dump_traceback_later(SECONDS, file=(folder / "hang.txt").open("w"))
        name, (algorithm, asked) = make_case(number, stock, folder / "case")
        try:
            said = verdict(algorithm, asked, folder / "case" / "out")
        except ValueError as error:
            said = str(error)
        faulthandler.cancel_dump_traceback_later()
        answers.write(json.dumps({"seed": number, "case": name, "algorithm": algorithm, "verdict": said}) + "\n")
        answers.flush()
    del kept


if __name__ == "__main__":
    main()
