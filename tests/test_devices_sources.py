"""Numbers that profiles call computed are computed again; a part from a data sheet is ten lines and runs."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from nvmsim.cli import main
from nvmsim.device.profile import device_names, load_device, variant_names
from nvmsim.device.rber import device_rates
from nvmsim.device.resolve import leaves
from nvmsim.device.show import mark
from nvmsim.errors import InputError

SHEET = Path(__file__).parent / "examples" / "own_device.yaml"
EVERY = [one for name in device_names() for one in (name, *(f"{name}@{variant}" for variant in variant_names(name)))]
JW, QLC = (37, 46, 37), tuple(19 + 9 * boundaries for boundaries in (4, 4, 3, 4))
TYPES = ("lsb", "csb", "msb", "tsb")


def shared(mean, times):
    return tuple(float(round(mean * time / np.mean(times), 2)) for time in times)


def stack_gb(device):
    return device.geometry.pages * device.page.user_bytes / 1e9


def means_of_4(values):
    return [float(round(mean, 3)) for mean in np.reshape(values, (-1, 4)).mean(axis=1)]


SIMPLE_SSD_LAYERS = (
    *(1.40861623, 1.16712117, 1.12938048, 0.900699217, 1.21993577, 1.62639076, 1.60824798, 1.6120982),
    *(1.53970391, 1.57720143, 1.52968499, 1.33631547, 1.23439629, 1.22611582, 1.21783534, 1.17982471),
    *(1.10291824, 1.08797292, 1.1305081, 1.19307848, 1.24312559, 1.19288373, 1.22617562, 1.14320065),
    *(1.03846229, 1.05289721, 0.972865864, 0.867626891, 0.786054656, 0.716790971, 0.606520789, 0.866494672),
    *(1.40202625, 1.42297596, 1.52458771, 1.26068379, 1.3170785, 1.02511058, 1.18774357, 1.27689651),
    *(0.933892142, 0.786381626, 0.913282659, 0.853327339, 0.811424398, 0.789762685, 0.723467005, 0.794304924),
    *(0.750923506, 0.707542087, 0.722538161, 0.699844119, 0.782424635, 0.679967857, 0.650399822, 0.641859195),
    *(0.631271911, 0.64783421, 0.532617551, 0.402336216, 0.422984492, 0.42236056, 0.35612874, 0.18487686),
)
"""layer_factor.txt of rdolf95/SimpleSSD-base."""
QC_CODE = {
    "code": "ldpc-table",
    "table": "qc-1024-128",
    "input": "hard",
    "codeword_bytes": 8195 // 8,  # of its table's data bits
    "limit_rber": None,
    "waterfall_decades": None,
}
"""What the counted code is, by keys of ``ecc``."""
COMPUTED = {
    **{("tlc@decoder", f"ecc.{key}"): value for key, value in QC_CODE.items()},
    ("tlc-2y", "ecc.retry.rber_factor"): 0.61,
    ("slc", "cell.bits"): 1,
    ("slc", "cell.gray_code"): "1",
    ("mlc", "cell.bits"): 2,
    ("mlc", "cell.gray_code"): "1-2",
    ("z-nand", "cell.bits"): 1,
    ("z-nand", "cell.gray_code"): "1",
    ("xl-flash", "cell.bits"): 1,
    ("xl-flash", "cell.gray_code"): "1",
    ("hbf", "timing.bus_mt_s"): 1.6e12 / 16 / 1e6,
    ("hbf@worst", "timing.bus_mt_s"): 768e9 / 16 / 1e6,
    ("pcm", "timing.bus_mt_s"): 64 / 8 * 400 * 2,
    ("pcm", "timing.erase_us"): 0,
    ("pcm-mlc", "timing.bus_mt_s"): 64 / 8 * 400 * 2,
    ("pcm-mlc", "timing.erase_us"): 0,
    ("reram", "timing.erase_us"): 0,
    ("stt-mram", "timing.erase_us"): 0,
    ("stt-mram", "timing.bus_mt_s"): 1333 * 8,
    ("tlc@layers", "rber.layer_variation.factors"): means_of_4(SIMPLE_SSD_LAYERS),
    ("tlc@worst", "timing.read_us"): dict(zip(("lsb", "csb", "msb"), shared(58, JW), strict=True)),
    ("qlc", "timing.read_us"): dict(zip(TYPES, shared(np.mean((75, 95, 130, 205)), QLC), strict=True)),
    ("qlc@best", "timing.read_us"): dict(zip(TYPES, shared(75, QLC), strict=True)),
}
"""What [C] values come to from the numbers that their sources name; parity of BCH codes is in the contract test."""
ELSEWHERE = ("ecc.parity_bytes", "geometry.pages_per_block", "geometry.blocks_per_plane", "rber.valid_range")


@pytest.mark.parametrize("name", EVERY)
def test_every_computed_value_is_what_its_source_comes_to(name):
    device = load_device(name)
    values = leaves(device)
    for key in (key for key in values if mark(device.source(key)) == "C" and not key.startswith(ELSEWHERE)):
        expected = COMPUTED[next(one for one in ((name, key), (name.partition("@")[0], key)) if one in COMPUTED)]
        assert values[key] == (expected if isinstance(expected, dict | str | None) else pytest.approx(expected)), key


def test_the_pages_of_an_hbf_stack_come_to_512_gb():
    assert stack_gb(load_device("hbf")) == pytest.approx(512, rel=1e-3)


def test_the_valid_range_of_mlc_ends_before_its_fit_explodes():
    beyond = load_device("mlc").rber
    retention = beyond["beta"] * 8000 ** beyond["m"] * 365 ** beyond["n"]
    assert retention == pytest.approx(0.99, abs=0.01)
    assert beyond["valid_range"]["retention_days"] == [0, 40]


def test_the_best_read_levels_of_the_2y_part_leave_what_its_retry_says():
    fixed, best = (load_device("tlc-2y", settings) for settings in ([], ["rber.read_levels=reoptimised"]))
    means = [device_rates(device, device.condition("beyond")).mean for device in (best, fixed)]
    assert means[0] / means[1] == pytest.approx(fixed.ecc.retry.rber_factor, abs=0.005)


def test_read_times_follow_the_boundaries_of_the_gray_code():
    assert tuple(19 + 9 * boundaries for boundaries in (2, 3, 2)) == JW
    assert list(leaves(load_device("tlc"))["timing.read_us"].values()) == list(JW)


def test_a_data_sheet_s_part_is_ten_lines_checks_and_has_the_bandwidth_that_its_sheet_implies(capsys):
    assert len([line for line in SHEET.read_text().splitlines() if not line.startswith("#")]) <= 10
    assert main(["devices", "check", str(SHEET)]) == 0
    said = capsys.readouterr().out
    assert "a valid profile" in said and "without a source" not in said
    assert main(["timing", str(SHEET), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    device = load_device(SHEET)
    group_us = device.timing.command_us + device.geometry.planes_per_die * 8192 / 200
    expected = device.geometry.channels * device.geometry.planes_per_die * 8192 / group_us
    assert found["bypass"]["read_bandwidth_mb_s"] == pytest.approx(expected, rel=1e-3)
    assert found["ecc"]["bottleneck"] == "bus"


def test_a_number_without_a_source_is_named(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: tlc\ntiming: {bus_mt_s: 2400}\nhost: {bandwidth_gb_s: 7, source: my sheet}\n")
    assert main(["devices", "check", str(path)]) == 0
    assert "note: without a source: timing.bus_mt_s\n" in capsys.readouterr().out


def test_a_source_of_no_key_is_told_the_keys_in_their_order():
    with pytest.raises(InputError) as caught:
        load_device("tlc", ["conditions.worn={pe_cycles: 2000, source: {foo: bar}}"])
    (said,) = [problem for problem in caught.value.problems if "foo" in problem]
    assert "known are pe_cycles, retention_days, temperature_c, reads_per_page, others" in said


def test_no_source_speaks_of_an_age_that_an_own_profile_may_give_other_numbers():
    for name in EVERY:
        device = load_device(name)
        told = {
            key: text
            for key, text in device.sources.items()
            if re.search(r"\b(of|than) (worn|mid|beyond)\b|\bworn has\b", text)
        }
        assert not told, name


def test_the_pages_of_memories_on_a_bus_come_to_what_they_are_said_to_hold():
    sizes = {name: stack_gb(load_device(name)) / 2**30 * 1e9 for name in ("pcm", "reram", "pcm-mlc", "stt-mram")}
    assert sizes == {"pcm": 4, "reram": 4, "pcm-mlc": 8, "stt-mram": 1}
    assert load_device("stt-mram").page.user_bytes == 8 * 1024 // 8


def test_the_published_read_times_of_qlc_are_those_of_another_code_than_its_own():
    """So they are shared out anew: 75/95/130/205 rise with 1, 2, 4 and 8 boundaries, not with 4, 4, 3 and 4."""
    published = np.array((75, 95, 130, 205))
    line = np.polyfit((1, 2, 4, 8), published, 1)
    assert np.abs(np.polyval(line, (1, 2, 4, 8)) / published - 1).max() < 0.02
    device = load_device("qlc")
    assert device.cell.gray_code == "4-4-3-4"
    assert np.ptp([time / (19 + 9 * n) for time, n in zip(device.timing.read_us, (4, 4, 3, 4), strict=True)]) < 1e-3
