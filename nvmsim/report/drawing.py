"""What all figures share: colours, fonts, titles, and saving a figure the same way every time."""

import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from nvmsim.report.formats import short
from nvmsim.study.tradeoff import Row

INK, MUTED, GRID, SURFACE = "#1d1d22", "#696974", "#dcdce2", "#fefefe"
# Okabe and Ito's palette without its yellow (too faint on white), so that it reads with any colour vision.
BLUE, GREY = "#0072b2", "#55555f"
ON_PALE, ON_FULL = "#111114", "#ffffff"  # text on coloured areas, which keep their colours on a dark page
MARKERS = {"ecc": "s", "bypass": "o", "reclaim": "^", "ecc+bypass": "D", "ecc+reclaim": "P"}
_NAMED = {
    "ecc": GREY,
    "raw": "#d55e00",
    "nulling": BLUE,
    "hamming": "#009e73",
    "hamming+nulling": "#c4619b",
    "fp16": "#b07a00",
    "fp16+range-check": "#4a9fd0",
}
_SPARE = ("#7a5cc0", "#8a6d3b", "#5b8c2a", "#b03a48", "#2f8f9d", "#6b6ea8")
_SETTINGS = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "nvmsim",
    "pdf.fonttype": 42,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": SURFACE,
    "hatch.linewidth": 0.5,
}
_WIDE_IN, NARROW_IN = 7.4, 4.2
_PAGE_DPI, _PRINT_DPI = 160, 300


Build = Callable[[Any, float], tuple[Figure, str, str]]


@dataclass(frozen=True)
class Drawing:
    """A finished figure: its file name without ending, the finding as its title, a text alternative, and its pictures.

    ``narrow_svg`` is the same figure laid out for the width of a phone; ``pdf`` is empty unless asked for.
    """

    name: str
    title: str
    alternative: str
    svg: str
    narrow_svg: str
    png: bytes
    pdf: bytes = b""


def scheme_colours(rows: Sequence[Row]) -> dict[str, str]:
    """Return a colour for each scheme: the same one for a built-in scheme in every figure."""
    unknown = [name for name in dict.fromkeys(row.scheme for row in rows) if name not in _NAMED]
    return _NAMED | {name: _SPARE[i % len(_SPARE)] for i, name in enumerate(unknown)}


def draw(name: str, shown: Any, build: Build, *, publish: bool = False) -> Drawing:
    """Run ``build(shown, width in inches)``, which returns (figure, title, text alternative), and save its figures.

    ``publish`` adds a PDF and gives the PNG the 300 dots per inch that journals ask for.
    """
    with _style():
        figure, title, alternative = build(shown, _WIDE_IN)
        svg, png = _svg(figure, name), _png(figure, dpi=_PRINT_DPI if publish else _PAGE_DPI)
        pdf = _pdf(figure) if publish else b""
        narrow, *_ = build(shown, NARROW_IN)
        return Drawing(name, title, alternative, svg, _svg(narrow, f"{name}-narrow"), png, pdf)


def draw_alone(name: str, build: Callable[[], tuple[Figure, str, str]]) -> tuple[str, bytes]:
    """Run ``build()``, which returns (figure, title, text alternative); return all three as one SVG, and a PNG."""
    with _style():
        figure, title, alternative = build()
        return described(_svg(figure, name), name=name, title=title, alternative=alternative), _png(figure)


@contextmanager
def _style() -> Iterator[None]:
    with rc_context(_SETTINGS), warnings.catch_warnings():
        # A name in a script that the font lacks is still text in the SVG, which the reader's own fonts show.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def described(svg: str, *, name: str, title: str, alternative: str) -> str:
    """Return ``svg`` with its title and text alternative inside, for who hears the picture; ``name`` makes ids."""
    start = f'<svg role="img" aria-labelledby="{name}-title {name}-about" '
    spoken = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-about">{escape(alternative)}</desc>'
    return re.sub(r"<svg ([^>]*)>", lambda found: f"{start}{found[1]}>{spoken}", svg, count=1)


def is_narrow(width_in: float) -> bool:
    """Tell whether a figure so wide is for a phone, and must do with less beside its data."""
    return width_in < 6


def _svg(figure: Figure, name: str) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    # One page holds all figures, so that an id must say whose it is.
    return re.sub(r'((?:\bid="|url\(#|href="#))', rf"\g<1>{name}-", out.getvalue())


def _png(figure: Figure, *, dpi: int = _PAGE_DPI) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=dpi, metadata={"Software": None})
    return out.getvalue()


def _pdf(figure: Figure) -> bytes:
    out = io.BytesIO()
    # A date or a version in it would make the same figure differ from day to day.
    figure.savefig(out, format="pdf", metadata=dict.fromkeys(("CreationDate", "Creator", "Producer")))
    return out.getvalue()


def titled(width_in: float, body_in: float, *, title: str) -> tuple[Figure, float]:
    """Return an empty figure with its finding on top, and the height in inches that the finding takes."""
    lines = textwrap.wrap(short(title, limit=240), int(10.4 * width_in)) or [""]
    top_in = 0.22 + 0.18 * len(lines)
    height_in = body_in + top_in
    figure = Figure(figsize=(width_in, height_in))
    figure.text(0.012, 1 - 0.08 / height_in, "\n".join(lines), fontsize=10.5, fontweight="bold", va="top")
    return figure, top_in


def spread_out(wanted: Sequence[float], *, apart: float, low: float, high: float) -> list[float]:
    """Return places at least ``apart`` from each other, in the order and as near as can be to those wanted.

    They stay within low and high while there is room. This is an isotonic regression (pool adjacent violators).

    >>> spread_out([1.0, 1.0, 5.0], apart=1.0, low=0.0, high=10.0)
    [0.5, 1.5, 5.0]
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    pools: list[list[float]] = []
    for rank, i in enumerate(order):
        pools.append([wanted[i] - rank * apart])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    level = [float(np.mean(pool)) for pool in pools for _ in pool]
    top = high - (len(wanted) - 1) * apart
    placed = [0.0] * len(wanted)
    for rank, i in enumerate(order):
        placed[i] = max(min(level[rank], top), low) + rank * apart
    return placed
