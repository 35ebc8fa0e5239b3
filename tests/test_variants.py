"""Best and worst ends of a profile: how they are named, checked and shown, and that the worst is never the better."""

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvmsim.cli import main
from nvmsim.cli_devices import check_device, list_devices, show_device
from nvmsim.device.ages import ages
from nvmsim.device.json_schema import device_schema
from nvmsim.device.profile import device_names, load_device, variant_names
from nvmsim.device.rber import device_rates
from nvmsim.device.resolve import leaves
from nvmsim.device.variants import split_variant
from nvmsim.errors import InputError
from nvmsim.report.devices_compare import differences
from nvmsim.study.grid.load import read_study
from nvmsim.timing.modes import mode_timings

ROOT = Path(__file__).resolve().parent.parent
RANGED = sorted(set(device_names()) - {"pcm-mlc", "tlc-2y"})
BASE = """
name: part
cell: {bits: 1}
ecc: {code: bch, codeword_bytes: 512, parity_bytes: 13, t: 8}
page: {spare_bytes: 512}
timing: {bus_mt_s: 800, read_us: 20, source: a sheet}
rber: {model: constant, rber: 1.0e-5}
conditions: {fresh: {}}
variants:
  slow: {timing: {bus_mt_s: 400, source: another sheet}}
  weak: {ecc: {t: 4}, rber: {rber: 1.0e-7, source: a paper}}
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def part(here):
    (here / "part.yaml").write_text(BASE)
    return here


def test_a_variant_changes_what_it_says_with_its_own_source_and_nothing_else(part):
    base, slow, weak = load_device("part.yaml"), load_device("part.yaml@slow"), load_device("part.yaml@weak")
    assert differences([base, slow]) == {"timing.bus_mt_s": (800.0, 400.0)}
    assert differences([base, weak]) == {"ecc.t": (8, 4), "rber.rber": (1e-5, 1e-7)}
    assert (slow.source("timing.bus_mt_s"), slow.source("timing.read_us")) == ("another sheet", "a sheet")
    assert (weak.source("rber.rber"), weak.source("ecc.t")) == ("a paper", "given without a source in part.yaml@weak")
    assert [one.name for one in (base, slow, weak)] == ["part", "part@slow", "part@weak"]


def test_settings_are_applied_last(part):
    assert load_device("part.yaml@slow", ["timing.bus_mt_s=100"]).timing.bus_mt_s == 100
    with pytest.raises(InputError, match="--set: variants: unknown key"):
        load_device("part.yaml", ["variants.slow.timing.bus_mt_s=100"])


def test_a_profile_extends_a_variant_and_inherits_none(part):
    (part / "mine.yaml").write_text("extends: part.yaml@slow\ntiming: {read_us: 7}\n")
    assert load_device("mine.yaml").timing.bus_mt_s == 400
    assert variant_names("mine.yaml") == []
    (part / "own.yaml").write_text("extends: tlc\nvariants: {fast: {timing: {bus_mt_s: 3600}}}\n")
    assert load_device("own.yaml@fast").timing.bus_mt_s == 3600
    with pytest.raises(InputError, match="variant 'worst': unknown"):
        load_device("own.yaml@worst")
    assert main(["devices", "new", "again", "--from", "tlc@worst"]) == 0
    assert leaves(load_device("again.yaml")) == leaves(load_device("tlc@worst"))


def test_a_file_whose_name_has_the_mark_is_itself(part):
    (part / "part@slow").write_text(BASE.replace("bus_mt_s: 800", "bus_mt_s: 5"))
    assert load_device("part@slow").timing.bus_mt_s == 5


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("slow: {timing", "slow: {timng", "variants.slow.timng: unknown, did you mean timing?"),
        (
            "slow: {timing: {bus_mt_s: 400",
            "slow: {timing: {bus_mt_s: -1",
            "variants.slow: timing.bus_mt_s: -1: must be a",
        ),
        ("slow: {timing: {bus_mt_s", "slow: {timing: {bus_mts", "variants.slow: timing.bus_mts: unknown key, did you"),
        ("weak: {ecc: {t: 4}", "weak: {ecc: {parity_bytes: 40}", "variants.weak: ecc.parity_bytes: 40: "),
        ("rber: {rber: 1.0e-7", "rber: {rber: 7", "variants.weak: rber.rber: 7"),
        ("weak: {ecc: {t: 4}", "weak: {name: x", "variants.weak.name: unknown"),
        ("  slow:", "  s l o w:", "variants: 's l o w': must be letters"),
        (
            "  slow: {timing: {bus_mt_s: 400, source: another sheet}}",
            "  slow: {}",
            "variants.slow: {}: must be a mapping",
        ),
    ],
)
def test_what_is_wrong_in_a_variant_is_said_whichever_is_loaded(part, capsys, old, new, said):
    text = BASE.replace(old, new)
    assert text != BASE
    (part / "part.yaml").write_text(text)
    assert main(["devices", "check", "part.yaml"]) == 2
    assert f"part.yaml: {said}" in capsys.readouterr().err


def test_a_problem_of_the_profile_is_told_once_and_with_those_of_its_variants(part):
    (part / "part.yaml").write_text(BASE.replace("read_us: 20", "read_us: -1").replace("{t: 4}", "{t: many}"))
    with pytest.raises(InputError) as caught:
        load_device("part.yaml")
    first, second = caught.value.problems
    assert first.startswith("part.yaml: timing.read_us: -1") and second.startswith("part.yaml: variants.weak: ecc.t")


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("tlc@wrost", "tlc@wrost: variant 'wrost': unknown, did you mean worst?"),
        ("tlc@", "tlc@: variant '': unknown"),
        ("tlc-2y@worst", "the profile has no variants"),
        ("tcl@worst", "tcl: no such file or bundled profile, did you mean tlc?"),
        ("@worst", "@worst: no such file"),
    ],
)
def test_an_unknown_variant_names_the_known_ones(where, said):
    with pytest.raises(InputError, match=said.replace("?", r"\?")):
        load_device(where)


@given(st.text(max_size=20))
def test_a_name_is_split_at_its_last_mark_or_not_at_all(text):
    before, variant = split_variant(text)
    assert text == (before if variant is None else f"{before}@{variant}")
    assert variant is None or ("@" not in variant and before)


def test_variants_are_listed_shown_and_checked():
    rows = {line.split()[0]: line for line in list_devices().splitlines()[1:-2]}
    assert "best, worst" in rows["tlc"] and "best" not in rows["tlc-2y"]
    assert "variants: @best, @worst, @layers, @soft" in show_device("tlc").splitlines()
    assert json.loads(show_device("tlc@worst", fmt="json"))["variants"] == ["best", "worst", "layers", "soft"]
    text = check_device("mlc")
    assert "mlc@best: a valid variant" in text and text.count("misses its UBER target") == 3
    assert "variant" not in check_device("mlc@best")


def test_a_variant_stands_wherever_a_device_is_named(part, capsys):
    for command in ("devices compare part.yaml part.yaml@slow", "timing tlc@worst", "layout tlc@best"):
        assert main(command.split()) == 0
    assert "tlc@worst at worn" in capsys.readouterr().out
    assert main(["devices", "plot", "tlc@worst", "--out", "figure"]) == 0
    assert json.loads((part / "figure" / "device.json").read_text())["device"] == "tlc@worst"


def test_a_study_takes_variants_beside_its_file_and_bundled(part):
    text = "title: t\ngrid: {device: [part.yaml@slow, tlc@worst], scheme: [raw], model: mnist-cnn}\n"
    found = read_study(text, name="s", label="s.yaml", folder=part.parent / part.name)
    slow, worst = dict.fromkeys(point.device for point in found.points)
    assert load_device(slow).timing.bus_mt_s == 400 and worst == "tlc@worst"


def test_every_profile_with_ranges_has_both_ends():
    assert all(variant_names(name)[:2] == ["best", "worst"] for name in RANGED)


@pytest.mark.parametrize("name", RANGED)
def test_the_page_of_devices_tells_what_each_variant_changes_and_what_comes_of_it(name):
    base, page = load_device(name), (ROOT / "docs" / "devices.md").read_text()
    for variant in (load_device(f"{name}@{one}") for one in variant_names(name)):
        (told,) = re.findall(rf"^- `{variant.name}`: (.*)$", page, re.M)
        changed = differences([base, variant])
        assert [part.partition(" ")[0] for part in told.split("; ")] == list(changed)
        assert all(" → " in part for part in told.split("; "))
        rber = device_rates(variant, variant.condition()).mean
        speeds = mode_timings(variant, variant.condition(), modes=("ecc", "bypass")).values()
        through, past = (f"{one.read_bandwidth_mb_s:,.0f}" for one in speeds)
        assert f"| {variant.name} | {rber:.1e} | meets | {through} | {past} |" in page


@pytest.mark.parametrize("name", RANGED)
def test_the_ends_differ_and_change_neither_geometry_nor_page(name):
    best, base, worst = (load_device(one) for one in (f"{name}@best", name, f"{name}@worst"))
    assert differences([best, worst])
    for one in (best, worst):
        assert (one.geometry, one.page, one.cell) == (base.geometry, base.page, base.cell)


@pytest.mark.parametrize("name", RANGED)
def test_the_worst_end_is_nowhere_better_and_the_part_lies_between(name):
    ends = [load_device(one) for one in (f"{name}@best", name, f"{name}@worst")]
    for age, condition in ends[1].conditions.items():
        by_name = [device_rates(device, device.conditions[age]).array for device in ends]
        at_one_age = [device_rates(device, condition).array for device in ends]
        for rates in (by_name, at_one_age):
            assert all((better <= worse).all() for better, worse in pairwise(rates)), age
    slow = [(*device.timing.read_us, device.timing.program_us, device.timing.erase_us) for device in ends]
    assert all(x <= y for better, worse in pairwise(slow) for x, y in zip(better, worse, strict=True))
    modes = [mode_timings(device, device.conditions["fresh"]) for device in ends]  # read once each: quick and exact
    for mode in modes[0]:
        best, middle, worst = (found[mode].read_bandwidth_mb_s for found in modes)
        assert best >= middle * 0.999 and middle >= worst * 0.999


def test_the_worst_qlc_is_read_again_and_yet_meets_its_target():
    worn = {age.condition.name: age for age in ages(load_device("qlc@worst"))}["worn"]
    assert worn.retried == 1 and worn.verdict == "meets"


def test_schema_refuses_what_the_check_refuses():
    valid = jsonschema.Draft202012Validator(device_schema()).is_valid
    assert valid({"extends": "tlc@worst", "variants": {"own": {"timing": {"bus_mt_s": 5}}}})
    for wrong in (
        {"own": {"timing": {"bus_mt_s": -5}}},
        {"own": {"name": "x"}},
        {"own": {"extends": "tlc"}},
        {"own": {}},
        {"o w n": {"timing": {}}},
        [1],
    ):
        assert not valid({"extends": "tlc", "variants": wrong})


def test_a_part_without_variants_is_the_one_it_was(part):
    (part / "bare.yaml").write_text(BASE.partition("variants:")[0])
    bare, full = load_device("bare.yaml"), load_device("part.yaml")
    assert replace(bare, sources={}) == replace(full, sources={})
