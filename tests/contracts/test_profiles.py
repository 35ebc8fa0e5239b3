"""What every bundled device profile and each of its variants keep to."""

import json
import pickle

import pytest

from nvmsim.cli_devices import show_device
from nvmsim.device.ages import ages
from nvmsim.device.ecc import final_uber
from nvmsim.device.parts import ASSUMPTION
from nvmsim.device.profile import device_names, find_variant, load_device, variant_names
from nvmsim.device.rber import device_rates
from nvmsim.device.resolve import leaves, plain
from nvmsim.device.show import mark
from nvmsim.resources import bundled

NAMES = device_names()
EVERY = [*NAMES, *(f"{name}@{variant}" for name in NAMES for variant in variant_names(name))]
AGES = ("fresh", "mid", "worn", "beyond")


@pytest.fixture(params=EVERY)
def device(request):
    return load_device(request.param)


def test_the_named_profiles_are_bundled():
    assert {"slc", "mlc", "tlc", "tlc-2y", "qlc"} <= set(NAMES)


def test_every_value_has_a_source_of_its_own_or_its_section(device):
    missing = [key for key in leaves(device) if device.source(key).endswith(("no source given", ": default"))]
    assert missing == []


def test_every_source_is_marked_or_called_an_assumption(device):
    unmarked = [key for key in leaves(device) if mark(device.source(key)) not in "VSCA"]
    assert unmarked == []
    assert all(text.startswith(f"{ASSUMPTION}: ") for text in device.sources.values() if ASSUMPTION in text)


def test_it_has_the_four_ages_and_worn_is_not_younger_than_mid(device):
    assert tuple(device.conditions) == AGES
    means = [device_rates(device, device.conditions[name]).mean for name in AGES]
    assert means == sorted(means)


def test_worn_meets_its_uber_target(device):
    uber = final_uber(device, device_rates(device, device.condition("worn")))
    assert 0 <= uber <= device.ecc.uber_target
    assert {age.condition.name: age.verdict for age in ages(device)}["worn"] == "meets"


def test_no_age_leaves_the_range_of_the_error_model(device):
    assert {age.condition.name: age.rates.warnings for age in ages(device)} == dict.fromkeys(AGES, ())


def test_it_is_named_like_its_file_and_survives_pickling(device):
    path, variant = find_variant(device.name)
    assert path.parent == bundled("devices")
    assert device.name == path.stem if variant is None else device.name == f"{path.stem}@{variant}"
    assert pickle.loads(pickle.dumps(device)) == device


def test_the_resolved_profile_loads_again_as_the_same_device(device, tmp_path):
    path = tmp_path / "again.yaml"
    path.write_text(json.dumps(json.loads(show_device(device.name, fmt="json"))["profile"]))
    again = load_device(path)
    assert plain(again) == plain(device)
    assert (again.timing, again.ecc, again.conditions) == (device.timing, device.ecc, device.conditions)


def test_the_factors_of_page_types_leave_the_mean_as_it_is(device):
    factors = device.rber.get("page_type_factors", {"all": 1.0})
    assert sum(factors.values()) / len(factors) == pytest.approx(1, abs=1e-3)


def test_the_parity_of_a_bch_code_is_what_t_takes(device):
    """``parity_bytes`` of a BCH code is m bits for each corrected one, in GF(2^m) that holds the codeword."""
    ecc = device.ecc
    t = ecc.t if ecc.code == "bch" else 0
    m = next(m for m in range(3, 20) if 2**m - 1 >= 8 * ecc.codeword_bytes + m * t)
    assert t == 0 or ecc.parity_bytes == -(-m * t // 8)
