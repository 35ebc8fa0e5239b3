"""What every error model must do, whether it came with nvmsim or from outside."""

import copy
import math
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nvmsim.device.parts import PAGE_TYPES, Cell, Condition
from nvmsim.device.rber import ErrorModel, Rates, build_error_model
from nvmsim.errors import InputError
from nvmsim.plugins import names, register

LEVELS = {bits: {"mean": [100.0 * level for level in range(2**bits)], "sigma": [20.0] * 2**bits} for bits in PAGE_TYPES}
GRAY = {1: "1", 2: "1-2", 3: "2-3-2", 4: "4-4-3-4"}


class Wearing(ErrorModel):
    """A user's model: RBER rises by 1e-9 for each P/E cycle."""

    def __init__(self, per_cycle, types):
        self.per_cycle, self.types = per_cycle, types

    @classmethod
    def from_profile(cls, parameters, cell, page_types):
        unknown = set(parameters) - {"per_cycle", "source"}
        if unknown:
            raise InputError([f"{key}: {parameters[key]}: unknown" for key in unknown])
        return cls(parameters["per_cycle"], len(page_types))

    def rates(self, condition):
        rate = min(self.per_cycle * condition.pe_cycles, 0.5)
        return Rates(((rate, rate),) * self.types)


register("error_model", "wearing", Wearing)
EXAMPLES = {
    "constant": lambda bits: {"rber": 1e-3},
    "power_law": lambda bits: {"epsilon": 1e-5, "alpha": 1e-9, "k": 1.5, "beta": 1e-7, "m": 0.5, "n": 0.5},
    "table": lambda bits: {
        "points": [
            {"pe_cycles": wear, "retention_days": days, "rber": 1e-5 * (1 + wear) * (1 + days)}
            for wear in (0, 100)
            for days in (0, 1, 90)
        ]
    },
    "gaussian_vth": lambda bits: {
        "pe_cycles": 100,
        "states": [
            {"retention_days": days, **LEVELS[bits], "sigma": [20.0 + days / 9] * 2**bits} for days in (0, 1, 90)
        ],
    },
    "drift": lambda bits: {
        "mean_log10_ohm": list(range(2**bits)),
        "sigma_log10_ohm": [0.17] * 2**bits,
        "drift_exponent": [0.05] * 2**bits,
        "drift_exponent_sigma": [0.02] * 2**bits,
        "pe_cycles": 100,
    },
    "log_time": lambda bits: {"a": 7.92e-6, "b": 0.25, "c": 3.28e-5, "d": -12.72},
    "wearing": lambda bits: {"per_cycle": 1e-9},
}


def build(name, bits=3, **more):
    rber = {"model": name, **EXAMPLES[name](bits), **more}
    return build_error_model(rber, Cell(bits, GRAY[bits]), PAGE_TYPES[bits])


def test_every_known_model_is_held_to_this_contract():
    assert set(EXAMPLES) >= {"constant", "table", "power_law", "gaussian_vth", "log_time", "drift", "wearing"}
    assert set(EXAMPLES) <= set(names("error_model"))


@pytest.mark.parametrize("bits", PAGE_TYPES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_rates_are_probabilities_of_each_page_type(name, bits):
    for condition in (Condition(), Condition("x", 1e6, 1e5, 120, 1e9), Condition("x", 50, 3, -40, 1)):
        rates = build(name, bits).rates(condition)
        assert rates.array.shape == (bits, 2)
        assert ((rates.array >= 0) & (rates.array <= 0.5)).all()
        assert rates.mean == pytest.approx(sum(map(sum, rates.by_page_type)) / (2 * bits), rel=1e-12, abs=0)


@pytest.mark.parametrize("name", EXAMPLES)
def test_asking_twice_gives_the_same_and_changes_nothing(name):
    model, age = build(name), Condition(pe_cycles=70, retention_days=5)
    assert model.rates(age) == model.rates(age) == build(name).rates(age)
    assert pickle.loads(pickle.dumps(model.rates(age))) == model.rates(age)


@pytest.mark.parametrize("name", EXAMPLES)
def test_age_does_not_heal(name):
    ages = [Condition(pe_cycles=100, retention_days=days) for days in (0, 0.5, 1, 2, 30, 90)]
    means = [build(name).rates(age).mean for age in ages]
    assert means == sorted(means)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_source_changes_nothing(name):
    age = Condition(pe_cycles=100, retention_days=2)
    assert build(name, source="measured").rates(age) == build(name).rates(age)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_unknown_key_is_refused(name):
    with pytest.raises(InputError, match=r"rber\.no_such_key: 1: unknown"):
        build(name, no_such_key=1)


@pytest.mark.parametrize("name", ["power_law", "table", "gaussian_vth", "drift"])
def test_asking_outside_the_fitted_range_is_said(name):
    ranges = {"pe_cycles": [0, 100], "retention_days": [0, 90], "reads_per_page": [0, 10], "temperature_c": [20, 60]}
    model = build(name, valid_range=ranges)
    assert model.rates(Condition(pe_cycles=100, retention_days=90, reads_per_page=10)).warnings == ()
    assert len(model.rates(Condition("x", 101, 91, 61, 11)).warnings) == 4


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from([10**400, -1, 1e308]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


def places(value, path=()):
    """List the paths to every value inside plain data."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def put(value, path, junk):
    if not path:
        return junk
    value = copy.deepcopy(value)
    target = value
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = junk
    return value


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - {"wearing"}))
@given(data=st.data(), junk=JUNK)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_junk_anywhere_is_refused_or_understood(name, data, junk):
    full = {**EXAMPLES[name](2), "valid_range": {"pe_cycles": [0, 1]}, "page_type_factors": {"lsb": 0.5, "msb": 1.5}}
    if name == "constant":
        full = {"rber": {"lsb": 0.1, "msb": 0.2}}
    elif name in ("gaussian_vth", "drift"):
        full = {**full, "read_levels": {"optimal_at_days": 1}}
        del full["page_type_factors"]
    broken = put(full, data.draw(st.sampled_from(places(full)[1:])), junk)
    try:
        model = build_error_model({"model": name, **broken}, Cell(2, "1-2"), PAGE_TYPES[2])
    except InputError as error:
        assert all(problem.startswith("rber.") and len(problem) < 500 for problem in error.problems)
    else:
        assert math.isfinite(model.rates(Condition(pe_cycles=5, retention_days=2)).mean)
