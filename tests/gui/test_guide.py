"""The guide: made from its sources, with a section for every page and every tool, and opened at the right one."""

import importlib.util
import re
from pathlib import Path

import pytest
from qgis.PyQt.QtCore import QEvent, QUrl
from qgis.PyQt.QtGui import QTextCursor
from qgis.PyQt.QtWidgets import QApplication

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("guide_maker", REPOSITORY / ".ci" / "guide.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_made_from_its_sources(maker):
    assert maker.GUIDE.read_text("utf-8") == maker.build(), "run make guide"


def test_markdown_that_the_guide_uses(maker):
    text = '<a id="x" name="x"></a>\n## One\n![P](p.png)\n\n- a **b**\n- `c < d`\n\n    code & <x>'
    assert maker.converted(text).split("\n")[:-1] == [
        '<a id="x" name="x"></a><h2>One</h2><p><img src="p.png" alt="P"></p>',
        "<ul><li>a <b>b</b></li><li><code>c &lt; d</code></li></ul>",
        "<pre>code &amp; &lt;x&gt;</pre>",
    ]


def test_links_and_pictures_lead_somewhere(maker):
    page = maker.GUIDE.read_text("utf-8")
    anchors = set(re.findall(r'name="(.+?)"', page))
    for link in re.findall(r'href="(.+?)"', page):
        assert link.startswith("#"), f"{link} leads out of the plugin"
        assert link[1:] in anchors, link
    for picture in re.findall(r'src="(.+?)"', page):
        assert (maker.GUIDE.parent / picture).is_file(), picture


def test_every_page_of_the_wizard_opens_its_section(new_wizard):
    hands = new_wizard()
    for i, page in enumerate(hands.wizard.pages):
        hands.wizard.go(i)
        hands.find("wizard_explanation").linkActivated.emit(f"#{page.NAME}")
        shown = hands.find("wizard_help")
        QApplication.processEvents()
        browser = shown.browser
        assert browser.source().fragment() == page.NAME
        top = browser.cursorForPosition(browser.viewport().rect().topLeft())
        top.movePosition(QTextCursor.MoveOperation.NextBlock, n=3)
        seen = browser.toPlainText()[: top.position()]
        assert page.TITLE in seen, f"the window does not show {page.TITLE}"
        shown.close()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_the_help_of_every_tool_is_there(rtm, maker):
    page = maker.GUIDE.read_text("utf-8")
    for algorithm in rtm.algorithms():
        address = QUrl(algorithm.helpUrl())
        assert Path(address.toLocalFile()) == maker.GUIDE
        assert f'name="{address.fragment()}"' in page, algorithm.id()
