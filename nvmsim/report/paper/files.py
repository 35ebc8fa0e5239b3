"""The page of a reproduction and its figures in a folder."""

import re
from collections.abc import Sequence
from pathlib import Path

from nvmsim.errors import InputError
from nvmsim.report.drawing import draw
from nvmsim.report.paper.figures import figures_of
from nvmsim.report.paper.markdown import IMAGES, TITLE, render_markdown
from nvmsim.study.paper.reproduce import Reproduction
from nvmsim.zoo.checkpoint import write_whole


def write_paper(reproduction: Reproduction, folder: Path) -> Path:
    """Write paper.md and its figures into ``folder``; return paper.md.

    Each file is written whole or not at all, paper.md last. Raises InputError naming a file that cannot be written,
    or a paper.md that is not such a page, or has studies that this one has not.
    """
    page = folder / "paper.md"
    check_free(folder, [outcome.study.name for outcome in reproduction.outcomes])
    alternatives: dict[str, dict[str, str]] = {}
    for outcome in reproduction.outcomes:
        for wanted in figures_of(outcome):
            drawing = draw(wanted.name, wanted.shown, wanted.build)
            write_whole(folder / IMAGES / f"{drawing.name}.svg", drawing.svg.encode())
            alternatives.setdefault(outcome.study.name, {})[drawing.name] = drawing.alternative
    write_whole(page, render_markdown(reproduction, alternatives).encode())
    return page


def check_free(folder: Path, names: Sequence[str]) -> None:
    """Raise InputError where ``folder`` cannot be made, or has a paper.md that a page of ``names`` may not replace."""
    page = folder / "paper.md"
    try:
        (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder / IMAGES}: cannot be made ({error.strerror}); choose another --out") from error
    try:
        found = page.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{page}: cannot be read ({error.strerror})") from error
    if not found.startswith(TITLE.encode()):
        raise InputError(f"{page}: there is another text of this name; choose another folder with --out")
    lost = [name for name in re.findall(r"^## (\S+)$", found.decode(errors="replace"), re.M) if name not in names]
    if lost:
        raise InputError(f"{page}: also has {', '.join(lost)}: name these too, or choose another folder with --out")
