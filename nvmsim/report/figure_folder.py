"""The folder of a study that ends in one figure."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nvmsim.zoo.checkpoint import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_figure(
    name: str, folder: str | Path, *, build: "Callable[[], tuple[Figure, str, str]]", data: str, everything: str
) -> Path:
    """Write the figure as NAME.svg and NAME.png, its ``data`` as NAME.csv and ``everything`` as NAME.json.

    Returns the SVG's path. Each file is written whole or not at all. Raises InputError naming one that cannot be
    written.
    """
    from nvmsim.report.drawing import draw_alone

    svg, png = draw_alone(name, build)
    contents = {"png": png, "svg": svg.encode(), "csv": data.encode(), "json": everything.encode()}
    for ending, content in contents.items():
        write_whole(Path(folder) / f"{name}.{ending}", content)
    return Path(folder) / f"{name}.svg"
