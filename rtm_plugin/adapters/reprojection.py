"""By which operation coordinates get from one CRS into another, and how exactly: it differs between computers.

PROJ takes the most exact operation whose grid files it has. From degrees to the British National Grid that is one of
1 metre with the Ordnance Survey's grid and one of 2 metres without: enough for some events to change cell.
"""

from dataclasses import dataclass
from typing import Any

from qgis.core import QgsCoordinateTransform, QgsDatumTransform, QgsProjUtils

_EXACT = 1.0  # metres: what surveys of streets are good to
_COARSE = 5.0  # metres: told even where nothing better is known


@dataclass(frozen=True, slots=True)
class Operation:
    """How a layer's coordinates were changed.

    Parameters
    ----------
    name : str, as in PROJ's database
    accuracy : float or None
        Metres; None where PROJ does not know it.
    better : float or None
        Metres, of the most exact operation whose files this computer lacks; None where the one used is as exact.
    lacking : tuple of str
        The files that the better operation needs.
    """

    name: str
    accuracy: float | None
    better: float | None = None
    lacking: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """What was done, for the log."""
        exact = "to an accuracy that is not known" if self.accuracy is None else f"accurate to {self.accuracy:g} m"
        return f"Reprojected by '{self.name}' ({exact}; PROJ {proj_version()})."

    def warning(self, layer: str) -> str:
        """What an analyst should know of a coarse operation; empty where it is exact enough."""
        off = "by an amount that is not known" if self.accuracy is None else f"by up to {self.accuracy:g} m"
        start = f"Reprojection moves '{layer}' {off}, so that another computer may put some points into other cells"
        if self.better is not None and self.lacking:
            files = ", ".join(self.lacking)
            end = "Add it to QGIS's folder of PROJ, or reproject the layer once and keep it."
            return f"{start}: this one lacks the file {files}, which would do it to {self.better:g} m. {end}"
        if self.accuracy is None or self.accuracy >= _COARSE:
            return f"{start}. Use a layer in the CRS of the study area where you can."
        return ""

    def item(self) -> dict[str, Any]:
        """For the provenance of the layer."""
        return {"operation": self.name, "accuracy": self.accuracy, "proj": proj_version()}


def proj_version() -> str:
    """PROJ's version, as "9.1"."""
    return f"{QgsProjUtils.projVersionMajor()}.{QgsProjUtils.projVersionMinor()}"


def operation_of(transform: QgsCoordinateTransform) -> Operation:
    """The operation that a transform uses on this computer, and the better one that it cannot use."""
    used = transform.instantiatedCoordinateOperationDetails()
    accuracy = float(used.accuracy) if used.accuracy >= 0 else None
    better, lacking = _better(transform, accuracy)
    return Operation(used.name.removeprefix("axis order change (2D) + "), accuracy, better, lacking)


def _better(transform: QgsCoordinateTransform, accuracy: float | None) -> tuple[float | None, tuple[str, ...]]:
    if accuracy is not None and accuracy <= _EXACT:
        return None, ()
    operations = QgsDatumTransform.operations(transform.sourceCrs(), transform.destinationCrs())
    missing = [o for o in operations if not o.isAvailable and 0 <= o.accuracy < (accuracy or float("inf"))]
    if not missing:
        return None, ()
    best = min(missing, key=lambda operation: operation.accuracy)
    return float(best.accuracy), tuple(grid.shortName for grid in best.grids if not grid.isAvailable)
