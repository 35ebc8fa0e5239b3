"""The folder of a study's report: every file whole or not at all, the page last."""

from pathlib import Path
from typing import TYPE_CHECKING

from nvmsim.report.study.table import render_study_csv, render_study_json
from nvmsim.study.grid.outcome import StudyOutcome
from nvmsim.zoo.checkpoint import write_whole

if TYPE_CHECKING:
    from nvmsim.report.drawing import Drawing


def write_study_report(outcome: StudyOutcome, folder: str | Path, *, workers: int = 1) -> Path:
    """Write the figures (SVG, PNG, PDF, their data as CSV), rows.csv, results.json and report.html; return the page.

    ``workers`` processes draw (see `draw_study_figures`). The same outcome gives the same bytes. A figure of an earlier
    report that the outcome has no data for is removed.
    Raises InputError naming a file that cannot be written.
    """
    # matplotlib takes most of a second to import: reading a study must not wait for it.
    from nvmsim.report.study.figures import FIGURES, draw_study_figures
    from nvmsim.report.study.html import render_study_html

    folder, drawings = Path(folder), draw_study_figures(outcome, workers=workers)
    contents = {name: data for drawing in drawings for name, data in _files(drawing, outcome).items()}
    contents["rows.csv"] = render_study_csv(outcome).encode()
    contents["results.json"] = render_study_json(outcome).encode()
    contents["report.html"] = render_study_html(outcome, drawings).encode()
    for name, data in contents.items():
        write_whole(folder / name, data)
    stale = {f"{name}.{ending}" for name in FIGURES for ending in ("svg", "png", "pdf", "csv")} - set(contents)
    for name in stale:
        (folder / name).unlink(missing_ok=True)
    return folder / "report.html"


def _files(drawing: "Drawing", outcome: StudyOutcome) -> dict[str, bytes]:
    from nvmsim.report.study.figures import FIGURES

    endings = {"svg": drawing.svg.encode(), "png": drawing.png, "pdf": drawing.pdf}
    endings["csv"] = FIGURES[drawing.name].data(outcome).encode()
    return {f"{drawing.name}.{ending}": data for ending, data in endings.items()}
