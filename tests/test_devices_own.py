"""A profile of one's own: extending another one, starting from a template, comparing, and the schema for editors."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvmsim.cli import main
from nvmsim.device.ecc import make_ecc
from nvmsim.device.extends import merged
from nvmsim.device.json_schema import device_schema, kind_schema
from nvmsim.device.life import ecc_limits, life
from nvmsim.device.load import device_names, find_profile, load_device
from nvmsim.device.plain import parse, parse_file
from nvmsim.device.rber import device_rates
from nvmsim.device.resolve import leaves, plain
from nvmsim.device.schema import Text, Wrong
from nvmsim.device.sections import SECTIONS
from nvmsim.device.unread import unread
from nvmsim.errors import InputError
from nvmsim.report.devices_compare import differences, outcomes

KEYS = [(path, name, key) for path, table in SECTIONS.items() for name, key in table.items()]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_what_a_profile_says_takes_the_place_of_what_it_extends(here):
    text = (
        "extends: tlc\ntiming: {bus_mt_s: 2400, source: my sheet}\npage: {spare_bytes: 2048}\nrber: {alpha: 5.0e-10}\n"
    )
    mine = load_device(write(here, "mine.yaml", text))
    changed = {"timing.bus_mt_s": 2400.0, "page.spare_bytes": 2048, "rber.alpha": 5e-10}
    assert {key: row[1] for key, row in differences([load_device("tlc"), mine]).items()} == changed
    assert mine.name == "mine" and mine.source("timing.bus_mt_s") == "my sheet"
    assert "without a source in mine.yaml" in mine.source("page.spare_bytes").replace(f"{here}/", "")
    assert mine.source("page.user_bytes") == load_device("tlc").source("page.user_bytes")
    assert not mine.is_assumption("page.spare_bytes")


def test_another_error_model_replaces_the_section_and_null_takes_a_condition_away(here):
    text = "extends: tlc\nrber: {model: constant, rber: 1.0e-3}\nconditions: {beyond: null, own: {pe_cycles: 7}}\n"
    mine = load_device(write(here, "mine.yaml", text))
    assert dict(mine.rber) == {"model": "constant", "rber": 1e-3}
    assert list(mine.conditions) == ["fresh", "mid", "worn", "own"]
    assert mine.source("rber.rber").startswith("assumption")


def test_an_age_of_its_own_has_sources_of_its_own(here, capsys):
    write(here, "mine.yaml", "extends: tlc\nconditions: {worn: {pe_cycles: 77, retention_days: 5}}\n")
    assert main(["devices", "check", "mine.yaml"]) == 0
    said = capsys.readouterr().out
    assert "note: without a source: conditions.worn.pe_cycles, conditions.worn.retention_days\n" in said
    text = "extends: tlc\nconditions: {worn: {pe_cycles: 77, source: my sheet}}\n"
    mine, tlc = load_device(write(here, "said.yaml", text)), load_device("tlc")
    assert mine.source("conditions.worn.pe_cycles") == "my sheet"
    assert mine.source("conditions.worn.retention_days") == tlc.source("conditions.worn.retention_days")
    assert load_device("pcm-mlc").source("conditions.mid.retention_days").startswith("assumption: an hour")


def test_a_source_counts_in_any_section_of_the_error_model(here, capsys):
    text = "extends: tlc-2y\nrber: {read_retry: {steps: 4, source: my controller}}\n"
    mine = load_device(write(here, "mine.yaml", text))
    assert mine.source("rber.read_retry.steps") == "my controller"
    assert main(["devices", "check", "mine.yaml"]) == 0
    assert "without a source" not in capsys.readouterr().out


@pytest.mark.parametrize("taken", ["layer_variation", "stuck_at"])
def test_null_takes_away_what_an_error_model_has_beside_it(here, taken, validator):
    text = "extends: tlc@layers\nrber: {stuck_at: {fraction: 1.0e-4, value_one_fraction: 0.5}}\n"
    write(here, "both.yaml", text)
    path = write(here, "mine.yaml", f"extends: both.yaml\nrber: {{{taken}: null}}\n")
    mine, both = load_device(path), load_device("both.yaml")
    assert set(both.rber) - set(mine.rber) == {taken}
    assert [any(name.startswith(f"rber.{taken}.") for name in leaves(one)) for one in (both, mine)] == [True, False]
    assert load_device("both.yaml", [f"rber.{taken}=null"]).rber == mine.rber
    assert validator.is_valid(parse_file(path, "mine.yaml"))


def test_a_profile_may_extend_a_file_beside_it_that_extends_another(here):
    inner = here / "inner"
    inner.mkdir()
    write(inner, "a.yaml", "extends: mlc\necc: {engines: 3}\n")
    path = write(inner, "b.yaml", "extends: a.yaml\necc: {t: 24}\n")
    found = load_device(path)
    assert (found.ecc.engines, found.ecc.t, found.ecc.codeword_bytes) == (3, 24, 1024)
    assert load_device(path, ["ecc.t=12"]).ecc.t == 12


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("extends: tcl\n", "mine.yaml: extends: tcl: no such file or bundled profile, did you mean tlc?"),
        ("extends: mine.yaml\n", "mine.yaml: extends: mine.yaml: extends itself"),
        ("extends: [tlc]\n", "mine.yaml: extends: ['tlc']: must be the name or the path"),
        ("extends: bare.yaml\n", "mine.yaml: extends: bare.yaml: is no profile, it holds [1]"),
        ("extends: tlc\necc: {tt: 4}\n", "mine.yaml: ecc.tt: unknown key"),
        ("extends: tlc\ntiming: 4\n", "mine.yaml: timing: 4: must be a mapping"),
    ],
)
def test_what_is_wrong_with_extending_is_said(here, capsys, text, said):
    write(here, "mine.yaml", text)
    write(here, "bare.yaml", "[1]")
    assert main(["devices", "check", "mine.yaml"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", device_names())
def test_a_new_profile_equals_the_one_it_extends_and_again_with_every_line_in_force(here, name, capsys):
    assert main(["devices", "new", "own", "--from", name]) == 0
    capsys.readouterr()
    base = load_device(name)
    own = load_device("own.yaml")
    assert leaves(own) == leaves(base)
    text = (here / "own.yaml").read_text()
    head, _, rest = text.partition("\n\n")
    write(here, "all.yaml", head + "\n\n" + "\n".join(line.removeprefix("# ") for line in rest.splitlines()) + "\n")
    assert leaves(load_device("all.yaml")) == leaves(base)


def test_a_new_profile_is_never_written_over_a_file(here, capsys):
    write(here, "own.yaml", "precious")
    assert main(["devices", "new", "own"]) == 2
    assert "own.yaml: File exists" in capsys.readouterr().err
    assert (here / "own.yaml").read_text() == "precious"
    assert main(["devices", "new", "a/b"]) == 2
    assert main(["devices", "new", "own", "--from", "tcl"]) == 2
    assert main(["devices", "new", "own", "--out", "deep/er.yaml"]) == 0


def test_comparing_shows_what_differs_and_what_comes_of_it(capsys):
    assert main(["devices", "compare", "tlc", "qlc"]) == 0
    out = capsys.readouterr().out
    assert "timing.bus_mt_s" in out and "1600 MT/s [V]" in out and "ecc.decode_latency_us" not in out
    assert main(["devices", "compare", "tlc", "qlc", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["differences"]["cell.bits"] == [3, 4]
    assert found["outcomes"]["UBER target, worn"] == ["meets", "meets"]
    assert main(["devices", "compare", "tlc"]) == 2
    assert main(["devices", "compare", "tlc", "nowhere.yaml", "elsewhere.yaml"]) == 2
    err = capsys.readouterr().err
    assert "nowhere.yaml" in err and "elsewhere.yaml" in err


def test_outcomes_are_those_of_the_timing_command(capsys):
    device = load_device("mlc")
    assert main(["timing", "mlc", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = outcomes([device])
    for mode in ("ecc", "bypass", "reclaim"):
        assert found[f"MB/s, {mode}"] == (round(told[mode]["read_bandwidth_mb_s"], 1),)


@pytest.fixture(scope="module")
def validator():
    schema = device_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_command_prints_the_schema(capsys):
    assert main(["schema", "device"]) == 0
    assert json.loads(capsys.readouterr().out) == device_schema()


@pytest.mark.parametrize("name", device_names())
def test_bundled_profiles_fit_the_schema(validator, name):
    validator.validate(parse_file(find_profile(name), name))
    validator.validate(json.loads(json.dumps(plain(load_device(name)))))


def test_a_profile_that_extends_needs_nothing_else(validator):
    validator.validate({"extends": "tlc"})
    assert not validator.is_valid({"name": "x"})


@pytest.mark.parametrize(("path", "name", "key"), KEYS, ids=[f"{path}.{name}" for path, name, _ in KEYS])
def test_the_schema_and_the_check_refuse_the_same_values(path, name, key):
    one = jsonschema.Draft202012Validator(kind_schema(key.kind))
    values = [0, 1, 0.5, 3, 7, True, None, "x", "fair", "2-3-2", [], {"lsb": 1}, {"own": 1}, {"lsb": -1}]
    values += [] if isinstance(key.kind, Text) else [-1, 1e12, 1e40]
    for value in values:
        assert one.is_valid(value) == _read(key, value), (value, kind_schema(key.kind))


def _read(key, value):
    try:
        key.kind.read(value)
    except Wrong:
        return False
    return set(value) <= {"lsb", "csb", "msb", "tsb"} if isinstance(value, dict) else True


@given(st.dictionaries(st.sampled_from(["t", "engines", "code", "retry", "source"]), st.integers(0, 9)))
def test_merging_nothing_changes_nothing_and_merging_twice_is_merging_once(own):
    own = {key: {"max": value} if key == "retry" else value for key, value in own.items()}
    own |= {"source": "my sheet"} if "source" in own else {}
    base, problems = parse(find_profile("mlc").read_text())
    assert not problems
    without = {key: value for key, value in base.items() if key != "name"}
    assert merged(base, {}, "x") == without
    once = merged(base, {"ecc": own}, "x")
    assert merged(once, {"ecc": own}, "x") == once


def test_a_base_that_cannot_be_read_is_named(here):
    path = write(here, "mine.yaml", "extends: broken.yaml\n")
    write(here, "broken.yaml", "a: [")
    with pytest.raises(InputError, match=r"broken\.yaml: line"):
        load_device(path)


@pytest.mark.parametrize("name", ["mlc", "slc", "tlc"])
def test_the_limit_is_where_uber_meets_its_target(name):
    device = load_device(name)
    first, *_ = ecc_limits(device)
    uber = make_ecc(device.ecc).uber
    assert uber(first * 0.999) < device.ecc.uber_target < uber(first * 1.001)


def test_a_life_passes_through_the_named_ages():
    device = load_device("qlc")
    wear, time = life(device, "worn")
    worn = device.condition("worn")
    expected = device_rates(device, worn).array.mean(axis=1)
    place = list(wear.values).index(1000.0) if 1000.0 in wear.values else None
    assert place is not None
    assert wear.rber[place] == pytest.approx(expected)
    beyond = replace(worn, retention_days=365.0)
    assert time.rber[-1] == pytest.approx(device_rates(device, beyond).array.mean(axis=1))


@pytest.mark.parametrize("name", device_names())
def test_every_profile_has_a_figure_with_its_data(name, here, capsys):
    assert main(["devices", "plot", name, "--out", "figures"]) == 0
    svg = (here / "figures" / "device.svg").read_text()
    assert "<title" in svg and "RBER" in svg and "$" not in svg
    rows = (here / "figures" / "device.csv").read_text().splitlines()
    steps = sum(len(curve.values) for curve in life(load_device(name)))
    assert rows[0].startswith("quantity,value,lsb") and len(rows) == 1 + steps >= 1 + 2 * 61
    assert json.loads((here / "figures" / "device.json").read_text())["device"] == name


def test_a_name_that_a_bundled_profile_has_is_told_apart(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["devices", "new", "tlc", "--from", "mlc"]) == 0
    assert "note: tlc alone still means the bundled profile" in capsys.readouterr().out
    assert load_device("tlc").cell.bits == 3 and load_device("tlc.yaml").cell.bits == 2
    assert main(["devices", "new", "mine", "--from", "mlc"]) == 0
    assert "note" not in capsys.readouterr().out


def test_a_profile_is_checked_with_settings(capsys):
    assert main(["devices", "check", "tlc", "--set", "ecc.limit_rber=0.34"]) == 2
    assert "tlc with --set ecc.limit_rber: ecc.waterfall_decades" in capsys.readouterr().err
    assert (
        main(["devices", "check", "tlc", "--set", "ecc.limit_rber=0.014"]) == 0
    )  # above that of tlc@soft's soft reads
    assert main(["devices", "check", "qlc", "--set", "rber.points=[{pe_cycles: 1}]"]) == 2
    assert "--set: rber.points[0].rber: missing" in capsys.readouterr().err


def test_what_a_file_or_a_setting_says_to_nobody_is_noted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("extends: mlc\necc: {limit_rber: 5.0e-3, t: 36}\ncell: {gray_code: 2-1}\n")
    assert main(["devices", "check", "a.yaml"]) == 0
    said = capsys.readouterr().out
    assert "note: ecc.limit_rber: 0.005: code bch does not read it" in said and "ecc.t:" not in said
    assert "note: cell.gray_code: 2-1: the error model power_law does not read it; timing.read_us and" in said
    Path("b.yaml").write_text("extends: mlc\necc: {code: none, engines: 2}\n")
    for arguments, note in {
        ("tlc", "--set", "ecc.t=40"): "note: ecc.t: 40: code ldpc does not read it",
        ("b.yaml",): "note: ecc.engines: code none reads no such thing",
    }.items():
        assert main(["devices", "check", *arguments]) == 0
        assert note in (said := capsys.readouterr().out) and "gray" not in said
    limit, grows = "ecc.decode_growth_limit=20", "ecc.soft.decode_growth_per_error=0.05"
    soft, off = "ecc.soft.decode_growth_limit=20", "ecc.soft.decode_growth_per_error=0"
    for settings, noted in {
        (limit,): ["ecc"],
        (limit, "ecc.decode_growth_per_error=0.05"): [],
        (limit, grows): [],  # soft reads take it
        (limit, grows, soft): ["ecc"],
        (soft, off, "ecc.decode_growth_per_error=0.05"): ["ecc.soft"],
        (soft, "ecc.decode_growth_per_error=0.05"): [],  # soft reads take the growth
    }.items():
        told = unread("tlc@soft", settings, load_device("tlc@soft", settings))
        assert told == [f"{at}.decode_growth_limit: 20: limits nothing without decode_growth_per_error" for at in noted]
    Path("v.yaml").write_text(VARIANTS)
    for name, keys in {"a": ["ecc.t"], "b": ["ecc.t", "cell.gray_code"], "c": ["ecc.limit_rber"]}.items():
        told = unread(f"v.yaml@{name}", (), load_device(f"v.yaml@{name}"))
        assert [note.partition(":")[0] for note in told] == keys
    assert unread("tlc@decoder", (), load_device("tlc@decoder")) == []
    for quiet in ("tlc", "mlc", "pcm-mlc"):
        assert main(["devices", "check", quiet]) == 0
        assert "not read" not in capsys.readouterr().out


VARIANTS = """
extends: tlc
ecc: {t: 4, limit_rber: 8.0e-3}
variants:
  a: {timing: {bus_mt_s: 533}}
  b: {cell: {gray_code: 1-2-4}}
  c: {ecc: {code: bch, parity_bytes: 512}}
"""
