"""A device over its life: RBER against P/E cycles and time, where the ECC limit cuts, and what its cells store."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from nvmsim.device.error_models.level_model import LevelModel
from nvmsim.device.life import Curve, crossing, ecc_limits, life
from nvmsim.device.parts import Device
from nvmsim.device.rber import device_rates, error_model
from nvmsim.report.drawing import GRID, INK, is_narrow, titled
from nvmsim.report.figure_levels import COLOURS, draw_levels
from nvmsim.report.formats import clean, quantity

_WIDTH, _PANEL, _VTH = 7.4, 2.4, 1.5  # inch, and all below
_LEFT, _RIGHT, _GAP, _FOOT, _LEVELS_FOOT, _HEAD, _ROW, _LETTER = 0.68, 0.15, 0.75, 0.62, 0.62, 0.4, 0.115, 0.062
_WIDTHS = {"lsb": 3.4, "csb": 2.4, "msb": 1.5, "tsb": 0.8}
_LABELS = {"pe_cycles": "P/E cycles", "retention_days": "retention, days"}
_KEY_ROW = 0.17
_LOWEST = 1e-12
_EDGE = 0.1  # of the panel: left of it a text would stand on the axis


class _Place(NamedTuple):
    """Where axes stand, in inches from the lower left corner."""

    left: float
    bottom: float
    width: float
    height: float


def build(device: Device, width_in: float = _WIDTH) -> tuple[Figure, str, str]:
    """Return the figure, its title and its text alternative; a narrow one has its panels below each other."""
    curves, limits, model = life(device), ecc_limits(device), error_model(device)
    title, alternative = _finding(device, curves, limits), _alternative(device, curves, limits)
    limits = limits if any(limits[:1]) else ()  # a first read that stuck cells alone defeat has none to draw
    with_levels = isinstance(model, LevelModel)
    entries = len(device.page_types) + 1 + bool(limits) + any(not curve.known.all() for curve in curves)
    key_in = _KEY_ROW * -(-entries // _key_columns(width_in))
    places, body = _places(width_in, key_in, with_levels=with_levels)
    figure, top = titled(width_in, body, title=title)
    axes = [figure.add_axes(_parts(place, width_in, body + top)) for place in places]
    own = {age.name: device_rates(device, age).seen.mean(axis=1) for age in device.conditions.values()}
    floor, low, high = _reach([*(curve.rber for curve in curves), *own.values()], limits)
    drawn = [replace(curve, rber=np.maximum(curve.rber, floor)) for curve in curves]
    own = {name: np.maximum(rates, floor) for name, rates in own.items()}
    for panel, place, curve in zip(axes, places, drawn, strict=False):
        _draw_life(panel, device, curve, limits=limits)
        panel.set_ylim(low, high)
        _name_ages(panel, place, device, curve)
        _mark_ages(panel, device, curve, own=own)
    if with_levels:
        draw_levels(axes[-1], device, model)
    _draw_key(figure, axes[:2], width_in)
    return figure, title, alternative


def _key_columns(width_in: float) -> int:
    return 2 if is_narrow(width_in) else 3


def _draw_key(figure: Figure, lives: Sequence[Axes], width_in: float) -> None:
    """Explain the lines of both lives at the foot, where the key hides none of them."""
    known = {}
    for axes in lives:
        known |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    look = {"loc": "lower left", "frameon": False, "fontsize": 7.5, "borderaxespad": 0.2, "labelspacing": 0.4}
    at = (_LEFT / width_in, 0)
    figure.legend(known.values(), known.keys(), ncols=_key_columns(width_in), bbox_to_anchor=at, **look)


def _places(width_in: float, key_in: float, *, with_levels: bool) -> tuple[list[_Place], float]:
    """Return the places of both lives and the levels above a key, and the height that all take, in inches."""
    columns = 1 if is_narrow(width_in) else 2
    wide = width_in - _LEFT - _RIGHT
    panel = (wide - (columns - 1) * _GAP) / columns
    below = [_Place(_LEFT, key_in + _LEVELS_FOOT, wide, _VTH)] if with_levels else []
    start = key_in + _FOOT + (_LEVELS_FOOT + _VTH + 0.1 if with_levels else 0.0)
    rows = [start, start] if columns == 2 else [start + _PANEL + _FOOT + _HEAD, start]
    lefts = [_LEFT, _LEFT + panel + _GAP] if columns == 2 else [_LEFT, _LEFT]
    lives = [_Place(left, bottom, panel, _PANEL) for left, bottom in zip(lefts, rows, strict=True)]
    return lives + below, max(rows) + _PANEL + _HEAD


def _parts(place: _Place, width_in: float, height_in: float) -> tuple[float, float, float, float]:
    return place.left / width_in, place.bottom / height_in, place.width / width_in, place.height / height_in


def _reach(found: Sequence[np.ndarray], limits: Sequence[float]) -> tuple[float, float, float]:
    """Return where a rate of 0 is drawn, below all others, and the ends of the scale that both panels share.

    The first read's limit is within; where only retries reach is left out.
    """
    rates = np.concatenate([rber.ravel() for rber in found])
    above = [*rates[rates > 0].tolist(), *limits[:1]] or [_LOWEST]
    floor = min(_LOWEST, min(above) / 10)
    shown = [*above, *([] if rates.all() else [floor])]
    return floor, min(shown) / 2, min(max(shown) * 3, 0.5)


def _draw_life(axes: Axes, device: Device, curve: Curve, *, limits: Sequence[float]) -> None:
    axes.set_yscale("log")
    _time_axis(axes, curve)
    dot = "o" if curve.known.sum() == 1 else None
    for name, rates in zip(device.page_types, curve.rber.T, strict=True):
        look = {"color": COLOURS[name], "linewidth": _WIDTHS[name]}  # equal curves stay visible, the one in the other
        axes.plot(curve.values, np.where(curve.known, rates, np.nan), marker=dot, markersize=5, label=name, **look)
        if not curve.known.all():
            axes.plot(curve.values, rates, color=COLOURS[name], linewidth=1, linestyle=":")
    if not curve.known.all():
        axes.plot([], [], color=INK, linewidth=1, linestyle=":", label="outside the model's range")
    if limits:
        _draw_limit(axes, curve, limits[0], alone=not _mended_by(device, curve))
    axes.set_xlabel(f"{_LABELS[curve.quantity]}\n{_fixed(curve)}", fontsize=8)
    axes.set_ylabel("RBER")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0e}".replace("e-0", "e-")))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(labelsize=8)


def _draw_limit(axes: Axes, curve: Curve, limit: float, *, alone: bool) -> None:
    """Draw the highest RBER that the first read stands, and where the worst page type meets it."""
    label = "ECC limit" if alone else "ECC limit, first read"
    axes.axhline(limit, color=INK, linewidth=0.9, linestyle=(0, (5, 3)), label=label)
    cut = crossing(curve, limit)
    if cut is not None and cut > curve.values[0]:
        axes.plot([cut], [limit], "o", color=INK, markersize=4, zorder=5)
        said = _short(curve.quantity, cut)
        across = axes.transAxes.inverted().transform(axes.transData.transform((cut, limit)))[0]
        side = {"xytext": (-3, 4), "ha": "right"} if across > _EDGE else {"xytext": (4, 4), "ha": "left"}
        axes.annotate(said, (cut, limit), textcoords="offset points", fontsize=7.5, zorder=5, **side)


def _short(name: str, value: float) -> str:
    """Write a quantity without its unit, but for what is less than the axis's day."""
    if name == "retention_days" and 0 < value < 1:
        return quantity(name, value).removesuffix(" of retention")
    return f"{value:,.3g}" if value < 1000 or value >= 1e6 else f"{value:,.0f}"


def _time_axis(axes: Axes, curve: Curve) -> None:
    if curve.quantity != "retention_days":
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.7g}"))
        axes.locator_params(axis="x", nbins=4)
        return
    axes.set_xscale("function", functions=(np.log1p, np.expm1))
    known = [day for day in (0, 1, 7, 30, 90, 365, 3650) if day <= curve.values[-1]]
    axes.set_xticks(known, [f"{day:,}" for day in known])


def _name_ages(axes: Axes, place: _Place, device: Device, curve: Curve) -> None:
    """Draw a line at each age's value with its name above, on a higher row where the first has no room."""
    by_value: dict[float, list[str]] = {}
    for age in device.conditions.values():
        by_value.setdefault(getattr(age, curve.quantity), []).append(clean(age.name))
    to_inch = axes.transData + axes.transAxes.inverted()
    spots = [(to_inch.transform((value, 1e-3))[0] * place.width, names) for value, names in sorted(by_value.items())]
    for value in by_value:
        axes.axvline(value, color=GRID, linewidth=0.8, zorder=0)
    for left, row, text in _rows(spots, place.width):
        at = (left / place.width, 1 + (0.04 + _ROW * row) / place.height)
        axes.text(*at, text, transform=axes.transAxes, fontsize=7, color=INK)


def _mark_ages(axes: Axes, device: Device, curve: Curve, *, own: Mapping[str, np.ndarray]) -> None:
    """Mark each age's own RBER, which the curves miss where more than one quantity tells it from the default age."""
    for age in device.conditions.values():
        for name, rate in zip(device.page_types, own[age.name], strict=True):
            look = {"color": COLOURS[name], "markersize": 5.5, "markeredgewidth": 1.2, "clip_on": False, "zorder": 4}
            axes.plot([getattr(age, curve.quantity)], [rate], "x", **look)
    axes.plot([], [], "x", color=INK, markersize=5.5, label="the ages' own")


def _rows(spots: Sequence[tuple[float, Sequence[str]]], width_in: float) -> Iterator[tuple[float, int, str]]:
    """Place texts centred on their spots in the lowest of three rows where they overlap nothing; leave others out.

    Yields the left end in inches, the row and the text.
    """
    ends = [-1.0, -1.0, -1.0]
    for centre, names in spots:
        text = ", ".join(names)
        long = _LETTER * len(text)
        left = max(0.0, min(centre - long / 2, width_in - long))
        row = next((row for row, end in enumerate(ends) if left > end + _LETTER), None)
        if row is not None:
            ends[row] = left + long
            yield left, row, text


def _fixed(curve: Curve) -> str:
    others = [name for name in ("pe_cycles", "retention_days", "temperature_c") if name != curve.quantity]
    others += ["reads_per_page"] if curve.age.reads_per_page else []
    return ", ".join(quantity(name, getattr(curve.age, name)) for name in others)


def _finding(device: Device, curves: Sequence[Curve], limits: Sequence[float]) -> str:
    """Say how far RBER rises over wear, or over time if the model knows no wear, and what the ECC stands."""
    curve = next((one for one in curves if one.known.sum() > 1 and np.ptp(one.rber, axis=0).any()), curves[0])
    curve = _known_part(curve)
    first, last, start, end = *curve.values[[0, -1]], curve.rber[0].mean(), curve.rber[-1].mean()
    other = "pe_cycles" if curve.quantity == "retention_days" else "retention_days"
    since = f"from {_short(curve.quantity, first)} to " if first else "over "
    over = f"{since}{quantity(curve.quantity, last)} (at {quantity(other, getattr(curve.age, other))})"
    said = f"{clean(device.name)}: RBER from {start:.1e} to {end:.1e} {over}"
    if not limits:
        return f"{said}; no ECC"
    if not limits[0]:
        what = "first read" if any(limits[1:]) or device_rates(device, curve.age).retries else "ECC"
        return f"{said}; its {what} misses the UBER target for stuck cells alone"
    cut = crossing(curve, limits[0])
    if cut is None:
        return f"{said}, within the {limits[0]:.1e} that its ECC stands"
    again = " and ".join(_mended_by(device, curve))
    then = f"needs {again}" if again else "fails"
    begin = "the start" if cut == 0 else f"{quantity(curve.quantity, _two(cut))} on"
    return f"{said}; its ECC stands {limits[0]:.1e} and {then} from {begin}"


def _known_part(curve: Curve) -> Curve:
    """Return the steps at which the model knows the device; all if it knows no more than one."""
    if curve.known.sum() <= 1:
        return curve
    return replace(
        curve, values=curve.values[curve.known], rber=curve.rber[curve.known], known=curve.known[curve.known]
    )


def _mended_by(device: Device, curve: Curve) -> list[str]:
    """Name the reads that stand more than the first one."""
    retry, soft, hard = device.ecc.retry, device.ecc.soft, device.ecc.limit_rber
    tuned = device_rates(device, curve.age).retries
    found = ["read retries"] if retry.max and (retry.rber_factor < 1 or tuned) else []
    return found + (["soft reads"] if soft and (soft.limit_rber is None or soft.limit_rber > hard) else [])


def _two(value: float) -> float:
    return float(f"{value:.2g}")


def _alternative(device: Device, curves: Sequence[Curve], limits: Sequence[float]) -> str:
    said = []
    for curve in curves:
        ends = "; ".join(
            f"{name} from {first:.1e} to {last:.1e}"
            for name, first, last in zip(device.page_types, curve.rber[0], curve.rber[-1], strict=True)
        )
        cut = crossing(curve, limits[0]) if any(limits[:1]) else None
        met = f"; the limit of the first read is met at {cut:,.3g}" if cut is not None else ""
        said.append(f"RBER over {_LABELS[curve.quantity]} 0 to {curve.values[-1]:,.6g}, {_fixed(curve)}: {ends}{met}")
    cut = ", ".join(f"{limit:.2e}" for limit in limits) or "none"
    return f"{'. '.join(said)}. ECC limits: {cut}."
