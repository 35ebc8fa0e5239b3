"""A device over its life: RBER against P/E cycles and time, where the ECC limit cuts, and what its cells store."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from nvmsim.device.error_models.gaussian_vth import GaussianVth
from nvmsim.device.error_models.read_levels import optimal_read_levels
from nvmsim.device.gray_codes import gray_labels
from nvmsim.device.life import Curve, ecc_limits, life
from nvmsim.device.parts import Device
from nvmsim.device.rber import error_model
from nvmsim.report.drawing import BLUE, GRID, INK, MUTED, titled
from nvmsim.report.formats import clean, quantity

_WIDTH, _PANEL, _VTH, _BOTTOM, _GAP = 7.4, 2.5, 1.7, 0.5, 0.55  # inch
_COLOURS = {"lsb": BLUE, "csb": "#d55e00", "msb": "#009e73", "tsb": "#c4619b"}
_WIDTHS = {"lsb": 3.4, "csb": 2.4, "msb": 1.5, "tsb": 0.8}
_LABELS = {"pe_cycles": "P/E cycles", "retention_days": "retention, days"}
_LOWEST = 1e-12


def build(device: Device) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative."""
    curves, limits = life(device), ecc_limits(device)
    model = error_model(device)
    title = _finding(device, curves, limits)
    below = _VTH + _GAP if isinstance(model, GaussianVth) else 0.0
    figure, top = titled(_WIDTH, _PANEL + _BOTTOM + below, title=title)
    height = _PANEL + _BOTTOM + below + top
    low, high = _reach(curves, limits)
    for column, curve in enumerate(curves):
        place = ((0.09 + 0.48 * column), (_BOTTOM + below) / height, 0.4, _PANEL / height - 0.02)
        axes = figure.add_axes(place)
        _draw_life(axes, device, curve, limits)
        axes.set_ylim(low, high)
    if isinstance(model, GaussianVth):
        _draw_levels(figure.add_axes((0.09, _BOTTOM / height, 0.88, _VTH / height)), device, model)
    return figure, title, _alternative(device, curves, limits)


def _reach(curves: Sequence[Curve], limits: Sequence[float]) -> tuple[float, float]:
    """Both panels share one scale, which leaves out where only retries reach."""
    rates = np.concatenate([np.maximum(curve.rber.ravel(), _LOWEST) for curve in curves])
    return float(rates.min()) / 2, min(max(float(rates.max()), *limits[:1]) * 3, 0.5)


def _draw_life(axes: Axes, device: Device, curve: Curve, limits: Sequence[float]) -> None:
    axes.set_yscale("log")
    _time_axis(axes, curve)
    for name, rates in zip(device.page_types, curve.rber.T, strict=True):
        wide = _WIDTHS[name]  # equal curves stay visible, the one within the other
        axes.plot(curve.values, np.maximum(rates, _LOWEST), color=_COLOURS[name], linewidth=wide, label=name)
    for limit in limits[:1]:
        axes.axhline(limit, color=INK, linewidth=0.9, linestyle=(0, (5, 3)), label="ECC limit")
    for age in device.conditions.values():
        axes.axvline(getattr(age, curve.quantity), color=GRID, linewidth=0.8, zorder=0)
    axes.set_xlabel(f"{_LABELS[curve.quantity]}; {_fixed(curve)}", fontsize=8)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0e}".replace("e-0", "e-")))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(labelsize=8)
    if curve.quantity == "pe_cycles":
        axes.set_ylabel("RBER")
        axes.legend(frameon=False, fontsize=7.5, loc="best")


def _time_axis(axes: Axes, curve: Curve) -> None:
    if curve.quantity != "retention_days":
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
        axes.locator_params(axis="x", nbins=4)
        return
    axes.set_xscale("function", functions=(np.log1p, np.expm1))
    known = [day for day in (0, 1, 7, 30, 90, 365, 3650) if day <= curve.values[-1]]
    axes.set_xticks(known, [f"{day:,}" for day in known])


def _draw_levels(axes: Axes, device: Device, model: GaussianVth) -> None:
    age = device.condition()
    levels = model.levels(model.fitted.equivalent_days(age))
    fixed = levels if model.optimal_at_days is None else model.levels(model.optimal_at_days)
    mean, sigma = np.array(levels.mean), np.array(levels.sigma)
    volts = np.linspace(float((mean - 4 * sigma).min()), float((mean + 4 * sigma).max()), 800)
    for label, centre, spread in zip(zip(*gray_labels(model.gray_code), strict=True), mean, sigma, strict=True):
        density = np.exp(-0.5 * ((volts - centre) / spread) ** 2) / spread
        axes.fill_between(volts, density, color=MUTED, alpha=0.25, linewidth=0.6)
        axes.text(centre, density.max() * 1.04, "".join(map(str, label)), ha="center", fontsize=7)
    for level in optimal_read_levels(fixed):
        axes.axvline(level, color=INK, linewidth=0.7, linestyle=(0, (4, 2)))
    axes.set_yticks([])
    axes.set_xlabel(
        f"threshold voltage at {clean(age.name)}, arbitrary unit; dashed: read levels; bits: "
        f"{', '.join(device.page_types)}", fontsize=8
    )  # fmt: skip
    axes.tick_params(labelsize=8)


def _fixed(curve: Curve) -> str:
    others = [name for name in ("pe_cycles", "retention_days", "temperature_c") if name != curve.quantity]
    return ", ".join(quantity(name, getattr(curve.age, name)) for name in others)


def _finding(device: Device, curves: Sequence[Curve], limits: Sequence[float]) -> str:
    wear = curves[0]
    start, end = wear.rber[0].mean(), wear.rber[-1].mean()
    said = f"{clean(device.name)}: RBER from {start:.1e} to {end:.1e} over {quantity('pe_cycles', wear.values[-1])}"
    if not limits:
        return f"{said}; no ECC"
    over = np.flatnonzero(wear.rber.max(axis=1) > limits[0])
    if not len(over):
        return f"{said}, within the {limits[0]:.1e} that its ECC stands"
    then = "needs read retries" if len(limits) > 1 else "fails"
    return f"{said}; its ECC stands {limits[0]:.1e} and {then} from {quantity('pe_cycles', wear.values[over[0]])} on"


def _alternative(device: Device, curves: Sequence[Curve], limits: Sequence[float]) -> str:
    said = []
    for curve in curves:
        ends = "; ".join(
            f"{name} from {first:.1e} to {last:.1e}"
            for name, first, last in zip(device.page_types, curve.rber[0], curve.rber[-1], strict=True)
        )
        said.append(f"RBER over {_LABELS[curve.quantity]} 0 to {curve.values[-1]:,.6g}, {_fixed(curve)}: {ends}")
    cut = ", ".join(f"{limit:.2e}" for limit in limits) or "none"
    return f"{'. '.join(said)}. ECC limits: {cut}."
