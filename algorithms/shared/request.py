"""What an algorithm is asked: one object in place of algorithm, parameters, context and feedback."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from qgis import processing
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsMapLayer,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameters,
    QgsProcessingParameterVectorDestination,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)

from ...rtm_plugin.adapters.feedback import progress_of
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
    """

    __slots__ = ("algorithm", "context", "feedback", "parameters")

    def __init__(
        self,
        algorithm: "RtmAlgorithm",
        parameters: Mapping[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback | None = None,
    ) -> None:
        self.algorithm = algorithm
        self.parameters = dict(parameters)
        self.context = context
        self.feedback = feedback or QgsProcessingFeedback(False)

    def with_parameters(self, parameters: Mapping[str, Any]) -> "Request":
        """The same request with other values."""
        return Request(self.algorithm, parameters, self.context, self.feedback)

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
        return self.algorithm.parameterAsSource(self.parameters, name, self.context)

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
        return self.algorithm.parameterAsLayer(self.parameters, name, self.context)

    def vector_layer(self, name: str) -> QgsVectorLayer | None:
        """The map layer of a vector input; None where only some of its features are chosen."""
        return self.algorithm.parameterAsVectorLayer(self.parameters, name, self.context)

    def raster_layer(self, name: str) -> QgsRasterLayer | None:
        """The map layer of a raster input."""
        return self.algorithm.parameterAsRasterLayer(self.parameters, name, self.context)

    def layers(self, name: str) -> list[QgsMapLayer]:
        """The map layers of an input that takes several, in order."""
        return self.algorithm.parameterAsLayerList(self.parameters, name, self.context) or []

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
        self, algorithm: str, asked: Mapping[str, Any], feedback: QgsProcessingFeedback | None = None
    ) -> dict[str, Any]:
        """Run another of our algorithms as a part of this one."""
        return processing.run(
            f"rtm:{algorithm}",
            dict(asked),
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
