"""Bring the settings in resources/schema up to date with their declarations in the core.

    python3 .ci/schemas.py

Everything else in the schemas is written by hand, and so are the descriptions of the settings.
"""

import json
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
SCHEMAS = REPOSITORY / "resources" / "schema"
sys.path.insert(0, str(REPOSITORY))

from rtm_plugin.core.documents.declaration import schema_of, settings_of  # noqa: E402
from rtm_plugin.core.documents.factor_settings import FactorSettings  # noqa: E402
from rtm_plugin.core.documents.patrol_settings import PatrolSettings  # noqa: E402
from rtm_plugin.core.documents.settings import GridSettings, PlaceSettings, SelectionSettings  # noqa: E402
from rtm_plugin.core.documents.study_document import StudyDocument  # noqa: E402

# File → where in it the properties of a settings dataclass are.
PLACES: dict[str, list[tuple[type[Any], tuple[str, ...]]]] = {
    "study": [
        (StudyDocument, ()),
        (GridSettings, ("grid",)),
        (SelectionSettings, ("selection",)),
        (PlaceSettings, ("places",)),
        (PatrolSettings, ("patrol",)),
        (FactorSettings, ("factors", "settings")),
    ],
    "factors": [(FactorSettings, ("factors",))],
}


def updated(document: dict[str, Any], name: str) -> dict[str, Any]:
    """A schema with the settings as they are declared; it is changed in place."""
    for kind, way in PLACES[name]:
        properties = document["properties"]
        for key in way:
            properties = _objects(properties[key])["properties"]
        for field, declared in settings_of(kind).items():
            described = {k: v for k, v in properties.get(field, {}).items() if k == "description"}
            properties[field] = {**schema_of(declared), **described}
    return document


def _objects(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object; of a list, that of its items."""
    return schema.get("items", schema)


def text_of(document: dict[str, Any]) -> str:
    """A schema as its file has it."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in PLACES:
        path = SCHEMAS / f"{name}.schema.json"
        path.write_text(text_of(updated(json.loads(path.read_text(encoding="utf-8")), name)), encoding="utf-8")
