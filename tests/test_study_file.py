"""A study's file: every combination less the excluded, and whatever is wrong with it said at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nvmsim.device.schema import Number, Wrong
from nvmsim.errors import InputError
from nvmsim.study.grid.axes import Values
from nvmsim.study.grid.load import load_study, read_study, study_names
from nvmsim.study.grid.questions import questions_of

GOOD = """
title: small
grid:
  device: [tlc, qlc]
  condition: [mid, worn]
  scheme: [ecc, raw]
  ecc.engines: [1, 4]
exclude:
  - {device: qlc, scheme: raw}
  - {device: tlc, condition: mid, ecc.engines: 4}
"""


def study(text, folder="."):
    from pathlib import Path

    return read_study(text, name="own", label="own.yaml", folder=Path(folder))


def problems(text, folder="."):
    with pytest.raises(InputError) as caught:
        study(text, folder)
    assert all(problem.startswith("own.yaml: ") for problem in caught.value.problems)
    return "\n".join(caught.value.problems)


def test_every_combination_but_the_excluded():
    found = study(GOOD)
    shown = [(p.device, p.age["condition"], dict(p.settings)["ecc.engines"], p.schemes) for p in found.points]
    assert shown == [
        ("tlc", "mid", 1, ("ecc", "raw")),
        ("tlc", "worn", 1, ("ecc", "raw")),
        ("tlc", "worn", 4, ("ecc", "raw")),
        ("qlc", "mid", 1, ("ecc",)),
        ("qlc", "mid", 4, ("ecc",)),
        ("qlc", "worn", 1, ("ecc",)),
        ("qlc", "worn", 4, ("ecc",)),
    ]
    assert found.axes == {"device": ("tlc", "qlc"), "condition": ("mid", "worn"), "ecc.engines": (1, 4)}
    assert found.points[0].varied == {"device": "tlc", "condition": "mid", "ecc.engines": 1}


def test_the_order_of_the_keys_is_the_order_of_the_settings():
    turned = study("title: x\ngrid: {condition: [mid, worn], device: [tlc, qlc]}")
    assert [tuple(p.varied.values()) for p in turned.points] == [
        ("mid", "tlc"), ("mid", "qlc"), ("worn", "tlc"), ("worn", "qlc"),
    ]  # fmt: skip


def test_a_key_that_only_one_grid_has_varies():
    found = study("title: x\ngrids: {a: {device: tlc, rber: 1e-3}, b: {device: tlc, condition: worn}}")
    assert [point.varied for point in found.points] == [{"rber": 1e-3}, {"condition": "worn"}]


def test_a_variant_changes_several_keys_at_once():
    text = "title: x\ngrid: {device: mlc, scheme: ecc, variant: {own: {}, weak: {ecc.t: 12, ecc.parity_bytes: 21}}}"
    first, second = questions_of(study(text))
    assert (first.question.device.ecc.t, second.question.device.ecc.t) == (40, 12)
    assert second.question.device.ecc.parity_bytes == 21
    assert [one.point.varied for one in (first, second)] == [{"variant": "own"}, {"variant": "weak"}]


def test_ages_and_device_keys_reach_the_question():
    read_us = "timing.read_us: {lsb: 1, csb: 2, msb: 3}"
    text = f"title: x\ngrid: {{device: tlc, condition: mid, pe_cycles: 700, scheme: raw, {read_us}}}"
    (one,) = questions_of(study(text))
    assert one.question.condition.pe_cycles == 700 and one.question.condition.retention_days > 0
    assert one.question.device.timing.read_us == (1.0, 2.0, 3.0)
    (given,) = questions_of(study("title: x\ngrid: {device: tlc, rber: 1e-3, scheme: raw}"))
    assert given.question.rates.mean == 1e-3


@pytest.mark.parametrize("name", study_names())
def test_the_bundled_studies_ask_something(name):
    asked = questions_of(load_study(name))
    assert sum(len(one.cases) for one in asked) >= 20


def test_files_are_looked_for_beside_the_study(tmp_path):
    from nvmsim.resources import bundled

    (tmp_path / "own.yaml").write_bytes(
        (bundled("devices") / "tlc.yaml").read_bytes().replace(b"name: tlc", b"name: own")
    )
    (tmp_path / "study.yaml").write_text("title: x\ngrid: {device: own.yaml, scheme: raw}\nexclude: []\n")
    (one,) = questions_of(load_study(tmp_path / "study.yaml"))
    assert one.question.device.name == "own"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("grid: {device: tlc}", "title: is missing"),
        ("title: x", "grid: must be there, or grids"),
        ("title: x\ngrid: {device: tlc}\ngrids: {a: {device: tlc}}", "grid: stands beside grids"),
        ("title: x\ngrids: []", "grids: []: must be a mapping"),
        ("title: x\ngrid: {}", "grid.device: is missing"),
        ("title: x\ngrid: {device: tlc, scheme: [raw, rw]}", "grid.scheme: ['raw', 'rw']: must be a scheme"),
        ("title: x\ngrid: {device: tlc, scheme: [raw, raw]}", "none twice"),
        ("title: x\ngrid: {device: tlc, ecc.engines: [1, 1.0]}", "none twice"),
        ("title: x\ngrid: {device: tlc, shceme: raw}", "shceme: unknown key, did you mean scheme?"),
        ("title: x\ngrid: {device: tlc, rber: 0.1, condition: worn}", "rber: stands in place of an age"),
        ("title: x\ngrid: {device: tlc, rber: 0.7}", "a number from 0 to 0.5"),
        ("title: x\ngrid: {device: tlc, pe_cycles: {from: 0, to: 9, steps: 3, scale: log}}", "from above 0"),
        ("title: x\ngrid: {device: tlc, pe_cycles: {from: 0, too: 9, steps: 3}}", "a range with from, to, steps"),
        ("title: x\ngrid: {device: tlc, pe_cycles: {from: 0, to: 9, steps: 1}}", "steps is a whole number from 2"),
        ("title: x\ngrid: {device: tlc, variant: {a: {t: 5}}}", "device keys with a dot"),
        ("title: x\neffort: {trials: 0}\ngrid: {device: tlc}", "effort.trials: 0: must be a whole number from 1"),
        ("title: x\neffort: {decide: [most]}\ngrid: {device: tlc}", "effort.decide"),
        ("title: x\ngrid: {device: tlc}\nexclude: {device: tlc}", "exclude: {'device': 'tlc'}: must be a list"),
        ("title: x\ngrid: {device: tlc}\nexclude: [{devcie: tlc}]", "exclude.1.devcie: unknown, did you mean device?"),
        ("title: x\ngrid: {device: tlc}\nexclude: [{device: qlc}]", "exclude.1.device: 'qlc': no grid has this value"),
        ("title: x\ngrid: {device: tlc}\nexclude: [{device: tlc}]", "exclude: leaves nothing of the study"),
        ("title: x\ngrid: {device: tlc, seed: [1, 1]}", "seed: unknown key"),
        ("title: x\ntitle: y", "title: this key is there twice"),
        ("- 1", "must be a mapping"),
        ("title: [", "line"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(text, said):
    assert said in problems(text)


def test_all_problems_are_said_at_once():
    text = "title: 3.5\neffort: {trials: x}\ngrid: {device: tlc, scheme: rw}\nmore: 1"
    assert problems(text).count("own.yaml: ") == 4


def test_a_grid_too_large_is_refused_before_it_is_expanded():
    axes = "".join(
        f", {key}: {{from: 1, to: 2, steps: 1000}}" for key in ("pe_cycles", "retention_days", "ecc.engines")
    )
    assert "combinations: must be at most 100,000" in problems(f"title: x\ngrid: {{device: tlc{axes}}}")


def test_what_a_profile_refuses_beside_a_grid_s_value_names_the_key_and_no_option():
    with pytest.raises(InputError) as caught:
        questions_of(study("title: x\ngrid: {device: tlc, cell.bits: [2, 3], timing.bus_mt_s: 2000, scheme: raw}"))
    assert any(
        "grid: device: tlc with cell.bits: cell.gray_code: '2-3-2': must be" in one for one in caught.value.problems
    )
    assert not any("--" in one for one in caught.value.problems)


def test_what_the_profiles_refuse_is_said_for_all_settings():
    text = "title: x\ngrid: {device: [tlc, tcl], condition: [worn, wron], ecc.engines: [1, 0]}"
    with pytest.raises(InputError) as caught:
        questions_of(study(text))
    said = "\n".join(caught.value.problems)
    assert "tcl" in said and "wron" in said and "own.yaml: grid: ecc.engines" in said and "--" not in said


def test_a_missing_file_names_the_bundled_studies():
    with pytest.raises(InputError, match="quick"):
        load_study("no-such-study")


@given(st.floats(0.01, 1e6), st.floats(0.01, 1e6), st.integers(2, 50), st.sampled_from(["linear", "log"]))
def test_ranges_run_from_end_to_end(low, high, steps, scale):
    data = {"from": low, "to": high, "steps": steps, "scale": scale}
    try:
        found = Values(Number()).read(data)
    except Wrong:
        return  # ends so near that steps are one number
    assert len(found) == steps
    assert found[0] == pytest.approx(low, rel=1e-8) and found[-1] == pytest.approx(high, rel=1e-8)
    assert list(found) == sorted(found, reverse=high < low)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["device", "scheme", "condition", "pe_cycles", "rber", "variant", "ecc.t", "model", "range_scope"]
)


@settings(max_examples=150, deadline=None)
@given(grid=st.dictionaries(KEYS, PLAIN, max_size=4), exclude=PLAIN, effort=PLAIN)
def test_any_file_gives_a_study_or_its_problems(grid, exclude, effort):
    import json

    text = json.dumps({"title": "x", "grid": grid, "exclude": exclude, "effort": effort})
    try:
        assert study(text).points
    except InputError as error:
        assert error.problems
