"""Make docs/api.md from the docstrings of what the core shows to programmers (rtm_plugin/core/__init__.py).

python3 .ci/api.py
"""

import inspect
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "api.md"
HEAD = """# The core, from Python

What `import risk_terrain` names, made from the docstrings by `make api`. `pip install .` in the checkout installs it
without QGIS; with `pip install '.[frames]'` come GeoPandas and pandas, which GeoDataFrames and tables need.
"""


def build(core: Any) -> str:
    """The page, from the core's package."""
    return "\n".join([HEAD, *(_section(name, getattr(core, name)) for name in core.__all__)])


def _section(name: str, thing: Any) -> str:
    parts = [f"## {name}\n", _block(name, thing)]
    if inspect.isclass(thing):
        for method in ("of", "table", "to_geodataframe", "forecast", "count", "load"):
            if method in vars(thing):
                parts.append(f"### {name}.{method}\n\n{_block(f'{name}.{method}', getattr(thing, method))}")
    return "\n".join(parts)


def _block(name: str, thing: Any) -> str:
    failure = inspect.isclass(thing) and issubclass(thing, Exception)
    return f"```text\n{name}{'' if failure else _signature(thing)}\n\n{inspect.getdoc(thing) or ''}\n```\n"


def _signature(thing: Any) -> str:
    """Names and defaults; what each is stands in the docstring, where people read it."""
    parameters = inspect.signature(thing).parameters.values()
    plain = [p.replace(annotation=p.empty, default=_default(p.default)) for p in parameters]
    return str(inspect.Signature(plain))


def _default(value: Any) -> Any:
    return (
        value
        if isinstance(value, (str, int, float, tuple, type(None))) or value is inspect.Parameter.empty
        else _Shown()
    )


class _Shown:
    """A default that has no short text, such as a function."""

    def __repr__(self) -> str:
        return "…"


def main() -> None:
    """Write the page."""
    sys.path.insert(0, str(REPOSITORY))
    from rtm_plugin import core

    PAGE.write_text(build(core), encoding="utf-8")


if __name__ == "__main__":
    main()
