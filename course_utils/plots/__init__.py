"""Pictures with titles, named axes and descriptions, in colours that everybody can tell apart.

Each function returns a `Picture`; as the last line of a cell it is shown. `interact` makes one with sliders.
"""

from .cell import cell
from .charts import bars, confusion, lines
from .moving import Moving, interact
from .picture import BLUE, ORANGE, SERIES, Picture
from .scores import calibration, roc_and_pr
from .tags import tagged
from .tensors import blocks, influence, influence_of_positions, influence_over_time, outputs, packed, unrolled

__all__ = [
    "BLUE", "ORANGE", "SERIES", "Moving", "Picture", "bars", "blocks", "calibration", "cell", "confusion", "influence",
    "influence_of_positions", "influence_over_time", "interact", "lines", "outputs", "packed", "roc_and_pr", "tagged",
    "unrolled",
]  # fmt: skip
