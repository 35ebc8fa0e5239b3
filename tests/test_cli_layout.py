"""Where a model lies, as a user is shown it."""

import json
from dataclasses import replace

import pytest

from nvmsim.accuracy.bsc import bsc_task
from nvmsim.accuracy.part import parts_of
from nvmsim.accuracy.unequal import Unequal
from nvmsim.cli import main
from nvmsim.cli_layout import layout_report
from nvmsim.device.layout import placed_layout
from nvmsim.device.load import load_device
from nvmsim.errors import InputError
from nvmsim.study.scheme import parse_scheme
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


@pytest.mark.parametrize(
    "scheme, encoding", [("ecc/bits=15-13+4", "binary:16"), ("ecc:hamming/layers=fc6+conv1", "hamming:16")]
)
@pytest.mark.parametrize("bare", ["bypass", "reclaim"])
def test_each_file_of_unequal_ecc_is_as_large_as_what_is_read_and_measured(scheme, encoding, bare):
    """Against the parts of a task, which are what trials flip and timings read."""
    device, card = load_device("qlc"), load_card("mnist-cnn")
    chosen = parse_scheme(scheme).protected
    layouts = [placed_layout(device, mode, "linear", ((0.0, 0.0),)) for mode in ("ecc", bare)]
    task = replace(bsc_task(card, encoding, rber=0.0), layout=layouts[0], unequal=Unequal(chosen, layouts[1]))
    parts = parts_of(task, card.tensors, width=16)
    found = json.loads(layout_report("qlc", model="mnist-cnn", scheme=scheme, mode=f"ecc+{bare}", fmt="json"))
    assert found["pages"] == sum(part.pages for part in parts)
    for mode, part in zip(("ecc", bare), parts, strict=True):
        places = [place for place in found["tensors"] if place["file"] == mode]
        assert sum(place["stored_bytes"] for place in places) == part.n_bits / 8
        assert places[-1]["last_page"] == part.pages - 1


def test_a_layer_with_ecc_lies_in_the_first_file_alone_and_a_bit_in_one_of_them():
    layers = json.loads(layout_report("tlc", model="mnist-cnn", scheme="ecc/layers=conv1+fc6", fmt="json"))["tensors"]
    assert {place["tensor"] for place in layers if place["file"] == "ecc"} == {
        f"{layer}.{kind}" for layer in ("conv1", "fc6") for kind in ("weight", "bias")
    }
    assert len(layers) == len(load_card("mnist-cnn").tensors)
    first_bare = next(place for place in layers if place["file"] == "bypass")
    assert (first_bare["tensor"], first_bare["first_page"]) == ("conv2.weight", 0)
    planes = json.loads(layout_report("tlc-2y", model="mnist-cnn", scheme="ecc/bits=15-12@bit-plane", fmt="json"))
    assert [(row["file"], row["bit"]) for row in planes["bits"]] == [
        ("ecc" if bit > 11 else "bypass", bit) for bit in range(15, -1, -1)
    ]


def test_the_mode_and_the_layers_must_be_there(capsys):
    assert main(["layout", "tlc", "--scheme", "ecc/bits=15-13", "--mode", "reclaim"]) == 2
    assert "ecc/bits=15-13 is read as ecc+bypass or ecc+reclaim" in capsys.readouterr().err
    with pytest.raises(InputError, match="'conv9': unknown, did you mean conv4"):
        layout_report("tlc", model="mnist-cnn", scheme="ecc/layers=conv9")


def test_the_order_of_page_types_is_that_of_the_age_asked_for():
    how = {"model": "mnist-cnn", "scheme": "raw@bit-plane"}
    for age, order in (("fresh", "msb, csb, lsb"), ("beyond", "lsb, msb, csb")):
        lines = layout_report("tlc-2y", condition=age, **how).splitlines()
        assert f"most reliable first at {age}: {order}" in lines
        found = json.loads(layout_report("tlc-2y", condition=age, fmt="json", **how))
        assert found["condition"] == age
        assert found["bits"][0][order.split(",")[0]] == 1
    with pytest.raises(InputError, match="condition 'old': unknown"):
        layout_report("tlc-2y", condition="old", **how)


def test_equally_reliable_types_are_said_to_leave_nothing_to_choose():
    lines = layout_report("slc", model="mnist-cnn", scheme="raw@layers=conv1").splitlines()
    assert any("page types are equally reliable" in line for line in lines)
    assert not any("equally" in line for line in layout_report("slc", model="mnist-cnn", scheme="raw").splitlines())


def test_a_file_of_some_bits_says_how_many_of_each_word():
    lines = layout_report("tlc", model="mnist-cnn", scheme="ecc/bits=15-13").splitlines()
    assert lines[-2].endswith("3 bits of each word") and lines[-1].endswith("13 bits of each word")


@pytest.mark.parametrize("scheme", ["raw@layers=", "raw@bit-plan", "ecc/bits=99", "ecc/bits=15-0"])
def test_a_scheme_that_is_none_is_named_with_its_option(scheme):
    with pytest.raises(InputError) as caught:
        layout_report("tlc", model="mnist-cnn", scheme=scheme)
    assert all(problem.startswith(f"--scheme: {scheme!r}: ") for problem in caught.value.problems)


def test_the_layout_shows_the_share_of_each_tensor_on_each_page_type():
    how = {"model": "mnist-cnn", "scheme": "nulling-extra@layers=fc6", "fmt": "json"}
    found = json.loads(layout_report("tlc-2y", **how))["tensors"]
    assert [one["tensor"] for one in found[:3]] == ["fc6.weight", "fc6.bias", "conv1.weight"]
    assert found[0]["page_types"] == {"lsb": 1.0, "csb": 0.0, "msb": 0.0}
    pages, planes = (
        -(-17 * load_card("mnist-cnn").n_weights // (8 * 16384)),
        load_device("tlc-2y").geometry.planes_per_die,
    )
    in_a_row = planes * (-(-pages // planes) // 3)  # a load of few pages has each type on a third of them
    held = {kind: sum(17 * one["weights"] * one["page_types"][kind] for one in found) for kind in ("lsb", "csb", "msb")}
    assert sum(held.values()) == pytest.approx(17 * sum(one["weights"] for one in found))
    for at, kind in enumerate(held):
        there = sum(page // in_a_row % 3 == at for page in range(pages))
        assert -1 < round(held[kind]) / (8 * 16384) - there <= 0


def test_the_layout_of_ecc_in_part_shows_both_files():
    scheme = "ecc/bits=15-13@layers=conv1+fc6"
    lines = layout_report("tlc-2y", model="mnist-cnn", scheme=scheme, mode="ecc+reclaim").splitlines()
    assert [line.split()[:2] for line in lines if line.startswith(("ecc ", "reclaim "))][2::12] == [
        ["ecc", "fc6.weight"],
        ["reclaim", "fc6.weight"],
    ]
    assert "in the order in which they fill the pages, most reliable first at worn: lsb, msb, csb" in lines
