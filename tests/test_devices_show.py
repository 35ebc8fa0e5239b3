"""``nvmsim devices``: listing, showing and checking profiles."""

import json

import pytest

from nvmsim.cli_devices import check_device, list_devices, show_device
from nvmsim.device.profile import device_names, load_device
from nvmsim.device.rber import device_rates
from nvmsim.errors import InputError

LEAST = "{cell: {bits: 1}, ecc: {code: none}, rber: {model: constant, rber: 1.0e-3}, conditions: {fresh: {}}}"


@pytest.fixture
def least(tmp_path):
    path = tmp_path / "least.yaml"
    path.write_text(LEAST)
    return path


def row(text, start):
    return next(line for line in text.splitlines() if line.strip().startswith(start))


def test_the_list_names_every_profile_with_its_cell():
    assert [line.split()[0] for line in list_devices().splitlines()[1:-2]] == device_names()
    assert row(list_devices(), "qlc").split()[1] == "4"


@pytest.mark.parametrize("name", device_names())
def test_the_text_fits_100_columns(name):
    assert max(map(len, show_device(name).splitlines())) <= 100


def test_values_stand_with_unit_mark_and_source():
    line = row(show_device("tlc"), "bus_mt_s")
    assert line.split()[1:4] == ["1600", "MT/s", "V"]
    assert "SK hynix" in line
    assert row(show_device("tlc"), "spare_bytes").split()[3] == "A"


def test_a_set_value_is_marked_as_the_users():
    text = show_device("tlc", ["timing.bus_mt_s=2400", "timing.read_us.csb=50"])
    assert row(text, "bus_mt_s").split()[1:4] == ["2400", "MT/s", "U"]
    assert row(text, "read_us").split()[1:8] == ["37", "/", "50", "/", "37", "us", "U"]


def test_the_table_shows_the_rber_of_each_page_type_and_the_verdict():
    device = load_device("mlc")
    cells = row(show_device("mlc"), "beyond  ").split()
    rates = device_rates(device, device.condition("beyond"))
    assert [float(cell) for cell in cells[5:8]] == pytest.approx([*rates.array.mean(axis=1), rates.mean], rel=1e-2)
    assert cells[-1] == "FAILS"


def test_rates_by_stored_bit_are_shown_where_they_differ():
    assert "where 1 is stored" in show_device("tlc-2y")
    assert "where 1 is stored" not in show_device("tlc")


def test_json_gives_rates_sources_and_verdicts():
    data = json.loads(show_device("tlc-2y", fmt="json"))
    worn = data["ages"]["worn"]
    device = load_device("tlc-2y")
    assert worn["rber"]["csb"]["stored_1"] == device_rates(device, device.condition("worn")).by_page_type[1][1]
    assert (worn["verdict"], worn["uber_target"]) == ("meets", 1e-15)
    assert data["sources"]["rber.states"].startswith("Cai et al.")
    assert "page.spare_bytes" in data["assumptions"] and "rber.states" not in data["assumptions"]


def test_a_device_without_ecc_has_no_uber(least):
    assert row(show_device(least), "fresh").split()[-3:] == ["-", "no", "ECC"]
    assert json.loads(show_device(least, fmt="json"))["ages"]["fresh"]["uber"] is None


def test_check_names_what_to_know_of_a_valid_profile(least):
    assert "note: condition beyond: misses its UBER target" in check_device("mlc")
    assert "note: condition beyond: misses" not in check_device("mlc@best", ["ecc.uber_target=0.1"])
    text = check_device(least)
    assert text.startswith(f"{least}: a valid profile")
    assert "no condition worn" in text


def test_check_says_everything_that_is_wrong(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(LEAST.replace("bits: 1", "bits: 7").replace("code: none", "code: nome"))
    with pytest.raises(InputError) as caught:
        check_device(path)
    assert len(caught.value.problems) == 2


def test_an_unknown_format_is_named():
    with pytest.raises(InputError, match="table, json"):
        show_device("tlc", fmt="xml")


def test_the_capacity_is_told_of_small_and_large_devices():
    assert "capacity: 1.074 GB of user bytes in 1,048,576 pages" in show_device("stt-mram")
    assert "capacity: 13,744 GB of user bytes in" in show_device("qlc", ["geometry.channels=32"])
