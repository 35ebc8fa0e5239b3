"""Which assumed numbers a result names: those that change its rates, its correction or its speed, and no other."""

from dataclasses import replace

import numpy as np
import pytest
from ridge_network import ridge_model
from small_device import write_profile

import nvmsim
from nvmsim.device.ecc import final_uber, page_failures
from nvmsim.device.profile import Condition, Device, device_names, load_device
from nvmsim.device.rber import Rates, device_rates
from nvmsim.device.resolve import leaves
from nvmsim.device.rests_on import correction_keys, rber_keys
from nvmsim.errors import InputError
from nvmsim.report.findings import assumed
from nvmsim.study.assumed import assumptions_of
from nvmsim.study.question import Effort, Question
from nvmsim.timing.decisive import bottleneck_assumed, decisive_keys
from nvmsim.timing.inference import Work, inferences
from nvmsim.timing.layers import one_layer
from nvmsim.timing.modes import SEEN, mode_timings, reads_again


def _question(device: Device, age: Condition, **more) -> Question:
    asked = {
        "rates": device_rates(device, age),
        "rber_given": None,
        "model": None,
        "schemes": (),
        "range_scope": "global",
        "effort": Effort(),
        "seed": 0,
        "backend": "cpu",
        "workers": 1,
    }
    return Question(device=device, condition=age, **(asked | more))


def _named(device: Device, age: Condition, **more) -> set[str]:
    """Return the keys of ``rber`` that a result would name."""
    return {key for key, *_ in assumptions_of(_question(device, age, **more), ()) if key.startswith("rber.")}


def _ages(device: Device) -> list[Condition]:
    """Return its ages, each at two temperatures besides its own."""
    ages = [*device.conditions.values(), Condition(retention_days=20), Condition(pe_cycles=5, retention_days=900)]
    return ages + [replace(age, temperature_c=at) for age in ages for at in (15, 42)]


def _changed(value: object) -> list[object]:
    """Return values a little above and below at the same place; none for names and mappings."""
    if isinstance(value, bool | str):
        return []
    if isinstance(value, int | float):
        return [value * (1 + 1e-6), value * (1 - 1e-6)] if value else [1]
    if isinstance(value, list) and all(isinstance(item, int | float) for item in value):
        return [[item * factor for item in value] for factor in (1 + 1e-6, 1 - 1e-6)]
    return []


def _set(name: str, key: str, value: object) -> Device | None:
    """Return the device with this value; None where the value may be no lower or no higher."""
    try:
        return load_device(name, [f"{key}={value}"])
    except InputError:
        return None


@pytest.mark.parametrize("name", [*device_names(), "pcm-mlc@time-aware", "tlc@layers"])
def test_the_assumed_numbers_of_the_rber_are_those_that_change_it(name):
    """By trial: each assumed number of the model changed alone."""
    given = load_device(name)
    ages = {age: (device_rates(given, age).by_page_type, _named(given, age)) for age in _ages(given)}
    tried = {key: _changed(value) for key, value in leaves(given).items() if key.startswith("rber.")}
    for key in (key for key, others in tried.items() if others and given.is_assumption(key)):
        others = [one for value in tried[key] if (one := _set(name, key, value))]
        assert others, key
        changes = {
            age
            for age, (rates, _) in ages.items()
            if any(device_rates(one, age).by_page_type != rates for one in others)
        }
        named = {age for age, (_, keys) in ages.items() if key in keys}
        if given.rber["model"] == "table":  # two of whose points may say the same
            assert changes <= named and bool(changes) == bool(named), (key, changes ^ named)
        else:
            assert changes == named, (key, changes ^ named)


def test_points_and_levels_are_named():
    worn = {name: _named(load_device(name), load_device(name).condition()) for name in device_names()}
    for name in ("slc", "z-nand", "xl-flash", "hbf", "pcm", "reram", "stt-mram", "qlc"):
        assert "rber.points" in worn[name], name
    levels = {"mean_log10_ohm", "sigma_log10_ohm", "drift_exponent", "drift_exponent_sigma", "reference_s"}
    assert {f"rber.{key}" for key in levels} | {"rber.read_levels.optimal_at_days"} <= worn["pcm-mlc"]
    assert not any(key.startswith(("rber.valid_range", "rber.read_retry")) for keys in worn.values() for key in keys)
    assert worn["tlc"] == {"rber.page_type_factors", "rber.reference_temperature_c"}


def test_drift_that_has_not_begun_rests_on_the_levels_alone():
    device = load_device("pcm-mlc")
    fresh = _named(device, device.condition("fresh"))
    assert fresh == {"rber.mean_log10_ohm", "rber.sigma_log10_ohm", "rber.read_levels.optimal_at_days"}
    later = load_device("pcm-mlc", ["rber.read_levels={optimal_at_days: 1}"])
    assert "rber.drift_exponent" in _named(later, later.condition("fresh"))  # its read levels are those of a day later


def test_a_cause_of_the_power_law_that_was_not_at_work_is_not_named():
    guess = "assumption: mine"
    own = load_device("tlc")
    device = replace(
        own, sources={key: text for key, text in own.sources.items() if "rber" not in key} | {"rber": guess}
    )
    fresh, worn = Condition(), Condition(pe_cycles=100, retention_days=3, temperature_c=30, reads_per_page=2)
    assert _named(device, fresh) == {"rber.model", "rber.epsilon", "rber.page_type_factors"}
    every = {key for key in leaves(device) if key.startswith("rber.") and "valid_range" not in key}
    assert _named(device, worn) == every
    assert _named(device, replace(worn, reads_per_page=0)) == every - {"rber.gamma", "rber.p", "rber.q"}
    unworn = load_device("tlc", ["rber.m=0"])  # retention that does not ask for wear
    unworn = replace(unworn, sources=device.sources)
    assert {"rber.beta", "rber.m", "rber.n"} <= _named(unworn, Condition(retention_days=3))


def test_what_a_model_takes_for_granted_is_named_too(tmp_path):
    law = {"a": 7.92e-6, "b": 0.25, "c": 3.28e-5, "d": -12.72}
    own = f"{{model: log_time, {', '.join(f'{key}: {value}' for key, value in law.items())}}}"
    device = load_device(write_profile(tmp_path, own))
    assert leaves(device)["rber.first_s"] == 3600 and leaves(device)["rber.activation_energy_ev"] == 1.1
    heat, unsourced = (
        {"rber.activation_energy_ev", "rber.reference_temperature_c"},
        {f"rber.{key}" for key in ("model", *law)},
    )
    assert _named(device, Condition(pe_cycles=1, retention_days=30, temperature_c=55)) == heat | unsourced
    assert _named(device, Condition(pe_cycles=1, retention_days=1e-3, temperature_c=55)) == {"rber.first_s"} | unsourced
    assert {device.source(key) for key in (*heat, "rber.first_s")} == {"assumption: default"}


def test_fresh_errors_are_named_where_each_batch_sees_its_own():
    device = load_device("tlc", ["rber.per_read_fraction=0.5"])
    device = replace(device, sources=device.sources | {"rber.per_read_fraction": "assumption: mine"})
    age = device.condition()
    assert "rber.per_read_fraction" not in _named(device, age)
    assert "rber.per_read_fraction" in _named(device, age, reads_per_inference=1)
    assert _named(device, age, reads_per_inference=1, rber_given=1e-3) == {"rber.per_read_fraction"}


def test_an_rber_given_needs_no_model(tmp_path):
    asked = {"model": ridge_model(), "schemes": "ecc,raw", "store": tmp_path / "s.sqlite"}
    by_age = {key for key, *_ in nvmsim.run("pcm", trials=1, **asked).assumptions}
    given = {key for key, *_ in nvmsim.run("pcm", trials=1, rber=1e-7, **asked).assumptions}
    assert by_age - given == {"rber.model", "rber.points", "rber.reference_temperature_c"} and not given - by_age
    assert {"ecc.t", "ecc.code", "ecc.codeword_bytes"} <= given
    bare = {**asked, "schemes": "raw"}
    assert not any(key.startswith("ecc.") for key, *_ in nvmsim.run("pcm", trials=1, **bare).assumptions)


def _table(tmp_path, points: str, **more) -> Device:
    rest = "".join(f", {key}: {value}" for key, value in more.items())
    return load_device(write_profile(tmp_path, f"{{model: table, points: [{points}]{rest}}}"))


def test_temperature_is_named_between_the_points_of_a_table_alone(tmp_path):
    heat = {"rber.activation_energy_ev", "rber.reference_temperature_c"}
    three = _table(
        tmp_path, ", ".join(f"{{pe_cycles: 0, retention_days: {day}, rber: {1e-4 + day / 1e5}}}" for day in (1, 9, 30))
    )
    for days, expected in ((0.5, False), (5, True), (29, True), (31, False)):
        for age in (Condition(retention_days=days, temperature_c=40.001),):
            assert bool(_named(three, age) & heat) == expected, days
    one = _table(tmp_path, "{pe_cycles: 0, retention_days: 5, rber: 1.0e-4}")
    assert not _named(one, Condition(retention_days=5, temperature_c=50)) & heat
    series = "{pe_cycles: 0, retention_days: 5, rber: 1.0e-4}, {pe_cycles: 9, retention_days: 7, rber: 2.0e-4}"
    assert not _named(_table(tmp_path, series), Condition(pe_cycles=4, retention_days=6, temperature_c=50)) & heat


def test_a_law_names_nothing_that_a_zero_takes_out(tmp_path):
    law = "model: log_time, a: 1.0e-6, b: 0.25, c: 1.0e-6, d: -12"
    device = load_device(write_profile(tmp_path, f"{{{law}}}"))
    assert not {"rber.a", "rber.c"} & _named(device, Condition(retention_days=3))
    assert {"rber.a", "rber.c"} <= _named(device, Condition(retention_days=3, pe_cycles=1))
    at_first = load_device(write_profile(tmp_path, f"{{{law}, first_s: 86400}}"))
    both = {"rber.first_s", "rber.reference_temperature_c"}
    assert both <= _named(at_first, Condition(retention_days=1))
    timeless = load_device(write_profile(tmp_path, "{model: power_law, epsilon: 1.0e-4, beta: 1.0e-5, m: 0.2, n: 0}"))
    age = Condition(pe_cycles=9, retention_days=9, temperature_c=50)
    assert not {"rber.activation_energy_ev", "rber.reference_temperature_c"} & _named(timeless, age)
    none = load_device(write_profile(tmp_path, "{model: power_law, epsilon: 1.0e-4, beta: 0, m: 0.2, n: 1}"))
    assert _named(none, age) >= {"rber.beta"} and not {"rber.m", "rber.n"} & _named(none, age)
    begins = load_device("pcm-mlc", ["rber.reference_s=86400"])
    begins = replace(begins, sources=load_device("pcm-mlc").sources)
    assert "rber.reference_s" in _named(begins, Condition(retention_days=1))
    assert "rber.reference_s" not in _named(begins, Condition(retention_days=0.9))


def test_a_gray_code_is_named_where_levels_are_read_through_it():
    for name, expected in (("tlc-2y", True), ("pcm-mlc", True), ("tlc", False)):
        device = load_device(name)
        keys = {key for key, *_ in assumptions_of(_question(device, device.condition()), ())}
        assert ("cell.gray_code" in keys) == expected, name


def test_blocks_that_differ_rest_on_the_pages_of_one():
    device = load_device("tlc@layers")
    assert "geometry.pages_per_block" in rber_keys(device, device.condition())
    assert "geometry.pages_per_block" not in rber_keys(load_device("tlc"), device.condition())


def test_a_number_of_the_user_s_is_no_assumption():
    parts = [f"rber.page_type_factors.{name}={value}" for name, value in (("lsb", 0.9), ("csb", 1.2), ("msb", 0.9))]
    for settings in (parts, ["rber.page_type_factors={lsb: 0.9, csb: 1.2, msb: 0.9}"]):
        device = load_device("tlc", settings)
        assert "rber.page_type_factors" not in _named(device, device.condition())


# --- correction --------------------------------------------------------------------------------------------------


def _ecc_keys(name: str, rber: float, *settings: str) -> set[str]:
    device = load_device(name, settings)
    return set(correction_keys(device, Rates(((rber, rber),) * len(device.page_types))))


def test_near_its_limit_all_that_decides_what_ecc_leaves_is_named():
    code = {"ecc.code", "ecc.codeword_bytes", "ecc.limit_rber"}
    near = {"ecc.parity_bytes", "ecc.waterfall_decades", "ecc.uber_target", "ecc.retry.max"}
    assert _ecc_keys("tlc", 1e-3) == code
    assert _ecc_keys("tlc", 9e-3) == code | near | {"ecc.retry.rber_factor"}
    assert _ecc_keys("hbf", 1.08e-2) == code | near  # no retry, so no factor
    assert {"ecc.soft.max", "ecc.soft.limit_rber"} <= _ecc_keys("tlc@soft", 9e-3)
    assert not any("soft" in key for key in _ecc_keys("tlc@soft", 1e-3))
    assert {"ecc.table", "ecc.input"} <= _ecc_keys("tlc@decoder", 1e-3)
    assert _ecc_keys("pcm", 1e-8) == {"ecc.code", "ecc.codeword_bytes", "ecc.t"}
    assert _ecc_keys("slc", 1e-3, "ecc.code=none") == set()


@pytest.mark.parametrize("rber", [4e-3, 7.9e-3, 9e-3, 1.2e-2])
def test_what_changes_uber_is_named(rber):
    """By trial: no UBER that is worth a word rests on what is not named."""
    named, rates = _ecc_keys("tlc", rber), Rates(((rber, rber),) * 3)
    before = final_uber(load_device("tlc"), rates)
    for setting in ("ecc.waterfall_decades=0.2", "ecc.retry.rber_factor=0.8", "ecc.retry.max=1", "ecc.limit_rber=7e-3"):
        after = final_uber(load_device("tlc", [setting]), rates)
        if max(before, after) > 1e-18 and abs(np.log(after / before)) > 1e-3:
            assert setting.partition("=")[0] in named, setting


def test_tuned_read_levels_stand_in_place_of_the_factor():
    device = load_device("pcm-mlc")
    found = correction_keys(device, device_rates(device, device.condition("worn")))
    assert "rber.read_retry.steps" in found and "ecc.retry.rber_factor" not in found


# --- speed -------------------------------------------------------------------------------------------------------


def test_retries_that_are_assumed_decide_the_speed_that_they_cost():
    """Half of the first reads of pcm-mlc fail: with one retry instead of two it is faster, so the two decide."""
    device = load_device("pcm-mlc", ["host.bandwidth_gb_s=100"])
    age = device.condition("worn")
    rates = device_rates(device, age)
    speeds = [
        mode_timings(load_device("pcm-mlc", settings), age, modes=("ecc",))["ecc"].read_bandwidth_mb_s
        for settings in ([], ["ecc.retry.max=1"], ["rber.read_retry.steps=1"])
    ]
    assert speeds[1] > 1.02 * speeds[0] and abs(speeds[2] / speeds[0] - 1) > 0.02
    marks = {name: bottleneck_assumed(device, name, corrected=rates, age=age) for name in ("die", "bus", "ecc", "host")}
    assert marks == {"die": True, "bus": True, "ecc": True, "host": False}  # a page crosses the host link once
    rows = inferences(device, age, Work(one_layer(1e6)), tflops={"host": 100.0, "die": None}, modes=("ecc", "reclaim"))
    assert {row.mode: (row.limited_by, row.assumed) for row in rows} == {
        "ecc": ("bus", True),
        "reclaim": ("bus", False),
        "in-die": ("die", True),
    }


def _own_ecc() -> list[str]:
    """Settings after which nothing of tlc's ECC is an assumption."""
    code = "code: ldpc, codeword_bytes: 4096, parity_bytes: 512, limit_rber: 8.0e-3, waterfall_decades: 0.17"
    return [f"ecc={{{code}, uber_target: 1.0e-15, retry: {{max: 3, rber_factor: 0.6}}}}"]


def test_the_bus_is_a_fact_where_reads_hardly_fail_or_all_that_they_rest_on_is_the_user_s():
    device, own = load_device("tlc"), load_device("tlc", _own_ecc())
    worn, old = device.condition("worn"), Condition(pe_cycles=3000, retention_days=3000)
    rates = device_rates(device, old)
    assert not bottleneck_assumed(device, "bus", corrected=device_rates(device, worn), age=worn)
    assert bottleneck_assumed(device, "bus", corrected=rates, age=old) and bottleneck_assumed(
        device, "bus", corrected=rates
    )
    assert not bottleneck_assumed(own, "bus", corrected=rates)  # at rates that were given
    assert bottleneck_assumed(own, "bus", corrected=rates, age=old)  # the RBER of the age is tlc's
    assert "rber.page_type_factors" in decisive_keys(own, "bus", corrected=rates, age=old)


def test_many_retries_of_few_pages_are_seen():
    """At 1.4e-5 of the pages 64 retries are 9e-4 more reads a page, which the fourth digit of a speed shows."""
    many = load_device("tlc", ["ecc.retry={max: 64, rber_factor: 1.0}"])
    age = Condition(pe_cycles=2050, retention_days=200, reads_per_page=100)
    rates = device_rates(many, age)
    assert 1e-6 < page_failures(many, rates)[:, 0].max() < SEEN
    slow, fast = (
        mode_timings(load_device("tlc", s), age, modes=("ecc",))["ecc"].read_bandwidth_mb_s
        for s in (["ecc.retry={max: 64, rber_factor: 1.0}"], [])
    )
    assert slow < (1 - 2 * SEEN) * fast
    assert reads_again(many, rates) and not reads_again(load_device("tlc"), device_rates(load_device("tlc"), age))


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
