"""Which columns of a table without a geometry, such as a CSV file, are coordinates."""

from qgis.core import QgsFeatureSource

from ..core.errors import InputError

# names of x, of y, and their CRS; the first two are degrees, the others the study area's CRS
_KNOWN_NAMES = (
    (("longitude", "long", "lon", "lng"), ("latitude", "lat"), "EPSG:4326"),
    (("easting", "eastings", "x", "x_coord", "xcoord", "point_x", "coord_x"),
     ("northing", "northings", "y", "y_coord", "ycoord", "point_y", "coord_y"), ""),
)  # fmt: skip


def coordinate_columns(source: QgsFeatureSource, name: str) -> tuple[str, str, str]:
    """The columns of a table that hold x and y, and the CRS that their names speak of; "" for the study area's own.

    Raises
    ------
    InputError
        No columns that look like coordinates.
    """
    by_name = {f.name().casefold().strip(): f.name() for f in source.fields()}
    for x_names, y_names, authid in _KNOWN_NAMES:
        x = next((by_name[n] for n in x_names if n in by_name), None)
        y = next((by_name[n] for n in y_names if n in by_name), None)
        if x and y:
            return x, y, authid
    raise InputError(
        f"The table '{name}' has no geometry and no columns that look like coordinates (longitude and latitude, or "
        "easting and northing); rename its columns, or load it with Layer ▸ Add Delimited Text Layer."
    )
