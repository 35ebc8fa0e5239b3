"""Where a model lies, as a user is shown it."""

import json

import pytest

from nvmsim.cli_layout import layout_report
from nvmsim.zoo.card import load_card

USABLE = {"bypass": 16384, "reclaim": 16384 + 2208}


@pytest.mark.parametrize("mode", USABLE)
def test_tensors_follow_each_other_on_the_pages(mode):
    found = json.loads(layout_report("tlc", model="mnist-cnn", scheme="raw", mode=mode, fmt="json"))
    start = 0
    for tensor, place in zip(load_card("mnist-cnn").tensors, found["tensors"], strict=True):
        stop = start + 2 * tensor.size
        assert (place["first_page"], place["last_page"]) == (start // USABLE[mode], (stop - 1) // USABLE[mode])
        start = stop
    assert found["pages"] == -(-start // USABLE[mode])


def test_check_bits_lie_behind_all_words():
    found = json.loads(layout_report("tlc", model="mnist-cnn", scheme="nulling-extra", fmt="json"))
    words = [place for place in found["tensors"] if "check" not in place["tensor"]]
    checks = [place for place in found["tensors"] if "check" in place["tensor"]]
    assert len(words) == len(checks)
    assert min(place["first_page"] for place in checks) >= max(place["last_page"] for place in words)
    assert sum(place["stored_bytes"] for place in found["tensors"]) == pytest.approx(
        load_card("mnist-cnn").n_weights * 17 / 8
    )


def test_the_table_names_channels_dies_and_page_types():
    lines = layout_report("tlc", model="mnist-cnn", scheme="raw").splitlines()
    largest = next(line.split() for line in lines if line.startswith("fc5.weight"))
    assert largest == ["fc5.weight", "262,144", "524,288", "7-39", "8", "9", "lsb"]
    assert lines[-1].startswith("raw, bypass: 41 pages of 16,384 bytes")
