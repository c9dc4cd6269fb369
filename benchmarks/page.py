"""The pages in docs whose tables are measured: the tables are replaced, the words stay."""

import os
import platform
import re
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from statistics import median

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "performance.md"


def replace(section: str, text: str, page: Path = PAGE) -> None:
    """Put the text between the page's marks for the section."""
    old = page.read_text(encoding="utf-8")
    begin, end = f"<!-- {section} -->", f"<!-- end of {section} -->"
    if begin not in old or end not in old:
        raise SystemExit(f"{page.name} has no marks {begin} and {end}; put them where the tables belong.")
    before, after = old.split(begin)[0], old.split(end)[1]
    page.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}", encoding="utf-8")
    print(f"wrote '{section}' into {page.relative_to(REPOSITORY)}")


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(values: list[float]) -> str:
    """Median, with the least and the most of several runs."""
    middle = _short(median(values))
    return middle if len(values) == 1 else f"{middle} ({_short(min(values))}–{_short(max(values))})"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def machine() -> str:
    """Processor, cores, versions and date, as a sentence."""
    cpu = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", cpu.read_text(encoding="utf-8")) if cpu.is_file() else None
    processor = found[1] if found else platform.processor() or platform.machine()
    load = f" (load {os.getloadavg()[0]:.1f} at the end)" if hasattr(os, "getloadavg") else ""
    return (
        f"{datetime.now(timezone.utc):%Y-%m-%d}, {processor}, {os.cpu_count()} cores, shared{load}; Python "
        f"{platform.python_version()}, numpy {version('numpy')}, scipy {version('scipy')}."
    )


def chicago_data(folder: Path | None) -> Path | None:
    """chicago.gpkg in the folder, or in the data beside the repository; says when there is none."""
    places = [folder] if folder else [REPOSITORY.parent / "shared" / "data"]
    for place in places:
        for path in (place / "chicago" / "chicago.gpkg", place / "chicago.gpkg"):
            if path.is_file():
                return path.resolve()
    print(f"Chicago is left out: there is no chicago.gpkg in {places[0]} (give its folder with DATA=FOLDER).")
    return None
