"""Which assumed numbers a result names: those that change its rates, its correction or its speed, and no other."""

from dataclasses import replace

import pytest
from ridge_network import ridge_model

import nvmsim
from nvmsim.device.profile import Condition, Device, device_names, load_device
from nvmsim.device.rber import device_rates
from nvmsim.device.resolve import leaves
from nvmsim.report.findings import assumed
from nvmsim.study.assumed import assumptions_of
from nvmsim.study.question import Effort, Question
from nvmsim.timing.decisive import bottleneck_assumed, reread_keys
from nvmsim.timing.inference import Work, inferences
from nvmsim.timing.layers import one_layer
from nvmsim.timing.modes import mode_timings

ONLY_WARNS = {"rber.pe_cycles"}  # of models of levels: the wear at which they hold, which is an assumption all the same


def _named(device: Device, age: Condition) -> set[str]:
    """Return the keys of ``rber`` that a result would name."""
    question = Question(
        device=device,
        condition=age,
        rates=device_rates(device, age),
        rber_given=None,
        model=None,
        schemes=(),
        range_scope="global",
        effort=Effort(),
        seed=0,
        backend="cpu",
        workers=1,
    )
    return {key for key, *_ in assumptions_of(question, ()) if key.startswith("rber.")}


def _ages(device: Device) -> list[Condition]:
    """Return its ages, each at two temperatures besides its own."""
    ages = list(device.conditions.values())
    return ages + [replace(age, temperature_c=at) for age in ages for at in (15, 60)]


def _changed(value: object) -> object | None:
    """Return another value at the same place that a profile may have, by some percent; None for names and levels."""
    if isinstance(value, bool | str):
        return None
    if isinstance(value, int | float):
        return value * 1.03 or 1
    if isinstance(value, list) and all(isinstance(item, int | float) for item in value):
        return [item * 1.03 for item in value]
    return None


@pytest.mark.parametrize("name", [*device_names(), "pcm-mlc@time-aware", "tlc@layers"])
def test_the_assumed_numbers_of_the_rber_are_those_that_change_it(name):
    """By trial: each assumed number of the model changed alone."""
    given = load_device(name)
    ages = {age: (device_rates(given, age).by_page_type, _named(given, age)) for age in _ages(given)}
    tried = {key: _changed(value) for key, value in leaves(given).items() if key.startswith("rber.")}
    for key in (key for key, other in tried.items() if other is not None and given.is_assumption(key)):
        other = load_device(name, [f"{key}={tried[key]}"])
        changes = {age for age, (rates, _) in ages.items() if device_rates(other, age).by_page_type != rates}
        named = {age for age, (_, keys) in ages.items() if key in keys}
        assert changes <= named, key
        assert bool(changes) == bool(named) or key in ONLY_WARNS, key


def test_points_and_levels_are_named():
    worn = {name: _named(load_device(name), load_device(name).condition()) for name in device_names()}
    for name in ("slc", "z-nand", "xl-flash", "hbf", "pcm", "reram", "stt-mram", "qlc"):
        assert "rber.points" in worn[name], name
    levels = {"mean_log10_ohm", "sigma_log10_ohm", "drift_exponent", "drift_exponent_sigma", "reference_s"}
    assert {f"rber.{key}" for key in levels} | {"rber.read_levels.optimal_at_days"} <= worn["pcm-mlc"]
    assert not any(key.startswith(("rber.valid_range", "rber.read_retry")) for keys in worn.values() for key in keys)
    assert worn["tlc"] == {"rber.page_type_factors", "rber.reference_temperature_c"}


def test_an_rber_given_needs_no_model(tmp_path):
    asked = {"model": ridge_model(), "schemes": "ecc,raw", "store": tmp_path / "s.sqlite"}
    by_age = {key for key, *_ in nvmsim.run("pcm", trials=1, **asked).assumptions}
    given = {key for key, *_ in nvmsim.run("pcm", trials=1, rber=1e-6, **asked).assumptions}
    assert by_age - given == {"rber.model", "rber.points", "rber.reference_temperature_c"} and not given - by_age
    assert "ecc.t" in given
    bare = {**asked, "schemes": "raw"}
    assert "ecc.t" not in {key for key, *_ in nvmsim.run("pcm", trials=1, **bare).assumptions}


def test_retries_that_are_assumed_decide_the_speed_that_they_cost():
    """Half of the first reads of pcm-mlc fail: with one retry instead of two it is faster, so the two decide."""
    device = load_device("pcm-mlc")
    age = device.condition("worn")
    rates = device_rates(device, age)
    speeds = [
        mode_timings(load_device("pcm-mlc", settings), age, modes=("ecc",))["ecc"].read_bandwidth_mb_s
        for settings in ([], ["ecc.retry.max=1"], ["rber.read_retry.steps=1"])
    ]
    assert speeds[1] > 1.02 * speeds[0] and abs(speeds[2] / speeds[0] - 1) > 0.02
    assert reread_keys(device, rates)[-2:] == ("ecc.retry.max", "rber.read_retry.steps")
    marks = [bottleneck_assumed(device, name, corrected=rates) for name in ("die", "bus", "ecc", "host")]
    assert marks == [True, True, True, False] or device.is_assumption("host.bandwidth_gb_s")
    rows = inferences(device, age, Work(one_layer(1e6)), tflops={"host": 100.0, "die": None}, modes=("ecc", "reclaim"))
    assert {row.mode: (row.limited_by, row.assumed) for row in rows} == {
        "ecc": ("bus", True),
        "reclaim": ("bus", False),
        "in-die": ("die", True),
    }


def test_reads_that_hardly_ever_fail_leave_the_bus_a_fact():
    device = load_device("tlc")
    assert not bottleneck_assumed(device, "bus", corrected=device_rates(device, device.condition("worn")))
    told = load_device(
        "tlc", ["ecc.limit_rber=8e-3", "ecc.waterfall_decades=0.17", "ecc.retry={max: 3, rber_factor: 0.6}"]
    )
    old = Condition(pe_cycles=3000, retention_days=3000)
    assert reread_keys(told, device_rates(told, old))
    assert not bottleneck_assumed(told, "bus", corrected=device_rates(told, old))  # all that decides is the user's
    assert bottleneck_assumed(device, "bus", corrected=device_rates(device, old))


def test_numbers_of_one_source_share_a_line_and_long_lists_show_their_ends():
    device = load_device("slc")
    points = leaves(device)["rber.points"]
    [line] = assumed([("rber.model", "table", "assumption: so"), ("rber.points", points, "assumption: so")])
    assert line.startswith(
        "rber.model = table, rber.points = [pe_cycles 0, retention_days 0, rber 1e-07; ... pe_cycles "
    )
    assert line.endswith("(assumption: so)")
    assert assumed([("a", [1, 2.5], "assumption: x"), ("b", True, "assumption: y")]) == [
        "a = [1; 2.5] (assumption: x)",
        "b = True (assumption: y)",
    ]
