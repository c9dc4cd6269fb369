"""What all algorithms share: help from files, inputs opened before, refusals in a sentence."""

import html
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from qgis.core import (
    Qgis,
    QgsMessageLog,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
)
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QIcon

from ...rtm_plugin.adapters.feedback import tr
from ...rtm_plugin.adapters.libraries import load_libraries, what_is_missing
from ...rtm_plugin.adapters.opening import in_window_thread
from ...rtm_plugin.core.errors import Cancelled, RtmError
from .inputs import checked
from .request import Request
from .targets import check_targets, load_only, name_outputs
from .values import words_of

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
GROUP_OF_RESULTS = "Risk terrain"


class RtmAlgorithm(QgsProcessingAlgorithm):
    """Base of the algorithms.

    A subclass gives NAME, LABEL, GROUP, TAGS, the parameters in `initAlgorithm`, and `execute`, which may raise
    RtmError.
    """

    NAME: ClassVar[str]
    LABEL: ClassVar[str]
    GROUP: ClassVar[tuple[str, str]]
    TAGS: ClassVar[tuple[str, ...]] = ()
    FOLDER_FILES: ClassVar[tuple[str, ...]] = ()  # names of what is written where a folder is the destination
    CANCELLED: ClassVar[str] = "Cancelled; nothing was written."
    PACKAGES: ClassVar[tuple[str, ...]] = ("scipy",)  # without which it cannot run
    LIBRARIES: ClassVar[tuple[str, ...]] = ()  # slow ones that it uses beside those loaded with the plugin

    def name(self) -> str:
        return self.NAME

    def displayName(self) -> str:
        return tr(self.LABEL)

    def group(self) -> str:
        return tr(self.GROUP[1])

    def groupId(self) -> str:
        return self.GROUP[0]

    def tags(self) -> list[str]:
        return ["rtm", "risk terrain", "crime", *self.TAGS]

    def icon(self) -> QIcon:
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        return str(RESOURCES / "icons" / f"{self.NAME}.svg")

    def shortHelpString(self) -> str:
        return help_html((RESOURCES / "help" / f"{self.NAME}.md").read_text(encoding="utf-8"))

    def helpUrl(self) -> str:
        """What the Help button of the dialog opens: the tool's section of the guide, which comes with the plugin."""
        address = QUrl.fromLocalFile(str(RESOURCES / "guide" / "guide.html"))
        address.setFragment(f"tool-{self.NAME}")
        return address.toString()

    def shortDescription(self) -> str:
        first = (RESOURCES / "help" / f"{self.NAME}.md").read_text(encoding="utf-8").split("\n\n", 1)[0]
        return " ".join(first.split())

    def createInstance(self) -> "RtmAlgorithm":
        return type(self)()

    def canExecute(self) -> tuple[bool, str]:
        missing = what_is_missing(self.PACKAGES)
        return not missing, missing

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Load and open what the task will use, while still in the window's thread."""
        load_libraries(self.LIBRARIES)
        request = Request(self, parameters, context, feedback)
        request.open_inputs()
        self._opened: dict[tuple[str, str], Any] = request.opened  # until the run takes it
        return True

    def add(self, definition: QgsProcessingParameterDefinition, help_text: str, advanced: bool = False) -> None:
        """Add a parameter with its help; advanced ones are folded."""
        definition.setHelp(" ".join(text for text in (help_text, words_of(definition)) if text))
        if advanced:
            definition.setFlags(definition.flags() | Qgis.ProcessingParameterFlag.Advanced)
        if not self.addParameter(definition):
            raise RtmError(f"The parameter {definition.name()} of {self.NAME} is declared twice.")

    def checkParameterValues(self, parameters: dict[str, Any], context: QgsProcessingContext) -> tuple[bool, str]:
        """Refuse in a sentence, before the run, what the inputs are refused for; QGIS's own words for the rest."""
        try:
            parameters = checked(Request(self, parameters, context)).parameters
        except RtmError as error:
            return False, str(error)
        fine, message = super().checkParameterValues(parameters, context)
        return fine, message

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run `execute`; whatever goes wrong reaches the analyst as one sentence."""
        usable, sentence = self.canExecute()  # qgis_process and models do not ask
        if not usable:
            raise QgsProcessingException(sentence)
        opened = vars(self).pop("_opened", None)
        request = Request(self, parameters, context, feedback, opened)
        try:
            with _without_project(context):
                return _run(request)
        except Cancelled:
            feedback.pushInfo(tr(self.CANCELLED))
            return {}
        except RtmError as error:
            sentence = str(error)
        except MemoryError:
            sentence = tr("There is not enough memory for this study; choose a larger cell size or fewer factors.")
        except QgsProcessingException:
            raise
        except Exception as error:
            QgsMessageLog.logMessage(traceback.format_exc(), "Risk Terrain", Qgis.MessageLevel.Critical)
            sentence = tr("Something unexpected went wrong ({}). Details are in the log panel 'Risk Terrain'.").format(
                f"{type(error).__name__}: {error}"
            )
        raise QgsProcessingException(sentence)

    def execute(self, request: Request) -> dict[str, Any]:
        """The algorithm's work: a short table of contents."""
        raise RtmError(f"{self.NAME} has no work to do.")


def _run(request: Request) -> dict[str, Any]:
    """The whole of a run: inputs and outputs are looked at, then the algorithm does its work."""
    request = checked(request)
    check_targets(request)
    request = name_outputs(request)
    results = request.algorithm.execute(request)
    load_only(request, results)
    return results


@contextmanager
def _without_project(context: QgsProcessingContext) -> Iterator[None]:
    """In a thread of its own, a run looks for no layer in the project (adapters/opening.py says why).

    What it needs of the project has been opened before.
    """
    if in_window_thread():
        yield
        return
    project = context.project()
    context.setProject(None)
    try:
        yield
    finally:
        context.setProject(project)


def results_group(title: str = "") -> str:
    """Name of the layer-tree group of a study's results."""
    return f"{GROUP_OF_RESULTS}: {title}" if title else GROUP_OF_RESULTS


def help_html(markdown: str) -> str:
    """The little Markdown of the help files as HTML: paragraphs, lists, headings, **bold** and `code`.

    >>> help_html("One **two**.\\n\\n- a\\n- b")
    '<p>One <b>two</b>.</p><ul><li>a</li><li>b</li></ul>'
    """
    return "".join(_block(block) for block in re.split(r"\n\s*\n", markdown.strip()))


def _block(block: str) -> str:
    if block.startswith("#"):
        return f"<h3>{_inline(block.lstrip('# '))}</h3>"
    if block.startswith("- "):
        items = re.split(r"\n- ", block[2:])
        return "<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + "</ul>"
    return f"<p>{_inline(block)}</p>"


def _inline(text: str) -> str:
    text = html.escape(" ".join(text.split()), quote=False)
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)
