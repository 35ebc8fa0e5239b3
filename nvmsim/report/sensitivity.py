"""A sensitivity study as text, as CSV, and as a folder with its heat map."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from nvmsim.accuracy.stats import stringer_weights
from nvmsim.report.csv_text import csv_text
from nvmsim.report.figure_folder import write_figure
from nvmsim.report.formats import clean, number, percent, points
from nvmsim.report.table import render_json
from nvmsim.report.text_blocks import TextColumn, facts, tables, wrapped
from nvmsim.study.sensitivity import Cell, Sensitivity

NAME = "sensitivity"
HARMLESS_POINTS = 1.0
SHORT_ROLES = {"value": "bit", "exponent": "exp", "mantissa": "man", "magnitude": "mag", "parity": "par"}
ALL_LAYERS, ALL_BITS = "all layers", "all bits"


def finding(result: Sensitivity) -> str:
    """Return in one sentence which bit position of which layer hurts most."""
    worst = result.ranked[0]
    if worst.drop_points >= HARMLESS_POINTS:
        return f"{place(worst)} hurts most: {points(worst.drop_points)} points lost at RBER {result.rber:g}"
    start = f"No bit position of any layer costs a point at RBER {result.rber:g}"
    return f"{start}; the most is {points(worst.drop_points)}, {place(worst)}"


def headline(result: Sensitivity) -> str:
    """Return the answer of a study in a few sentences of plain text."""
    worst, *others = result.ranked
    said = [f"{finding(result)} (95 % interval {points(worst.drop_low)} to {points(worst.drop_high)})."]
    if others:
        verdict = "surely less" if result.worst_is_sure else "which of the two is worse is undecided"
        said.append(f"Next is {place(others[0])} with {points(others[0].drop_points)}: {verdict}.")
    harmless = harmless_bits(result)
    if harmless and harmless != result.bits:
        said.append(f"In no layer do errors in bits {spans(harmless)} cost a point.")
    whole = max((result.cell(layer, None) for layer in result.layers), key=lambda cell: cell.drop_points)
    together = f"{place(whole)} {points(whole.drop_points)}, {place(result.cell(None, None))}"
    return " ".join([*said, f"Errors in more at once: {together} {points(result.cell(None, None).drop_points)}."])


def place(cell: Cell) -> str:
    """Name the bits of a cell: ``conv4 bit 15``."""
    layer = "the whole network" if cell.layer is None else clean(cell.layer)
    return f"{layer} {ALL_BITS if cell.bit is None else f'bit {cell.bit}'}"


def harmless_bits(result: Sensitivity) -> tuple[int, ...]:
    """Return the bit positions in which no layer's mean drop reaches a point."""
    return tuple(
        bit
        for bit in result.bits
        if all(result.cell(layer, bit).drop_points < HARMLESS_POINTS for layer in result.layers)
    )


def spans(numbers: Sequence[int]) -> str:
    """Return descending whole numbers in words, neighbours joined.

    >>> spans([15, 9, 8, 7, 1, 0])
    '15, 9 to 7, 1, 0'
    """
    runs: list[list[int]] = []
    for value in numbers:
        if runs and runs[-1][-1] == value + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def render_table(result: Sensitivity, width: int, *, report: str | None = None) -> str:
    """Return the answer, the drops of layers x bit positions, and what they rest on, at most ``width`` letters wide.

    ``report`` says where the heat map lies.
    """
    layers = (*result.layers, None)
    names = TextColumn.of(["", "layer", *(ALL_LAYERS if name is None else clean(name) for name in layers)], text=True)
    weights = [f"{count:,}" for count in (*result.layer_weights, result.n_weights)]
    flips = [number(_flips(result, layer), digits=3) for layer in layers]
    rest = [TextColumn.of(["", "weights", *weights]), TextColumn.of(["flips", "a bit", *flips])]
    for bit, role in (*zip(result.bits, result.bit_roles, strict=True), (None, "all")):
        drops = [points(result.cell(layer, bit).drop_points) for layer in layers]
        rest.append(TextColumn.of([SHORT_ROLES.get(role, clean(role)), "bits" if bit is None else str(bit), *drops]))
    parts = [wrapped("", headline(result), width), *tables([names], rest, width), facts(_notes(result, report), width)]
    return "\n\n".join(parts) + "\n"


def _flips(result: Sensitivity, layer: str | None) -> float:
    return sum(result.cell(layer, bit).flips for bit in result.bits) / len(result.bits)


def _notes(result: Sensitivity, report: str | None) -> list[tuple[str, str]]:
    model = (
        f"{clean(result.model)}, {result.n_weights:,} weights, float32 accuracy {percent(result.float32_accuracy)} %"
    )
    how = f"{clean(result.scheme)} ({result.encoding}), range scope {result.range_scope}, read without correction"
    trials = f"{result.trials} trial{'s' if result.trials > 1 else ''}"
    base = f"points of accuracy below float32, means of {trials} on {result.images:,} images"
    unseen = f"{100 * stringer_weights(result.trials)[0]:.0f} points"
    said = [
        ("cells", f"{base}; errors at RBER {result.rber:g} meet the bits of the cell alone, 0 the least significant"),
        ("flips", "in one bit position in a trial, on average"),
        ("network", f"{model}, chance {percent(result.chance)} %; {how}"),
        ("intervals", f"95 %, in {NAME}.csv; they allow for collapses that {trials} can miss: limits of harmless cells "
                      f"lie about {unseen} above their means, more --trials narrow them"),
        *(("note", text) for text in _cautions(result)),
    ]  # fmt: skip
    return [*said, ("report", report)] if report else said


def _cautions(result: Sensitivity) -> Iterable[str]:
    inner, collapse = result.ranked, 100 * (result.float32_accuracy - result.chance)
    few = [clean(name) for name in result.layers if _flips(result, name) < 1]
    if few:
        yield f"a trial flips less than one bit in a bit position of {', '.join(few)}: a higher --rber tells more"
    if collapsed := sum(cell.drop_points > 0.9 * collapse for cell in inner):
        yield f"{collapsed} of {len(inner)} cells are near chance: a lower --rber tells them apart"


def render_csv(result: Sensitivity) -> str:
    """Return one line a cell at full precision; an empty layer or bit stands for all of them."""
    return csv_text([field.name for field in fields(Cell)], map(asdict, result.cells))


def write_sensitivity(result: Sensitivity, folder: str | Path) -> Path:
    """Write the heat map, its data and everything as JSON by :func:`write_figure`; return the SVG's path."""
    from nvmsim.report.figure_sensitivity import build

    return write_figure(
        NAME, folder, build=lambda: build(result), data=render_csv(result), everything=render_json(result)
    )
