"""Distortion of one flip against word width: the bijections, the least possible, and the bound of Theorem 1."""

from matplotlib.figure import Figure

from nvmsim.report.drawing import MUTED
from nvmsim.report.paper.axes import end_labels, label_room, panels
from nvmsim.study.paper.distortion import DistortionOutcome

_PLOT = 3.2  # inch
_LINES = {
    "Gray": ("gray", "#c4619b", "-", "v"),
    "binary": ("binary", "#d55e00", "-", "s"),
    "bound of Theorem 1": ("theorem", MUTED, "--", ""),
    "Hamming (paper)": ("hamming", "#009e73", "-", "o"),
    "Hamming, descending": ("descending", "#0072b2", "-", "^"),
    "mean: Hamming": ("hamming_mean", "#009e73", ":", "o"),
    "mean: binary": ("binary_mean", "#d55e00", ":", "s"),
}


def build_distortion(outcome: DistortionOutcome, width_in: float) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative."""
    title = _title(outcome)
    right = label_room(list(_LINES), width_in)
    made = panels(width_in, title, names=[""], plot_in=_PLOT, right_in=right)
    (axes,) = made.axes
    bits = [width.bits for width in outcome.widths]
    ends = {}
    for name, (field, colour, style, marker) in _LINES.items():
        values = [float(getattr(width, field)) for width in outcome.widths]
        axes.plot(bits, values, color=colour, linestyle=style, marker=marker, markersize=3.5, linewidth=1.3)
        ends[name] = (bits[-1], values[-1])
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(ticks := [2, 4, 8, 16, 32, 64, 128, 256, 1024], [str(tick) for tick in ticks])
    axes.set_yticks(parts := [1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001], [f"{p:g}" for p in parts])
    axes.minorticks_off()
    axes.set_xlabel("bits a word, q")
    axes.set_ylabel("one flip moves the index by, of its range")
    end_labels(axes, ends, {name: line[1] for name, line in _LINES.items()})
    return made.figure, title, _said(outcome)


def _title(outcome: DistortionOutcome) -> str:
    sixteen = next((width for width in outcome.widths if width.bits == 16), outcome.widths[-1])
    return (
        f"At {sixteen.bits} bits the Hamming bijection lowers the worst flip from {float(sixteen.binary):.3g} of the "
        f"range to {float(sixteen.hamming):.3g}, and raises the mean from {float(sixteen.binary_mean):.3g} to "
        f"{float(sixteen.hamming_mean):.3g}"
    )


def _said(outcome: DistortionOutcome) -> str:
    first, last = outcome.widths[0], outcome.widths[-1]
    said = [
        f"{name} from {float(getattr(first, line[0])):.4f} to {float(getattr(last, line[0])):.4f}"
        for name, line in _LINES.items()
    ]
    return f"Distortion of one flip from {first.bits} to {last.bits} bits. {'; '.join(said)}."
