"""Rates of constant, table and power-law models, the Arrhenius equation, and what is said of bad parameters."""

import math
import re

import pytest

from nvmsim.device.parts import Cell, Condition
from nvmsim.device.rber import Rates, build_error_model, clipped
from nvmsim.device.temperature import Arrhenius
from nvmsim.errors import InputError

TLC_TYPES, MLC_TYPES = ("lsb", "csb", "msb"), ("lsb", "msb")
# The published constants: 72-layer TLC and 2y-nm MLC; retention in days (the MLC's reads are a block's).
TLC = {
    "epsilon": 1.48e-3,
    "alpha": 3.90e-10,
    "k": 2.05,
    "beta": 6.28e-5,
    "m": 0.14,
    "n": 0.54,
    "gamma": 3.73e-9,
    "p": 0.33,
    "q": 1.71,
}
MLC = {
    "epsilon": 8.34e-5,
    "alpha": 3.30e-11,
    "k": 1.71,
    "beta": 5.56e-19,
    "m": 2.49,
    "n": 3.33,
    "gamma": 6.26e-13,
    "p": 1.76,
    "q": 0.47,
}


def model(name, cell=None, types=TLC_TYPES, **parameters):
    return build_error_model({"model": name, **parameters}, cell or Cell(3, "2-3-2"), types)


def problems(name, types=TLC_TYPES, **parameters):
    with pytest.raises(InputError) as error:
        model(name, types=types, **parameters)
    return error.value.problems


@pytest.mark.parametrize(
    ("wear", "days", "published"),
    [
        (0, 0, 1.5e-3),
        (1000, 0, 2.0e-3),
        (1000, 30, 3.1e-3),
        (1000, 90, 3.9e-3),
        (1000, 365, 6.0e-3),
        (3000, 365, 1.1e-2),
    ],
)
def test_power_law_gives_the_tlc_figures(wear, days, published):
    mean = model("power_law", **TLC).rates(Condition(pe_cycles=wear, retention_days=days)).mean
    assert float(f"{mean:.1e}") == pytest.approx(published, rel=1e-9)


@pytest.mark.parametrize(
    ("condition", "published"),
    [
        (Condition(), 8.3e-5),
        (Condition(pe_cycles=8000), 2.4e-4),
        (Condition(pe_cycles=8000, retention_days=30), 4.8e-4),
        (Condition(pe_cycles=8000, reads_per_page=1e6 / 256), 3.3e-3),
    ],
)
def test_power_law_gives_the_mlc_figures(condition, published):
    law = model("power_law", Cell(2, "1-2"), MLC_TYPES, read_disturb_pages=256, **MLC)
    assert float(f"{law.rates(condition).mean:.1e}") == pytest.approx(published, rel=1e-9)


def test_power_law_terms_follow_their_formula():
    age = Condition(pe_cycles=700, retention_days=20, reads_per_page=50)
    terms = model("power_law", **TLC).terms(age)
    assert terms == pytest.approx(
        {
            "fresh": 1.48e-3,
            "write": 3.90e-10 * 700**2.05,
            "retention": 6.28e-5 * 700**0.14 * 20**0.54,
            "read_disturb": 3.73e-9 * 700**0.33 * 50**1.71,
        },
        rel=1e-12,
    )
    assert model("power_law", **TLC).rates(age).mean == pytest.approx(sum(terms.values()), rel=1e-12)


def test_a_term_may_be_missing_as_a_whole_only():
    assert model("power_law", epsilon=1e-4).rates(Condition(pe_cycles=1e4, retention_days=99)).mean == 1e-4
    assert problems("power_law", epsilon=1e-4, alpha=1e-9) == ("rber.k: missing; must be a number of at least 0",)


def test_an_exploding_power_law_is_cut_with_a_warning():
    rates = model("power_law", Cell(2, "1-2"), MLC_TYPES, **MLC).rates(Condition(pe_cycles=1e5, retention_days=3650))
    assert rates.by_page_type == ((0.5, 0.5),) * 2
    assert "cut to 0.5" in rates.warnings[-1]
    infinite = model("power_law", epsilon=0, alpha=1, k=1e6).rates(Condition(pe_cycles=1e6))
    assert infinite.mean == 0.5


def test_page_type_factors_share_the_mean_out():
    factors = {"lsb": 0.84, "csb": 1.22, "msb": 0.94}
    rates = model("power_law", **TLC, page_type_factors=factors).rates(Condition(pe_cycles=1000))
    plain = model("power_law", **TLC).rates(Condition(pe_cycles=1000))
    assert rates.array[:, 0] / plain.mean == pytest.approx(list(factors.values()), rel=1e-12)
    assert rates.mean == pytest.approx(plain.mean, rel=1e-12)


def test_page_type_factors_must_have_mean_one():
    (problem,) = problems("power_law", epsilon=1e-3, page_type_factors={"lsb": 1, "csb": 1.2, "msb": 1})
    assert problem.startswith("rber.page_type_factors: {'lsb': 1") and problem.endswith("mean must be 1, not 1.067")


@pytest.mark.parametrize(
    ("energy", "use_c", "reference_c", "factor", "digits"),
    [
        (1.1, 40, 30, 3.84, 2),
        (1.1, 40, 25, 7.77, 2),
        (1.1, 55, 40, 6.45, 2),
        (1.1, 55, 25, 50, 0),
        (1.1, 70, 40, 35, 0),
        (1.1, 85, 40, 168, 0),
        (1.04, 40, 30, 3.57, 2),
        (1.04, 55, 40, 5.82, 2),
        (1.04, 85, 40, 127, 0),
    ],
)
def test_arrhenius_gives_the_published_factors(energy, use_c, reference_c, factor, digits):
    days = Arrhenius(energy, reference_c).equivalent_days(1, temperature_c=use_c)
    assert days == pytest.approx(factor, abs=0.6 * 10**-digits)


@pytest.mark.parametrize(("bake_c", "hours"), [(60, 97.65), (80, 11.16), (100, 1.61), (120, 0.28)])
def test_arrhenius_gives_the_industry_bake_table(bake_c, hours):
    year = Arrhenius(1.1, 25).equivalent_days(hours / 24, temperature_c=bake_c)
    assert year == pytest.approx(365, rel=0.025)


def test_heat_ages_a_power_law_like_time():
    hot = model("power_law", **TLC).rates(Condition(pe_cycles=1000, retention_days=2, temperature_c=55))
    days = Arrhenius(1.1, 40).equivalent_days(2, temperature_c=55)
    assert days > 12
    assert hot == model("power_law", **TLC).rates(Condition(pe_cycles=1000, retention_days=days))


RANGE = {"pe_cycles": [0, 3000], "retention_days": [0, 365], "reads_per_page": [0, 100], "temperature_c": [25, 55]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pe_cycles": 3001}, "pe_cycles 3001 lies outside the fitted range 0 to 3000; computed as asked"),
        ({"reads_per_page": 101}, "reads_per_page 101 lies outside the fitted range 0 to 100; computed as asked"),
        ({"temperature_c": 20}, "temperature_c 20 lies outside the fitted range 25 to 55; computed as asked"),
        (
            {"retention_days": 366, "pe_cycles": 1},
            "retention_days 366 lies outside the fitted range 0 to 365; computed as asked",
        ),
    ],
)
def test_an_age_outside_the_fit_is_computed_with_a_warning(change, said):
    law = model("power_law", **TLC, valid_range=RANGE)
    assert law.rates(Condition(**{"pe_cycles": 3000, "retention_days": 365, "reads_per_page": 100})).warnings == ()
    assert law.rates(Condition(**change)).warnings == (said,)


def test_the_power_law_says_that_it_knows_no_retention_without_cycles():
    """beta N^m t^n with m below 1 is 0 at N = 0 and most of itself at N = 1; others have no such step."""
    law, days = model("power_law", **TLC), {"retention_days": 90}
    (said,) = law.rates(Condition(**days)).warnings
    assert said.startswith("pe_cycles 0: the power law has no loss in retention without any cycle")
    assert law.rates(Condition()).warnings == law.rates(Condition(pe_cycles=1, **days)).warnings == ()
    assert law.rates(Condition(**days)).mean == pytest.approx(TLC["epsilon"])
    assert law.rates(Condition(pe_cycles=1, **days)).mean > 1.4 * TLC["epsilon"]
    for smooth in (0, 1, 2.49):
        assert model("power_law", **{**TLC, "m": smooth}).rates(Condition(**days)).warnings == ()


def test_retention_is_compared_at_the_reference_temperature():
    law = model("power_law", **TLC, valid_range=RANGE)
    (said,) = law.rates(Condition(pe_cycles=1, retention_days=100, temperature_c=55)).warnings
    assert (
        said.startswith("retention_days 100 at 55 °C (as 644.5") and "at 40 °C) lies outside the fitted range" in said
    )


POINTS = [
    {"pe_cycles": 0, "retention_days": 1, "rber": 1e-4},
    {"pe_cycles": 0, "retention_days": 100, "rber": 4e-4},
    {"pe_cycles": 1000, "retention_days": 1, "rber": 9e-4},
    {"pe_cycles": 1000, "retention_days": 10, "rber": 3.6e-3},
]


@pytest.mark.parametrize(
    ("wear", "days", "expected"),
    [
        *[(p["pe_cycles"], p["retention_days"], p["rber"]) for p in POINTS],
        (0, 10, 2e-4),
        (500, 1, 3e-4),
        (1000, math.sqrt(10), 1.8e-3),
        (500, 10, math.sqrt(2e-4 * 3.6e-3)),
    ],
)
def test_table_is_exact_at_points_and_log_linear_between(wear, days, expected):
    rates = model("table", points=POINTS).rates(Condition(pe_cycles=wear, retention_days=days))
    assert rates.mean == pytest.approx(expected, rel=1e-12)


def test_table_takes_the_nearest_end_and_says_so():
    table = model("table", points=POINTS, valid_range={"reads_per_page": [0, 5]})
    rates = table.rates(Condition(pe_cycles=2000, retention_days=0, reads_per_page=6))
    assert rates.mean == pytest.approx(9e-4, rel=1e-12)
    assert rates.warnings == (
        "pe_cycles 2000 lies outside the fitted range 0 to 1000; taken as 1000",
        "retention_days 0 lies outside the fitted range 1 to 100; taken as 1",
        "reads_per_page 6 lies outside the fitted range 0 to 5; taken as 5",
    )


def test_table_says_where_a_series_of_those_in_use_ends_before_others():
    points = [{"pe_cycles": wear, "retention_days": days, "rber": 1e-4} for wear, days in AGES]
    table = model("table", points=points)

    def said(wear, days):
        return table.rates(Condition(pe_cycles=wear, retention_days=days)).warnings

    (short,) = said(3000, 90)
    assert short == "retention_days 90 lies outside the points at pe_cycles 3000, 0 to 0; taken as 0 there"
    assert said(1500, 90) == (short,)  # between 0 and 3000 cycles
    late = "retention_days 0 lies outside the points at pe_cycles 5000, 90 to 365; taken as 90 there"
    assert said(4000, 0) == (late,) and said(5000, 0) == (late,)
    assert [len(said(*age)) for age in ((0, 90), (0, 0), (3000, 0), (5000, 200))] == [0, 0, 0, 0]
    (whole,) = said(0, 400)
    assert "fitted range 0 to 365" in whole
    (warm,) = table.rates(Condition(pe_cycles=3000, retention_days=1, temperature_c=85)).warnings
    assert re.match(
        r"retention_days 1 at 85 °C \(as 167\.\d+ at 40 °C\) lies outside the points at pe_cycles 3000", warm
    )
    apart = [{"pe_cycles": wear, "retention_days": days, "rber": 1e-4} for wear, days in APART]
    gap = model("table", points=apart).rates(Condition(pe_cycles=1500, retention_days=50)).warnings
    assert [text[-17:] for text in gap] == ["taken as 10 there", "aken as 100 there"]


APART = ((0, 0), (0, 10), (3000, 100), (3000, 365))
AGES = ((0, 0), (0, 365), (3000, 0), (5000, 90), (5000, 365))


def test_table_joins_day_zero_in_straight_time():
    points = [{"pe_cycles": 0, "retention_days": days, "rber": rber} for days, rber in ((0, 1e-4), (2, 4e-4))]
    assert model("table", points=points).rates(Condition(retention_days=1)).mean == pytest.approx(2e-4, rel=1e-12)


def test_table_points_may_give_every_page_type():
    each = {"lsb": 1e-4, "csb": 2e-4, "msb": 6e-4}
    points = [{"pe_cycles": 0, "retention_days": 0, "rber": each}, {"pe_cycles": 0, "retention_days": 9, "rber": 1e-3}]
    table = model("table", points=points, page_type_factors={"lsb": 0.5, "csb": 1, "msb": 1.5})
    assert table.rates(Condition()).array[:, 0] == pytest.approx(list(each.values()), rel=1e-12)
    assert table.rates(Condition(retention_days=9)).array[:, 1] == pytest.approx([5e-4, 1e-3, 1.5e-3], rel=1e-12)


def test_constant_tells_page_types_and_stored_bits_apart():
    assert model("constant", rber=1e-3).rates(Condition(pe_cycles=1e5)) == Rates(((1e-3, 1e-3),) * 3)
    rates = model("constant", rber_stored_0=1e-3, rber_stored_1={"lsb": 0, "csb": 0.5, "msb": "2e-3"}).rates(
        Condition()
    )
    assert rates.by_page_type == ((1e-3, 0), (1e-3, 0.5), (1e-3, 2e-3))


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("constant", {"rber": 2}, ["rber.rber: 2: must be a number of at least 0 and at most 0.5"]),
        ("constant", {}, ["rber.rber: missing; must be a number of at least 0 and at most 0.5"]),
        ("table", {"points": None}, ["rber.points: null: must be a list of at least one"]),
        (
            "constant",
            {"rber": {"lsb": 0.1, "csb": 0.1, "tsb": 0.1}},
            ["rber.rber.tsb: 0.1: unknown", "rber.rber.msb: mis"],
        ),
        ("constant", {"rber": 0.1, "rber_stored_0": 0.1}, ["rber.rber: 0.1: give either rber or rber_stored_0 and"]),
        ("constant", {"rber_stored_0": math.nan}, ["rber.rber_stored_0: nan: must", "rber.rber_stored_1: missing"]),
        (
            "power_law",
            {"epsilom": 1e-3},
            ["rber.epsilom: 0.001: unknown, did you mean epsilon?", "rber.epsilon: missing"],
        ),
        ("power_law", {"epsilon": True, "k": -1}, ["rber.epsilon: true", "rber.alpha: missing", "rber.k: -1: must"]),
        (
            "power_law",
            {"epsilon": 0, "valid_range": {"pe_cycle": [0, 1]}},
            ["rber.valid_range.pe_cycle: [0, 1]: unknown"],
        ),
        (
            "power_law",
            {"epsilon": 0, "valid_range": {"pe_cycles": [2, 1]}},
            ["rber.valid_range.pe_cycles: [2, 1]: the fi"],
        ),
        (
            "power_law",
            {"epsilon": 0, "reference_temperature_c": -300},
            ["rber.reference_temperature_c: -300: must be a n"],
        ),
        ("table", {}, ["rber.points: missing; must be a list of at least one mapping with pe_cycles, retention_days"]),
        ("table", {"points": [POINTS[0], POINTS[0]]}, ["rber.points[1].retention_days: 1.0: this age is there twice"]),
        ("table", {"points": [{**POINTS[0], "rber": 0}, 7]}, ["rber.points[0].rber: 0: must be a number above 0 and"]),
        ("powerlaw", {}, ["rber.model: error_model 'powerlaw': unknown; known are"]),
    ],
)
def test_bad_parameters_are_all_named(name, parameters, expected):
    found = problems(name, **parameters)
    for start in expected:
        assert sum(problem.startswith(start) for problem in found) == 1, (start, found)


def test_rates_refuse_what_is_no_probability():
    with pytest.raises(InputError, match="RBER 2"):
        Rates(((2, 0.1),))
    with pytest.raises(InputError, match="RBER nan"):
        Rates(((math.nan, 0.1),))
    assert clipped([(0.1, 0.2)]) == Rates(((0.1, 0.2),))


@pytest.mark.parametrize(
    ("wear", "days", "published"),
    [
        (0, 1, 5.1e-5),
        (0, 24, 1.1e-4),
        (0, 365, 2.2e-4),
        (10_000, 1, 1.8e-4),
        (10_000, 24, 5.0e-4),
        (10_000, 365, 1.2e-3),
    ],
)
def test_log_time_gives_the_levels_of_its_published_constants(wear, days, published):
    """Constants of Luo's 3D NAND as a SimpleSSD fork has them, and the levels that were computed from them."""
    law = model("log_time", types=MLC_TYPES, cell=Cell(2, "1-2"), a=7.92e-6, b=0.25, c=3.28e-5, d=-12.72)
    assert law.rates(Condition("x", wear, days)).mean == pytest.approx(published, rel=0.05)


def test_log_time_begins_at_its_first_second_and_scales_with_layer_and_page_type():
    chosen = {"a": 0, "b": 1, "c": 0, "d": -10, "first_s": 100, "layer_factor": 2}
    law = model("log_time", types=MLC_TYPES, cell=Cell(2, "1-2"), page_type_factors={"lsb": 0.5, "msb": 1.5}, **chosen)
    low, high = law.rates(Condition()).array.mean(axis=1)
    assert (low, high) == pytest.approx((100 * math.exp(-10), 300 * math.exp(-10)))
    assert law.rates(Condition("x", 0, 1e6)).array.max() == 0.5
    assert list(problems("log_time", b=1, c=0, d=0, first_s=0)) == [
        "rber.a: missing; must be a number", "rber.first_s: 0: must be a number above 0",
    ]  # fmt: skip
