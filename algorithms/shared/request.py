"""What an algorithm is asked: one object in place of algorithm, parameters, context and feedback."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from qgis import processing
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsMapLayer,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameters,
    QgsProcessingParameterVectorDestination,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)

from ...rtm_plugin.adapters.feedback import progress_of
from ...rtm_plugin.adapters.opening import ONE_AT_A_TIME
from ...rtm_plugin.adapters.project import PROPERTY
from ...rtm_plugin.adapters.rasters import Raster
from ...rtm_plugin.cartography.sidecars import styler
from ...rtm_plugin.core.errors import InputError
from ...rtm_plugin.core.tools.progress import Progress

if TYPE_CHECKING:
    from .base import RtmAlgorithm


class Request:
    """The parameters of a run as values of their types, the context of its layers, and the one who is told.

    A getter takes the name of a parameter, and gives what its kind holds: `text`, `number`, `whole`, `choice` (the
    word), `switch` (the choice between yes and no), `flag`, `file`, `source`, `layer`, `layers`, `raster`, `output`.
    The settings that core declares come by `settings.read_settings`.

    Each layer is opened once, and kept in `opened`, by the way it was asked for and its parameter: a run in a thread
    of its own gets what was opened in the window's thread (`open_inputs`). `project` is where results are loaded.
    """

    __slots__ = ("algorithm", "context", "feedback", "opened", "parameters", "project")

    def __init__(
        self,
        algorithm: "RtmAlgorithm",
        parameters: Mapping[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback | None = None,
        opened: dict[tuple[str, str], Any] | None = None,
        project: QgsProject | None = None,
    ) -> None:
        self.opened = {} if opened is None else opened
        self.algorithm = algorithm
        self.parameters = dict(parameters)
        self.context = context
        self.project = context.project() if project is None else project
        self.feedback = feedback or QgsProcessingFeedback(False)

    def with_parameters(self, parameters: Mapping[str, Any]) -> "Request":
        """The same request with other values of parameters that are no layers."""
        return Request(self.algorithm, parameters, self.context, self.feedback, self.opened, self.project)

    def open_inputs(self) -> None:
        """Open the layers of all inputs, as whoever asks for them will."""
        for definition in self.algorithm.parameterDefinitions():
            name = definition.name()
            if not definition.isDestination() and self.given(name):
                for open_one in self._ways_to_open(definition.type()):
                    open_one(name)

    def _ways_to_open(self, kind: str) -> tuple[Callable[[str], Any], ...]:
        if kind in ("source", "vector"):
            return self.source, self.layer, self.vector_layer, self.layer_behind
        if kind == "raster":
            return self.layer, self.raster_layer
        return (self.layers,) if kind == "multilayer" else ()

    def _once(self, way: str, name: str, open_it: Callable[..., Any]) -> Any:
        """What a way of opening gives for a parameter; asked once."""
        if (way, name) not in self.opened:
            with ONE_AT_A_TIME:
                self.opened[way, name] = open_it(self.parameters, name, self.context)
        return self.opened[way, name]

    def has(self, name: str) -> bool:
        """Whether the algorithm has this parameter."""
        return self.algorithm.parameterDefinition(name) is not None

    def given(self, name: str) -> Any:
        """The value as it was handed over; None where nothing was."""
        return self.parameters.get(name)

    def text(self, name: str) -> str:
        return self.algorithm.parameterAsString(self.parameters, name, self.context)

    def number(self, name: str) -> float:
        return self.algorithm.parameterAsDouble(self.parameters, name, self.context)

    def whole(self, name: str) -> int:
        return self.algorithm.parameterAsInt(self.parameters, name, self.context)

    def choice(self, name: str) -> str:
        """The word of a choice."""
        return self.algorithm.parameterAsEnumString(self.parameters, name, self.context)

    def switch(self, name: str) -> bool:
        """Whether the choice between yes and no is yes."""
        return self.choice(name) == "yes"

    def flag(self, name: str) -> bool:
        return self.algorithm.parameterAsBool(self.parameters, name, self.context)

    def day(self, name: str) -> date | None:
        """A date; None where none is given."""
        definition = self.algorithm.parameterDefinition(name)
        day = QgsProcessingParameters.parameterAsDate(definition, self.parameters, self.context)
        return day.toPyDate() if day.isValid() else None

    def file(self, name: str) -> str:
        """The path of an input file; "" without one."""
        return self.algorithm.parameterAsFile(self.parameters, name, self.context)

    def point(self, name: str, crs: QgsCoordinateReferenceSystem) -> QgsPointXY:
        """A point, moved into a CRS."""
        return self.algorithm.parameterAsPoint(self.parameters, name, self.context, crs)

    def extent(self, name: str, crs: QgsCoordinateReferenceSystem) -> QgsRectangle:
        """An extent, moved into a CRS."""
        return self.algorithm.parameterAsExtent(self.parameters, name, self.context, crs)

    def source(self, name: str) -> QgsProcessingFeatureSource | None:
        """The features of a vector input."""
        return self._once("source", name, self.algorithm.parameterAsSource)

    def needed_source(self, name: str) -> QgsProcessingFeatureSource:
        """The features of a vector input.

        Raises
        ------
        InputError
            There are none, in QGIS's own words.
        """
        source = self.source(name)
        if source is None:
            raise InputError(self.algorithm.invalidSourceError(self.parameters, name))
        return source

    def layer(self, name: str) -> QgsMapLayer | None:
        """The map layer of an input of any kind."""
        return self._once("layer", name, self.algorithm.parameterAsLayer)

    def vector_layer(self, name: str) -> QgsVectorLayer | None:
        """The map layer of a vector input; None where only some of its features are chosen."""
        return self._once("vector layer", name, self.algorithm.parameterAsVectorLayer)

    def layer_behind(self, name: str) -> QgsVectorLayer | None:
        """The map layer behind a source, also where only some of its features are chosen."""

        def open_it(parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> QgsVectorLayer | None:
            given = parameters.get(name)
            if isinstance(given, QgsProcessingFeatureSourceDefinition):
                given = given.source.valueAsString(context.expressionContext(), "")[0]
            return self.algorithm.parameterAsVectorLayer({**parameters, name: given}, name, context)

        return self._once("layer behind", name, open_it)

    def raster_layer(self, name: str) -> QgsRasterLayer | None:
        """The map layer of a raster input."""
        return self._once("raster layer", name, self.algorithm.parameterAsRasterLayer)

    def layers(self, name: str) -> list[QgsMapLayer]:
        """The map layers of an input that takes several, in order."""
        return self._once("layers", name, self.algorithm.parameterAsLayerList) or []

    def raster(self, name: str, what: str) -> Raster:
        """A raster input, opened; `what` it is, in words."""
        return Raster(self.raster_layer(name), what)

    def rasters(self, name: str, what: str) -> list[Raster]:
        """Several raster inputs, opened, in order."""
        layers = self.layers(name)
        if not layers:
            raise InputError(f"No {what} raster is given; choose at least one.")
        return [Raster(layer if isinstance(layer, QgsRasterLayer) else None, what) for layer in layers]

    def output(self, name: str) -> str:
        """Where a result goes, a layer or another file; "" where it is not wanted."""
        definition = self.algorithm.parameterDefinition(name)
        if isinstance(definition, (QgsProcessingParameterRasterDestination, QgsProcessingParameterVectorDestination)):
            return self.algorithm.parameterAsOutputLayer(self.parameters, name, self.context)
        return self.algorithm.parameterAsFileOutput(self.parameters, name, self.context)

    def run_child(
        self, algorithm: str, parameters: Mapping[str, Any], feedback: QgsProcessingFeedback | None = None
    ) -> dict[str, Any]:
        """Run another of our algorithms as a part of this one."""
        return processing.run(
            f"rtm:{algorithm}",
            dict(parameters),
            is_child_algorithm=True,
            context=self.context,
            feedback=feedback or self.feedback,
        )

    def progress(self, start: float = 0.0, end: float = 1.0) -> Progress:
        """The progress of a step that fills `start` to `end` of the whole, and the place where a cancel is heard."""
        return progress_of(self.feedback, start, end)

    def present(self, path: str, name: str, group: str, order: int, beside: Mapping[str, str] | None = None) -> None:
        """Name, group, order and style a result that will be loaded; `beside` says where what belongs to it lies."""
        if not self.context.willLoadLayerOnCompletion(path):
            return
        details = self.context.layerToLoadOnCompletionDetails(path)
        details.name = name
        details.forceName = True
        details.groupName = group
        details.layerSortKey = order
        kept = {f"{PROPERTY}/{what}": file for what, file in (beside or {}).items() if file}
        details.setPostProcessor(styler(kept))
