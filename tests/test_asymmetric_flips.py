"""Errors that strike stored ones more often than zeros, beside any error model."""

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_device import write_profile

from nvmsim.cli import main
from nvmsim.device.ecc import final_uber
from nvmsim.device.error_kinds import error_kinds
from nvmsim.device.json_schema import device_schema
from nvmsim.device.profile import device_names, load_device
from nvmsim.device.rber import device_rates
from nvmsim.errors import InputError
from nvmsim.study.question import choose_rates


@pytest.mark.parametrize("name", device_names())
@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
def test_the_mean_stays_and_ones_have_their_share(name, fraction):
    given, other = load_device(name), load_device(name, [f"rber.stored_one_fraction={fraction}"])
    for age in given.conditions.values():
        before, after = device_rates(given, age), device_rates(other, age)
        assert after.array.mean(axis=1) == pytest.approx(before.array.mean(axis=1), rel=1e-12)
        assert after.array[:, 1] == pytest.approx(fraction * after.array.sum(axis=1), rel=1e-12)
        for one, same in zip(after.retries, before.retries, strict=True):
            assert np.mean(one, axis=1) == pytest.approx(np.mean(same, axis=1), rel=1e-12)
            assert np.array(one)[:, 1] == pytest.approx(fraction * np.sum(one, axis=1), rel=1e-12)
        assert final_uber(other, after) == pytest.approx(final_uber(given, before), rel=1e-9)  # data are scrambled
        kinds, same = error_kinds(other, age), error_kinds(given, age)
        assert kinds.written + kinds.retained == pytest.approx(same.written + same.retained)


@given(rber=st.floats(1e-12, 0.25), fraction=st.floats(0, 1))
def test_it_is_what_the_constant_model_says_of_each_bit(rber, fraction):
    shared = load_device("slc", [f"rber={{model: constant, rber: {rber!r}, stored_one_fraction: {fraction!r}}}"])
    zero, one = 2 * rber * (1 - fraction), 2 * rber * fraction
    each = load_device("slc", [f"rber={{model: constant, rber_stored_0: {zero!r}, rber_stored_1: {one!r}}}"])
    found, wanted = (device_rates(device, device.condition()).array for device in (shared, each))
    assert found == pytest.approx(wanted, rel=1e-12, abs=1e-300)


def test_a_share_beyond_half_of_the_bits_is_cut_with_a_warning():
    device = load_device("slc", ["rber={model: constant, rber: 0.4, stored_one_fraction: 1}"])
    rates = device_rates(device, device.condition())
    assert rates.by_page_type == ((0.0, 0.5),)
    assert any("0.8 is cut to 0.5" in warning for warning in rates.warnings)


def test_null_takes_it_away_and_what_is_no_share_is_refused(tmp_path):
    path = write_profile(tmp_path, "{model: constant, rber: 1.0e-3, stored_one_fraction: 0.9}")
    own = tmp_path / "own.yaml"
    own.write_text(f"extends: {path}\nrber: {{stored_one_fraction: null, per_read_fraction: null}}\n")
    device = load_device(own)
    assert device_rates(device, device.condition()).by_page_type == ((1e-3, 1e-3),)
    assert "stored_one_fraction" not in device.rber
    with pytest.raises(
        InputError, match=r"rber\.stored_one_fraction: 1\.5: must be a number of at least 0 and at most 1"
    ):
        load_device("slc", ["rber.stored_one_fraction=1.5"])


def test_an_rber_given_leaves_it_out_and_says_so():
    device = load_device("slc", ["rber.stored_one_fraction=0"])
    rates = choose_rates(device, device.condition(), rber=1e-3)
    assert rates.by_page_type == ((1e-3, 1e-3),)
    assert "rber.stored_one_fraction of the profile left out" in rates.warnings[0]


def test_the_table_of_a_device_shows_both_bits(capsys):
    assert main(["devices", "show", "pcm", "--set", "rber.stored_one_fraction=0.9"]) == 0
    shown = capsys.readouterr().out
    assert "RBER where 0 is stored / where 1 is stored" in shown and "stored_one_fraction" in shown
    assert "2.00e-10 / 1.80e-9" in shown


# --- the schema for editors ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rber_schema():
    return jsonschema.Draft202012Validator(device_schema()["properties"]["rber"])


@pytest.mark.parametrize(
    ("section", "valid"),
    [
        ({"model": "power_law", "epsilon": 1e-4, "stored_one_fraction": 0.7, "source": "a paper"}, True),
        ({"model": "power_law", "epsilonn": 1e-4}, False),
        ({"model": "table", "points": [], "stuck_at": None}, True),
        ({"model": "table", "epsilon": 1e-4}, False),
        ({"model": "drift", "reference_s": 1}, True),
        ({"model": "mine", "whatever": 1}, True),  # a plug-in's
        ({"epsilonn": 1e-4}, True),  # beside the model of an extended profile
        ({"model": "constant", "rber": 1e-3, "stored_one_fraction": 2}, False),
        ({"model": "constant", "rber": 1e-3, "stored_one_fraction": None}, True),
    ],
)
def test_the_schema_knows_the_keys_of_each_error_model(rber_schema, section, valid):
    assert rber_schema.is_valid(section) == valid
