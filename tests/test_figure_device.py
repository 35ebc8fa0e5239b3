"""The figure of a device's life: what it marks is right, and nothing in it overlaps at either width."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from nvmsim.cli import main
from nvmsim.device.error_models.gaussian_vth import GaussianVth
from nvmsim.device.gray_codes import gray_labels
from nvmsim.device.life import crossing, ecc_limits, life
from nvmsim.device.profile import device_names, load_device, variant_names
from nvmsim.device.rber import device_rates, error_model
from nvmsim.report.drawing import NARROW_IN
from nvmsim.report.figure_device import build
from nvmsim.report.figure_levels import decided

EVERY = [one for name in device_names() for one in (name, *(f"{name}@{variant}" for variant in variant_names(name)))]
CODES = ("1", "1-2", "1-2-4", "2-3-2", "1-2-4-8", "4-4-3-4")


def never_falls(rber):
    return (np.diff(rber, axis=0) >= -1e-9 * rber[1:]).all()


@pytest.mark.parametrize("name", EVERY)
def test_rber_never_falls_with_wear_or_time(name):
    device = load_device(name)
    for curve in life(device):
        if device.rber["model"] == "drift" and curve.quantity == "retention_days":
            for rber in curve.rber.T:  # the levels of drifting cells move apart before they spread
                assert never_falls(rber[rber.argmin() :]) and never_falls(-rber[: rber.argmin() + 1])
        else:
            assert never_falls(curve.rber), curve.quantity


@pytest.mark.parametrize("name", ["tlc", "mlc", "tlc-2y", "stt-mram", "qlc@worst", "pcm-mlc"])
def test_where_the_limit_cuts_the_worst_page_type_has_that_rber(name):
    device = load_device(name)
    limit, *_ = ecc_limits(device)
    met = 0
    for curve in life(device):
        if (cut := crossing(curve, limit)) is None:
            assert curve.rber.max() < limit
        elif cut > 0:
            rates = device_rates(device, replace(curve.age, **{curve.quantity: cut})).array.mean(axis=1)
            assert rates.max() == pytest.approx(limit, rel=0.01)
            met += 1
    assert met


def test_a_limit_that_is_never_met_or_met_from_the_start_says_so():
    wear, _ = life(load_device("tlc"))
    assert crossing(wear, 0.4) is None
    assert crossing(wear, 1e-9) == 0


def test_ages_of_minutes_have_steps_of_their_own():
    _, time = life(load_device("pcm-mlc"))
    first = load_device("pcm-mlc").condition("mid").retention_days / 100
    assert (time.values[0], time.values[1], time.values[-1]) == (0, pytest.approx(first), 365)
    assert (np.diff(time.values) > 0).all() and np.ptp(np.diff(np.log(time.values[1:61]))) < 1e-9
    assert len(life(load_device("pcm"))[1].values) == 61


def test_the_title_follows_time_where_wear_changes_nothing_and_knows_retries_at_tuned_levels():
    for name, end in (("pcm-mlc", "needs read retries from 2.3 minutes of retention on"), ("pcm-mlc@time-aware", "on")):
        figure, title, _ = build(load_device(name))
        assert "over 365 days of retention" in title and title.endswith(end)
        assert ("fails" in title) == (name != "pcm-mlc")
        assert figure.axes[-1].get_xlabel().startswith("log10 of the resistance in ohm at worn")


@pytest.mark.parametrize("name", ["tlc", "mlc", "qlc", "hbf", "pcm-mlc"])
def test_each_age_is_marked_at_its_own_rber_in_both_panels(name):
    device = load_device(name)
    figure, *_ = build(device)
    for axes, quantity in zip(figure.axes, ("pe_cycles", "retention_days"), strict=False):
        found = {
            (line.get_xdata()[0], line.get_ydata()[0])
            for line in axes.lines
            if line.get_marker() == "x" and len(line.get_xdata())
        }
        ages = device.conditions.values()
        assert found == {
            (getattr(age, quantity), rber) for age in ages for rber in device_rates(device, age).seen.mean(axis=1)
        }
        low, high = axes.get_ylim()
        assert all(low < rber < high for _, rber in found)


def test_the_title_starts_where_the_model_knows_the_device():
    title = build(load_device("tlc"))[1]
    assert "RBER from 2.8e-03 to 9.0e-03 from 50 to 3,000 P/E cycles (at 90 days of retention)" in title


def test_minutes_are_written_as_such():
    axes = build(load_device("pcm-mlc"))[0].axes[1]
    assert "2.3 minutes" in {text.get_text() for text in axes.texts}


def test_the_axis_names_all_that_stays_and_the_title_the_age():
    figure, title, _ = build(load_device("mlc"))
    wear, time = (axes.get_xlabel() for axes in figure.axes)
    assert wear == "P/E cycles\n40 days of retention, at 40 °C, 200 reads a page"
    assert time == "retention, days\n3,000 P/E cycles, at 40 °C, 200 reads a page"
    assert "over 8,000 P/E cycles (at 40 days of retention)" in title


@pytest.mark.parametrize(
    ("settings", "said", "label"),
    [
        (["rber={model: constant, rber: 2e-4}"], "fails from the start", "ECC limit"),
        (["rber={model: constant, rber: 0.3}"], "fails from the start", "ECC limit"),
        (["ecc.retry={max: 2, rber_factor: 0.5}"], "needs read retries from", "ECC limit, first read"),
        (["ecc.t=0"], "fails from the start", "ECC limit"),
        (["ecc.code=none"], "no ECC", None),
    ],
)
def test_the_limit_is_in_the_figure_wherever_it_lies(settings, said, label):
    device = load_device("slc", settings)
    figure, title, _ = build(device)
    assert said in title
    lines = {line.get_label(): line for line in figure.axes[0].lines if line.get_label().startswith("ECC limit")}
    assert set(lines) == ({label} if label else set())
    for line in lines.values():
        low, high = figure.axes[0].get_ylim()
        assert line.get_ydata()[0] == pytest.approx(ecc_limits(device)[0]) and low < line.get_ydata()[0] < high


@pytest.mark.parametrize("rber", [0.0, 1e-17, 1e-14, 1e-6])
def test_rates_lie_on_their_side_of_the_limit_however_small(rber):
    device = load_device("stt-mram", [f"rber={{model: constant, rber: {rber!r}}}", "ecc.uber_target=1e-25"])
    figure, title, _ = build(device)
    [limit] = ecc_limits(device)
    assert ("within" in title) == (rber < limit)
    for line in (line for line in figure.axes[0].lines if line.get_label() == "lsb" or line.get_marker() == "x"):
        drawn = np.asarray(line.get_ydata(), dtype=float)
        assert ((drawn < limit) == (rber < limit)).all() and (drawn >= figure.axes[0].get_ylim()[0]).all()
        assert not rber or drawn == pytest.approx(rber)


def test_the_limit_of_no_correction_is_the_target_itself():
    device = load_device("slc", ["ecc.t=0", "ecc.uber_target=1e-30"])
    assert ecc_limits(device)[0] == pytest.approx(1e-30, rel=0.05)


@pytest.mark.parametrize("days", [10, 365])
@pytest.mark.parametrize("width_in", [7.4, NARROW_IN])
def test_the_key_has_all_that_either_panel_draws(days, width_in):
    """With retention known to 10 days the right panel alone is dotted, and with wear at 90 days the left one too."""
    age = "conditions.worn={pe_cycles: 1000, retention_days: 5}"
    device = load_device("tlc", [f"rber.valid_range={{retention_days: [0, {days}]}}", age])
    figure, *_ = build(device, width_in)
    drawn = {line.get_label() for axes in figure.axes for line in axes.lines if not line.get_label().startswith("_")}
    [key] = figure.legends
    assert {text.get_text() for text in key.get_texts()} == drawn
    assert ("outside the model's range" in drawn) == (days == 10 or not life(device)[0].known.all())
    boxes = [text for text in texts(figure) if text[0] in drawn]
    assert all(box.y0 >= 0 for _, box in boxes)


def test_the_title_says_nothing_of_ages_that_the_model_does_not_know():
    known = "rber.valid_range={retention_days: [0.01, 500], reads_per_page: [0, 1e12], pe_cycles: [0, 1e9]}"
    title = build(load_device("pcm-mlc", [known]))[1]
    assert "from 15" in title.replace("14.", "15.") or "minutes to 365 days" in title
    assert "2.3 minutes" not in title


def test_tuned_retries_leave_the_limit_to_the_first_read():
    labels = {line.get_label() for line in build(load_device("pcm-mlc"))[0].axes[0].lines}
    assert "ECC limit, first read" in labels and "ECC limit" not in labels
    assert "ECC limit" in {line.get_label() for line in build(load_device("pcm-mlc@time-aware"))[0].axes[0].lines}


def test_curves_know_where_their_model_was_fitted():
    wear, time = life(load_device("tlc-2y"))
    assert list(np.flatnonzero(wear.known)) == [len(wear.values) - 1]
    assert (time.known == (time.values >= 1)).all()


@pytest.mark.parametrize("code", CODES)
def test_each_read_level_decides_the_page_type_whose_boundaries_the_code_counts(code):
    labels = list(zip(*gray_labels(code), strict=True))
    found = decided(labels)
    assert [found.count(kind) for kind in range(len(labels[0]))] == [int(part) for part in code.split("-")]


def texts(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    found = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    for axes in figure.axes:
        low, high = axes.get_xlim()
        ticks = [
            label for at, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True) if low <= at <= high
        ]
        found += [axes.xaxis.label, axes.yaxis.label, *ticks]
    found += [text for key in figure.legends for text in key.get_texts()]
    renderer = canvas.get_renderer()
    return [(text.get_text(), text.get_window_extent(renderer)) for text in found if text.get_text()]


@pytest.mark.parametrize("name", ["tlc", "tlc-2y", "qlc", "stt-mram", "pcm@best", "pcm-mlc", "pcm-mlc@time-aware"])
@pytest.mark.parametrize("width_in", [7.4, NARROW_IN])
def test_no_text_overlaps_another_or_leaves_the_figure(name, width_in):
    figure, *_ = build(load_device(name), width_in)
    found = texts(figure)
    assert {"the ages' own", *load_device(name).page_types} <= {text for text, _ in found}
    assert {"fresh", "mid", "worn", "beyond"} <= set(", ".join(text for text, _ in found).split(", "))
    for text, box in found:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1, text
    for (one, first), (other, second) in combinations(found, 2):
        assert not first.overlaps(second), (one, other)


def test_the_levels_are_drawn_where_the_model_has_them():
    device = load_device("tlc-2y")
    figure, title, alternative = build(device)
    levels = figure.axes[-1]
    dashed = sorted(line.get_xdata()[0] for line in levels.lines)
    assert isinstance(error_model(device), GaussianVth) and len(dashed) == 7 and len(levels.texts) == 8
    assert [text.get_text() for text in levels.texts][:2] == ["111", "011"]
    means = [text.get_position()[0] for text in levels.texts]
    assert all(low < level < high for low, level, high in zip(means, dashed, means[1:], strict=False))
    assert "365 days" in title and "is met at" in alternative
    assert len(build(load_device("tlc"))[0].axes) == 2


def test_the_command_lays_out_for_a_narrow_column_and_says_what_it_cannot_show(tmp_path, capsys):
    assert main(["devices", "plot", "tlc", "--narrow", "--out", str(tmp_path / "narrow")]) == 0
    assert "no threshold voltages" in capsys.readouterr().out
    assert main(["devices", "plot", "tlc-2y", "--out", str(tmp_path / "wide")]) == 0
    assert "no threshold voltages" not in capsys.readouterr().out
    wide, narrow = ((tmp_path / name / "device.svg").read_text() for name in ("wide", "narrow"))
    assert 'width="302.4pt"' in narrow and 'width="532.8pt"' in wide


def test_an_ecc_that_stuck_cells_alone_defeat_stands_no_rate():
    """1e-3 of the cells stuck, half of them wrong: a code of 8 in 4200 bits misses 1e-15 without any other error."""
    stuck = "rber.stuck_at={fraction: 1.0e-3, value_one_fraction: 0.5}"
    device = load_device("slc", [stuck])
    assert ecc_limits(device) == (0.0,)
    figure, title, alternative = build(device)
    assert title.endswith("; its ECC misses the UBER target for stuck cells alone")
    assert alternative.endswith("ECC limits: 0.00e+00.") and "is met at" not in alternative
    assert "ECC limit" not in " ".join(text.get_text() for text in figure.legends[0].get_texts())
    few = ecc_limits(load_device("slc", ["rber.stuck_at={fraction: 1.0e-9, value_one_fraction: 0.5}"]))
    assert few == pytest.approx(ecc_limits(load_device("slc")), rel=1e-4)


def test_a_first_read_that_stuck_cells_defeat_has_no_limit_where_soft_reads_mend_it():
    device = load_device("tlc@soft", ["rber.stuck_at={fraction: 0.018, value_one_fraction: 0.5}"])
    first, last = ecc_limits(device)
    assert first == 0 and last > 0.01
    figure, title, alternative = build(device)
    assert title.endswith("; its first read misses the UBER target for stuck cells alone")
    none = load_device("tlc@soft", ["rber.stuck_at={fraction: 0.03, value_one_fraction: 0.5}"])
    assert ecc_limits(none) == (0, 0) and "; its ECC misses the UBER target for stuck" in build(none)[1]
    assert "is met at" not in alternative
    assert not any("ECC limit" in text.get_text() for text in figure.legends[0].get_texts())
