"""Loading device profiles: what is accepted, what is refused and how, settings, and fuzzing."""

import string
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nvmsim.device.plain import MOST_BYTES, MOST_DEEP, parse
from nvmsim.device.profile import Condition, Device, Retry, device_names, load_device
from nvmsim.device.show import as_json, as_text
from nvmsim.errors import InputError
from nvmsim.resources import bundled

LEAST = {
    "cell": {"bits": 1},
    "page": {"spare_bytes": 0},
    "ecc": {"code": "none"},
    "rber": {"model": "constant", "rber": 1.0e-3},
    "conditions": {"fresh": {}},
}


@pytest.fixture
def load(tmp_path):
    def write_and_load(content, *settings):
        path = tmp_path / "dev.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_device(path, settings)

    return write_and_load


def problems_of(action, *arguments):
    with pytest.raises(InputError) as caught:
        action(*arguments)
    return list(caught.value.problems)


def one_problem(action, *arguments):
    (problem,) = problems_of(action, *arguments)
    return problem


# --- what is accepted ------------------------------------------------------------------------------------------


def test_the_least_profile_is_valid_and_its_defaults_are_assumptions(load):
    device = load(yaml.safe_dump(LEAST))
    assert device.conditions == {"fresh": Condition("fresh", 0, 0, 40, 0)}
    assert (device.name, device.page_types, device.ecc.retry, device.host.bandwidth_gb_s) == (
        "dev",
        ("lsb",),
        Retry(0, 1.0),
        None,
    )
    assert device.source("timing.bus_mt_s") == "assumption: default"
    assert device.is_assumption("timing.bus_mt_s") and device.is_assumption("geometry")


def test_a_bundled_profile_is_found_by_name_by_path_and_from_any_folder(tmp_path, monkeypatch):
    by_name = load_device("tlc")
    monkeypatch.chdir(tmp_path)
    assert (
        load_device("tlc") == load_device("devices/tlc.yaml") == load_device(bundled("devices") / "tlc.yaml") == by_name
    )


def test_a_file_of_ones_own_wins_over_the_bundled_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "tlc.yaml").write_text(yaml.safe_dump({**LEAST, "name": "mine"}))
    assert load_device("devices/tlc.yaml").name == "mine"


def test_one_read_time_holds_for_all_page_types(load):
    device = load(yaml.safe_dump({**LEAST, "cell": {"bits": 2}, "timing": {"read_us": 50}}))
    assert device.timing.read_us == (50.0, 50.0)


@pytest.mark.parametrize("text", ["1e-3", "1.0e-3", '"1e-3"', "0.001", "1E-3", "+.001"])
def test_numbers_are_read_however_they_are_written(load, text):
    device = load(yaml.safe_dump(LEAST).replace("spare_bytes: 0", f"spare_bytes: 0\ntiming: {{command_us: {text}}}"))
    assert device.timing.command_us == 1e-3


@pytest.mark.parametrize(
    ("text", "value"), [("010", 10), ("1:30", "1:30"), ("no", "no"), ("2020-01-01", "2020-01-01"), ("1_000", "1_000")]
)
def test_scalars_that_yaml_1_1_would_bend_stay_as_written(text, value):
    assert parse(text) == (value, [])


def test_sources_are_found_by_key_then_section():
    device = load_device("tlc")
    assert device.source("rber.epsilon").startswith("72-layer TLC")
    assert device.source("rber.valid_range.pe_cycles") == device.source("rber.valid_range")
    assert not device.is_assumption("rber.epsilon") and device.is_assumption("rber.page_type_factors")


def test_an_unknown_condition_names_the_known_ones():
    assert "did you mean worn" in one_problem(load_device("tlc").condition, "wron")


# --- what is refused -------------------------------------------------------------------------------------------

WRONG = [
    ("geometry.planes_per_die=0", "0: must be a whole number from 1"),
    ("geometry.channels=2.5", "2.5: must be a whole number"),
    ("geometry.channels=true", "true: must be a whole number"),
    ("timing.program_us=-1", "-1: must be a number from 0"),
    ("timing.bus_mt_s=0", "0: must be a number from 0.001 to 1e9"),
    ("timing.bus_mt_s=.inf", "inf: must be a number from 0.001 to 1e9"),
    ("timing.bus_mt_s=.nan", "nan: must be a number from 0.001 to 1e9"),
    ("timing.bus_mt_s=1e999", "inf: must be a number from 0.001 to 1e9"),
    ("timing.bus_mt_s=fast", "'fast': must be a number from 0.001 to 1e9"),
    ("timing.bus_mt_s=", "null: must be a number from 0.001 to 1e9"),
    ("timing.read_us={lsb: 37, msb: 37}", "exactly lsb, csb, msb"),
    ("timing.read_us={lsb: 37, csb: 1, msb: -3}", "timing.read_us.msb: -3: must be a number from 0"),
    ("timing.read_us.tsb=3", "exactly lsb, csb, msb"),
    ("timing.read_us.csb=-3", "--set: timing.read_us.csb: -3: must be a number from 0 to 1e9"),
    ("timing.read_us=-3", "--set: timing.read_us: -3: must be a number from 0 to 1e9, or a mapping"),
    ("timing.arbitration=first", "one of fair, data_out_first"),
    ("timing.cache_read=yes", "'yes': must be true or false"),
    ("timing=5", "5: must be a mapping"),
    ("cell.bits=5", "5: must be a whole number from 1 to 4"),
    ("cell.gray_code=2-2-2", "7 in all"),
    ("cell.gray_code=3-4", "3 page types"),
    ("cell.gray_code=1-1-5", "'1-1-5': must be a code in which any n page types have at least 2^n - 1 boundaries"),
    ("page.user_bytes=2048", "tlc with --set page.user_bytes: ecc.codeword_bytes: 4096: must be at most page.user_by"),
    (f"name={'a' * 61}", "letters, digits and any of _ . + @ -, at most 60 characters"),
    (f"description={'a' * 201}", "must be one line of text, at most 200 characters"),
    ("page.metadata_bytes=3000", "at most page.spare_bytes, 2208"),
    ("page.metadata_bytes=1000", "ecc.parity_bytes: 512: must be at most 302"),
    ("ecc.parity_bytes=800", "at most 552"),
    ("ecc.codeword_bytes=null", "missing: must be a number for code ldpc"),
    ("ecc.limit_rber=null", "missing: must be a number for code ldpc"),
    ("ecc.limit_rber=0.7", "0.7: must be a number above 0 to 0.5"),
    ("ecc.code=bhc", "did you mean bch"),
    ("ecc.code=bch", "ecc.t: missing"),
    ("ecc.waterfall_decades=0.001", "--set: ecc.waterfall_decades: 0.001: must be wider"),
    ("ecc.waterfall_decades=2", "2: must be at most 1.7958 with limit_rber 0.008, or that at most 0.0049997 with this"),
    ("ecc.limit_rber=0.49", "--set: ecc.limit_rber: 0.49: must be lower: with codewords of 36864 bits no waterfall"),
    ("ecc.limit_rber=0.34", "tlc with --set ecc.limit_rber: ecc.waterfall_decades: 0.17: must be at most 0.16748 with"),
    (
        "ecc.limit_rber=1e-27",
        "--set: ecc.limit_rber: 1e-27: must be higher, or uber_target 1e-15 lower: too few codewords",
    ),
    ("ecc.uber_target=1", "--set: ecc.uber_target: 1: must be at most 1.5255e-05: beyond, half of the codewords"),
    ("ecc.uber_target=1e-30", "tlc with --set ecc.uber_target: ecc.waterfall_decades: 0.17: must be wider"),
    ("ecc.code=ldpc-table", "tlc with --set ecc.code: ecc.table: missing: must be a name for code ldpc-table"),
    ("rber.model=drift", "tlc with --set rber.model: rber.mean_log10_ohm: missing; must be a list of 8 numbers"),
    ("ecc.soft={limit_rber: 0.34}", "--set: ecc.soft.waterfall_decades: 0.17: must be at most 0.16748 with limit_rber"),
    ("rber.page_type_factors={lsb: 1, csb: 1}", "--set: rber.page_type_factors.msb: missing; must be a number"),
    ("ecc.retry.max=-1", "-1: must be a whole number from 0"),
    ("ecc.uber_target=2", "2: must be a number from 1e-30 to 1"),
    ("rber.epsilon=-1", "--set: rber.epsilon: -1: must be"),
    ("rber={model: constant, rber: 2}", "--set: rber.rber: 2: must be"),
    ("rber={model: constnt}", "constnt"),
    ("rber=null", "must be the name of an error model"),
    ("conditions={}", "at least one named age"),
    ("conditions.worn.pe_cycles=-1", "-1: must be a number from 0"),
    ("conditions.worn=7", "7: must be a mapping"),
    ("ecc.codword_bytes=1", "unknown key, did you mean ecc.codeword_bytes?"),
    ("spare_bytes=1", "unknown key, did you mean page.spare_bytes?"),
    ("timing.source=[]", "text that says where"),
    ("timing.source={read: abc}", "timing.source.read: unknown key"),
    ("name=a/b", "letters, digits"),
    ("geometry.channels.x=1", "geometry.channels is one value here"),
    ("geometry.channels", "must be KEY.PATH=VALUE"),
    ("geometry..channels=1", "must be KEY.PATH=VALUE"),
    ("timing.read_us={lsb: 1, lsb: 2}", "twice"),
    ("timing.read_us={lsb: 1", "--set timing.read_us"),
]


@pytest.mark.parametrize(("setting", "expected"), WRONG, ids=[setting for setting, _ in WRONG])
def test_a_wrong_value_is_blamed_on_its_key_with_what_is_allowed(setting, expected):
    problems = problems_of(load_device, "tlc", [setting])
    assert any(expected in problem for problem in problems), problems
    assert any(setting.partition("=")[0].partition(".")[0] in problem for problem in problems)


def test_the_allowed_numbers_of_a_waterfall_that_is_too_wide_are_allowed():
    for allowed in ("ecc.limit_rber=0.33802", "ecc.uber_target=1.5255e-5", "ecc.waterfall_decades=1.7958"):
        load_device("tlc", [allowed])
    load_device("tlc", ["ecc.limit_rber=0.34", "ecc.waterfall_decades=0.16748"])
    tiny = problems_of(load_device, "tlc", ["ecc.limit_rber=1e-6", "ecc.uber_target=1e-3"])
    assert tiny[0].startswith("--set: ecc.uber_target: 0.001: must be at most 1.5255e-05")
    for beyond in ("ecc.limit_rber=0.3381", "ecc.uber_target=1.527e-5", "ecc.waterfall_decades=1.796"):
        problems_of(load_device, "tlc", [beyond])


def test_settings_are_named_in_what_the_file_alone_does_not_have_wrong(load):
    """One key is wrong in the file, one is set wrong, and one in the file is wrong only beside what is set."""
    text = yaml.safe_dump({**LEAST, "cell": {"bits": 1, "gray_code": "1"}, "geometry": {"channels": 0}})
    file, by_hand, beside = problems_of(load, text, "timing.bus_mt_s=-1", "cell.bits=2")
    assert file.endswith("dev.yaml: geometry.channels: 0: must be a whole number from 1 to 4096")
    assert by_hand.startswith("--set: timing.bus_mt_s: -1: must be")
    assert "dev.yaml with --set cell.bits: cell.gray_code: '1': must be" in beside
    two = problems_of(load, yaml.safe_dump(LEAST), "ecc={code: ldpc, codeword_bytes: 4096}", "page.spare_bytes=600")
    assert all(problem.startswith("--set: ecc.") for problem in two)


def test_a_problem_names_file_key_value_and_what_is_allowed(load):
    problem = one_problem(load, yaml.safe_dump({**LEAST, "geometry": {"planes_per_die": 0}}))
    assert problem.endswith("dev.yaml: geometry.planes_per_die: 0: must be a whole number from 1 to 4096")


def test_all_problems_are_told_at_once(load):
    bad = {
        **LEAST,
        "geometry": {"chanels": 8, "planes_per_die": 0},
        "timing": {"erase_us": -1},
        "page": {"spare_bytes": "x"},
    }
    bad["rber"] = {"model": "constant", "rber": 2}
    bad["conditions"] = {"fresh": {"retention_days": -1}}
    keys = [problem.split(": ")[1] for problem in problems_of(load, yaml.safe_dump(bad))]
    assert set(keys) == {
        "geometry.chanels",
        "geometry.planes_per_die",
        "timing.erase_us",
        "page.spare_bytes",
        "rber.rber",
        "conditions.fresh.retention_days",
    }


@pytest.mark.parametrize("section", ["cell", "ecc", "rber", "conditions"])
def test_a_section_without_a_default_must_be_there(load, section):
    problem = one_problem(load, yaml.safe_dump({key: value for key, value in LEAST.items() if key != section}))
    assert section in problem and "missing" in problem


BROKEN = {
    "empty": (b"", "is empty"),
    "a list": (b"- 1\n- 2\n", "must be a mapping"),
    "a word": (b"tlc", "must be a mapping"),
    "not UTF-8": (b"name: \xff\xfe\n", "not UTF-8"),
    "a tab": (b"cell:\n\tbits: 1\n", "line 2: tabs"),
    "a control character": (b"name: a\x00b\n", "not YAML"),
    "a duplicate key": (b"cell: {bits: 1}\ncell: {bits: 2}\n", "line 2: cell: this key is there twice"),
    "a key that is a list": (b"? [a]\n: 1\n", "a key must be text"),
    "an alias bomb": (b"a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "line 2: aliases are not allowed"),
    "an alias of itself": (b"a: &a [*a]\n", "aliases are not allowed"),
    "a tag": (b"a: !!python/object/apply:os.system [ls]\n", "tags are not allowed"),
    "deep nesting": (b"a: " + b"[" * 5000, f"nested more than {MOST_DEEP} deep"),
    "two documents": (b"a: 1\n---\nb: 2\n", "line 2"),
    "an open quote": (b'name: "abc\n', "line"),
    "far too large": (b"# " + b"x" * MOST_BYTES, "larger than 256 KiB"),
}


@pytest.mark.parametrize(("content", "expected"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_described(load, content, expected):
    assert expected in one_problem(load, content)


@pytest.mark.parametrize("where", ["tlcc", "no/such.yaml", "a\x00b", "x" * 5000, ".", "devices/nope.yaml"])
def test_a_profile_that_is_not_there_names_the_bundled_ones(where):
    problem = one_problem(load_device, where)
    assert all(name in problem for name in device_names())
    assert ("no such file" in problem) == (where != ".")


def test_spare_bytes_that_are_too_few_are_told_once():
    assert len(problems_of(load_device, "tlc", ["page.metadata_bytes=9000"])) == 1


def test_a_mistyped_name_gets_a_suggestion():
    assert "did you mean tlc" in one_problem(load_device, "tlcc")


# --- settings --------------------------------------------------------------------------------------------------


def test_settings_replace_values_and_their_sources():
    device = load_device("tlc", ["timing.bus_mt_s=2400", "ecc.retry.max=2", "timing.read_us={lsb: 1, csb: 2, msb: 3}"])
    assert (device.timing.bus_mt_s, device.ecc.retry.max, device.timing.read_us) == (2400.0, 2, (1.0, 2.0, 3.0))
    assert device.source("ecc.retry.max") == device.source("timing.read_us") == "set by the user"
    assert device.source("ecc.retry.rber_factor") == load_device("tlc").source("ecc.retry.rber_factor")


def test_the_last_of_two_settings_holds():
    assert load_device("tlc", ["geometry.channels=2", "geometry.channels=16"]).geometry.channels == 16


def test_settings_can_add_a_condition():
    device = load_device("tlc", ["conditions.mine.pe_cycles=1e3"])
    assert device.condition("mine") == Condition("mine", pe_cycles=1000)


def test_ecc_is_turned_off_by_one_setting():
    ecc = load_device("tlc", ["ecc.code=none"]).ecc
    assert (ecc.parity_bytes, ecc.retry.max, ecc.decode_latency_us, ecc.limit_rber) == (0, 0, 0, None)


def test_another_error_model_starts_with_no_parameters():
    device = load_device("tlc", ["rber.model=constant", "rber.rber=1e-4"])
    assert dict(device.rber) == {"model": "constant", "rber": 1e-4}
    assert device.source("rber.rber") == "set by the user"


# --- fuzzing: whatever comes in, only InputError comes out ------------------------------------------------------

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**400), 10**400), st.integers(-5, 5000), st.floats(), st.text(max_size=12)
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(string.ascii_lowercase, max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
TEXTS = {name: (bundled("devices") / f"{name}.yaml").read_text() for name in device_names()}
TREES_OF = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
QUICK = settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def paths(tree, path=()):
    """List the paths of all values of nested mappings and lists."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(inner for key, value in items for inner in paths(value, (*path, key)))]


def replaced(tree, path, value):
    """Return a copy of the tree with another value at the path."""
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = replaced(tree[path[0]], path[1:], value)
    return copy


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "dev.yaml"


def load_or_refuse(path: Path, content: bytes, given_settings=()):
    """Load and show the content; a refusal must name at least one problem, none of them huge."""
    path.write_bytes(content)
    try:
        device = load_device(path, given_settings)
        assert isinstance(device, Device) and as_text(device) and as_json(device)
    except InputError as error:
        assert error.problems and all(len(problem) < 2000 for problem in error.problems)


@QUICK
@given(data=st.data(), name=st.sampled_from(device_names()))
def test_any_value_anywhere_is_loaded_or_refused(scratch, data, name):
    path = data.draw(st.sampled_from(paths(TREES_OF[name])))
    tree = replaced(TREES_OF[name], path, data.draw(TREES))
    load_or_refuse(scratch, yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass"))


@QUICK
@given(
    data=st.data(),
    name=st.sampled_from(device_names()),
    junk=st.binary(max_size=8) | st.sampled_from([b"[", b"{", b"*a", b"\t", b": ", b"!!set "]),
)
def test_damaged_text_is_loaded_or_refused(scratch, data, name, junk):
    text = TEXTS[name].encode()
    start = data.draw(st.integers(0, len(text)))
    load_or_refuse(scratch, text[:start] + junk + text[start + data.draw(st.integers(0, 40)) :])


@QUICK
@given(content=st.binary(max_size=200))
def test_arbitrary_bytes_are_loaded_or_refused(scratch, content):
    load_or_refuse(scratch, content)


@QUICK
@given(data=st.data(), value=TREES.map(str) | st.text(max_size=20))
def test_any_setting_is_applied_or_refused(scratch, data, value):
    key = ".".join(map(str, data.draw(st.sampled_from(paths(TREES_OF["tlc"])))))
    load_or_refuse(
        scratch,
        TEXTS["tlc"].encode(),
        [f"{key}={value}", data.draw(st.text(max_size=10))][: data.draw(st.integers(1, 2))],
    )
