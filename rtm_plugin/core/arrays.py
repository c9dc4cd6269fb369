"""Names of the arrays that go through all rooms."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
