"""A page in a real browser: headless Chromium, without a network; a test that needs it skips, saying so, without it."""

import html
import json
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
_AXE = """<script>{axe}</script><script>
axe.run(document, {{resultTypes: ["violations"]}}).then(found => {{
  const told = found.violations.map(v => ({{id: v.id, help: v.help, at: v.nodes.map(n => n.html.slice(0, 200))}}));
  const answer = document.createElement("pre");
  answer.id = "axe-answer";
  answer.textContent = JSON.stringify({{violations: told, passes: found.passes.length}});
  document.body.replaceChildren(answer);
}});
</script></body>"""


def axe_script() -> str:
    """The source of axe-core, from the package of the test tools."""
    package = pytest.importorskip("axe_core_python", reason="axe-core is not there (pip package axe-core-python)")
    return (resources.files(package) / "axe.min.js").read_text(encoding="utf-8")


def chromium(folder: Path, *options: str) -> str:
    """What Chromium prints."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium to show the page")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    done = subprocess.run([*command, *options], capture_output=True, timeout=120, check=False)
    return done.stdout.decode("utf-8")


def violations(page: str, folder: Path) -> list[dict]:
    """What axe-core finds wrong with a page; the page's own policy, which forbids scripts, is taken out for it."""
    path = folder / "checked.html"
    checked = _POLICY.sub("", page).replace("</body>", _AXE.format(axe=axe_script()))
    path.write_text(checked, encoding="utf-8")
    shown = chromium(folder, "--virtual-time-budget=20000", "--window-size=1100,1400", "--dump-dom", path.as_uri())
    found = re.search(r'<pre id="axe-answer">(.*?)</pre>', shown, re.S)
    assert found, f"axe-core gave no answer: {shown[-500:]}"
    answer = json.loads(html.unescape(found.group(1)))
    assert answer["passes"] > 10, "axe-core looked at next to nothing"
    return answer["violations"]
