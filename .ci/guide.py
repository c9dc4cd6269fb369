"""Make resources/guide/guide.html from docs/guide.md and the help of the tools: what the plugin's Help buttons open.

    python3 .ci/guide.py

It knows the Markdown that these files use and no more: headings, paragraphs, lists, pictures, links, code, bold,
italics, and lines of HTML that are anchors.
"""

import html
import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
GUIDE = REPOSITORY / "resources" / "guide" / "guide.html"
HELP = REPOSITORY / "resources" / "help"
PICTURES = "../resources/guide/"  # as docs/guide.md sees them
STYLE = "body{font-family:sans-serif;max-width:50em;margin:1em auto;padding:0 1em}pre,code{font-family:monospace}"
_HEADING = re.compile(r"(#+) +(.*)")


def build() -> str:
    """The page."""
    text = (REPOSITORY / "docs" / "guide.md").read_text(encoding="utf-8").replace(PICTURES, "")
    tools = "".join(_tool(path) for path in sorted(HELP.glob("*.md")))
    return (
        '<!DOCTYPE html>\n<html lang="en-GB"><head><meta charset="utf-8">'
        f"<title>Risk Terrain: guide</title><style>{STYLE}</style></head><body>\n"
        f'{converted(text)}<h2><a name="tools"></a>The tools</h2>\n{tools}</body></html>\n'
    )


def _tool(path: Path) -> str:
    """The help of a tool, under its id."""
    anchor = f'<a name="tool-{path.stem}"></a>'
    return f"<h3>{anchor}rtm:{path.stem}</h3>\n{converted(path.read_text(encoding='utf-8'), deeper=1)}"


def converted(text: str, deeper: int = 0) -> str:
    """Markdown as HTML; headings are moved down by so many levels."""
    blocks = re.split(r"\n\s*\n", text.strip("\n"))
    return "".join(_block(block.rstrip(), deeper) + "\n" for block in blocks if block.strip())


def _block(block: str, deeper: int) -> str:
    if block.startswith("<a "):
        anchor, _, rest = block.partition("\n")
        return anchor + (_block(rest, deeper) if rest else "")
    heading = _HEADING.match(block)
    if heading:
        level = min(len(heading[1]) + deeper, 6)
        _, _, rest = block.partition("\n")
        return f"<h{level}>{_inline(heading[2])}</h{level}>" + (_block(rest, deeper) if rest.strip() else "")
    if block.startswith("    "):
        return f"<pre>{html.escape(re.sub('(?m)^    ', '', block), quote=False)}</pre>"
    if block.startswith("- "):
        items = re.split(r"\n- ", block[2:])
        return "<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + "</ul>"
    return f"<p>{_inline(block)}</p>"


def _inline(text: str) -> str:
    text = html.escape(" ".join(text.split()), quote=False)
    text = re.sub(r"!\[(.*?)\]\((.*?)\)", r'<img src="\2" alt="\1">', text)
    text = re.sub(r"\[(.*?)\]\((.*?)\)", r'<a href="\2">\1</a>', text)
    text = re.sub(r"`(.+?)`", r"<code>\1</code>", text)
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
    return re.sub(r"(?<![\w*])\*([^*\s][^*]*?)\*(?![\w*])", r"<i>\1</i>", text)


if __name__ == "__main__":
    GUIDE.write_text(build(), encoding="utf-8", newline="\n")
