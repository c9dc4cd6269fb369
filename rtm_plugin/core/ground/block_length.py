"""The mean length of a street block: metres of street from one junction to the next."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .features import Features, inside

_SNAP = 0.01  # map units within which two ends are one node


@dataclass(frozen=True, slots=True)
class Blocks:
    """Street blocks of an area.

    Parameters
    ----------
    count : int
    total_length : float, map units
    """

    count: int
    total_length: float

    @property
    def mean_length(self) -> float:
        """Map units."""
        return self.total_length / self.count


def street_blocks(streets: Features, study_area: Features | None = None) -> Blocks:
    """Count the blocks of a street network: its pieces between junctions and dead ends.

    A node where exactly two segments meet is a bend, not a junction. Each block has two ends, so there are half as
    many blocks as ends of segments at junctions and dead ends; a ring without a junction is one block. Streets must
    share a vertex where they meet: a bridge over a road is no junction.

    Parameters
    ----------
    streets : Features of lines
    study_area : Features of polygons, optional; segments whose middle lies outside are left out

    Raises
    ------
    InputError
        Other geometry, or no street in the area.

    Examples
    --------
    A cross of four arms, one of them bent: four blocks.

    >>> arms = [[0, 0, 100, 0], [0, 0, -100, 0], [0, 0, 0, 100], [0, 0, 0, -50], [0, -50, 50, -50]]
    >>> blocks = street_blocks(Features("line", np.array(arms, float), 4))
    >>> blocks.count, blocks.mean_length
    (4, 100.0)
    """
    if streets.geometry != "line":
        raise InputError("Blocks are measured on lines; choose a layer of streets.")
    segments = streets.coordinates
    length = np.hypot(segments[:, 2] - segments[:, 0], segments[:, 3] - segments[:, 1])
    keep = length > _SNAP
    if study_area is not None:
        keep &= inside(study_area, (segments[:, :2] + segments[:, 2:]) / 2)
    if not keep.any():
        raise InputError("No street of the layer lies in the study area; choose another layer, or check its CRS.")
    ends = np.rint(segments[keep].reshape(-1, 2) / _SNAP).astype(np.int64)
    node = np.unique(ends, axis=0, return_inverse=True)[1].reshape(-1, 2)
    degree = np.bincount(node.ravel())
    count = int(degree[degree != 2].sum()) // 2 + _rings(node, degree)
    return Blocks(count, float(length[keep].sum()))


def _rings(node: NDArray[np.int64], degree: NDArray[np.int64]) -> int:
    """Connected parts without any junction or dead end."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(degree)
    graph = coo_matrix((np.ones(len(node), np.int8), (node[:, 0], node[:, 1])), shape=(n, n))
    parts, label = connected_components(graph, directed=False)
    return int(np.count_nonzero(np.bincount(label, weights=degree != 2, minlength=parts) == 0))
