"""A result as text: every number is there, at any width, and reads back."""

import csv
import io
import json
import re
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
from example_result import example, failing

from nvmsim.report.formats import number, points
from nvmsim.report.table import render_csv, render_json, render_table
from nvmsim.study.tradeoff import Result, Row


def _row_lines(text):
    """Return the lines of the table's rows, block by block."""
    return [
        line
        for line in text.partition("\nmarks")[0].splitlines()
        if re.match(r"[*? ] +\S+ +(ecc|bypass|reclaim)\b", line)
    ]


def _columns(result, width):
    """Return, a row, its cells over all blocks without the names that each block repeats."""
    lines = _row_lines(render_table(result, width))
    count = len(result.rows)
    found = [[] for _ in range(count)]
    for i, line in enumerate(lines):
        cells = re.split(r" {1,}(?![^\[]*\])", line[1:].strip())
        found[i % count] += cells[3:] if "FAILS" in cells else cells[2:]
    return found


def test_150_columns_hold_the_whole_table_in_one_block():
    text = render_table(example(), 150)
    assert len(_row_lines(text)) == 13
    assert max(map(len, text.splitlines())) <= 150


def test_a_row_shows_its_numbers():
    result = example()
    line = next(line for line in _row_lines(render_table(result, 150)) if re.search("nulling +reclaim", line))
    row = next(row for row in result.rows if (row.scheme, row.mode) == ("nulling", "reclaim"))
    interval = f"{100 * row.accuracy:.2f} [{100 * row.low:.2f}, {100 * row.high:.2f}]"
    for shown in (interval, "3.9e-03", points(row.drop_points), f"{row.speedup:.2f}x", f"{row.loads_per_s:,.0f}"):
        assert f" {shown} " in line
    assert "19,303 5.9%" in line
    assert line.startswith("?")
    causes = " ".join(f"{value:.2f}" for value in asdict(row.causes).values())
    assert causes in re.sub(" +", " ", line)
    assert line.endswith("2.00")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 149])
@pytest.mark.parametrize("result", [example(), failing()], ids=["holds", "fails"])
def test_a_narrow_terminal_drops_nothing(result, width):
    assert _columns(result, width) == _columns(result, 1000)
    if width >= 80:
        assert max(map(len, render_table(result, width).splitlines())) <= width


def test_marks_say_what_is_sure():
    lines = _row_lines(render_table(example(), 150))
    for row, line in zip(example().rows, lines, strict=True):
        assert line[0] == {"yes": "*", "undecided": "?", "no": " "}[row.pareto]
    assert {line[0] for line in lines} == {"*", "?", " "}


def test_an_ecc_row_that_misses_its_target_is_marked_and_so_are_speedups_over_it():
    text = render_table(failing(), 150)
    lines = _row_lines(text)
    assert "ecc FAILS" in lines[0]
    assert all("x!" in line for line in lines[1:])
    assert "UBER 3.1e-08 misses the target of 1.0e-15" in text
    assert "FAILS" not in render_table(example(), 150)
    assert "x!" not in render_table(example(), 150)


def test_below_the_table_stands_what_decides_it():
    text = " ".join(render_table(example(), 150, report="results/tlc").split())
    for said in (
        "worn: 1,000 P/E cycles, 90 days of retention, at 40 °C, 100 reads a page",
        "mnist-cnn, 329,962 weights, float32 accuracy 99.39 %",
        "nothing can change, and every image was seen: 8 trials of 10,000 images: all ecc rows",
        "the time was used up: 32 trials of 10,000 images: raw, hamming, fp16, fp16+range-check",
        "ecc.decode_bandwidth_gb_s = 2 (assumption: no public figure for one LDPC engine)",
        "rows share bit errors only within a group: all ecc and all bypass rows; all reclaim rows.",
        "(a) an assumed number decides the bottleneck",
        "warning pe_cycles 1000 lies at the end of the fitted range 0 to 1000",
        "report results/tlc",
    ):
        assert said in text


def test_without_ecc_there_is_no_speedup():
    bare = example(rows=tuple(replace(row, speedup=None, causes=None) for row in example().rows[1:]))
    assert all(re.search(r" - +- +- +- +- ", line) for line in _row_lines(render_table(bare, 150)))
    assert "Dropping ECC" not in render_table(bare, 150)


def test_no_rows_still_make_a_table():
    assert "No scheme surely loses less than 1 point." in render_table(example(rows=()), 150)


def test_a_terminal_gets_no_control_characters():
    text = render_table(example(device="a\x1b[31mb\nc"), 150)
    assert "\x1b" not in text
    assert "a?[31mb c (worn)" in text


def test_json_holds_every_field_in_order_at_full_precision():
    result = example()
    read = json.loads(render_json(result))
    assert list(read) == [field.name for field in fields(Result)]
    assert list(read["rows"][0]) == [field.name for field in fields(Row)]
    assert read == json.loads(json.dumps(asdict(result)))
    assert render_json(result) == render_json(example())


def test_json_takes_numbers_of_numpy_and_leaves_out_what_is_not_finite():
    ecc, *_ = example().rows
    odd = replace(ecc, accuracy=np.float32(0.5), trials=np.int64(8), load_us=float("inf"), uber=float("nan"))
    row = json.loads(render_json(example(rows=(odd,))))["rows"][0]
    assert (row["accuracy"], row["trials"], row["load_us"], row["uber"]) == (0.5, 8, None, None)


def test_csv_reads_back_exactly():
    result = example()
    read = list(csv.DictReader(io.StringIO(render_csv(result))))
    assert len(read) == 13
    for line, row in zip(read, result.rows, strict=True):
        assert (line["scheme"], line["mode"], line["pareto"]) == (row.scheme, row.mode, row.pareto)
        for name in ("accuracy", "low", "high", "drop_points", "bandwidth_gb_s", "loads_per_s", "rber_residual"):
            assert float(line[name]) == getattr(row, name)
        assert float(line["causes_decoder"]) == row.causes.decoder
        assert float(line["page_read_us_bus_wait"]) == row.page_read_us["bus_wait"]
        assert tuple(map(float, line["trial_accuracies"].split())) == row.trial_accuracies
    assert [line["uber"] for line in read] == ["4.1e-17"] + [""] * 12


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12.8415, "12.84"),
        (999.95, "1,000"),
        (999.94, "999.9"),
        (123456.0, "123,456"),
        (0.00123456, "0.001235"),
        (3e-7, "3.000e-07"),
    ],
)
def test_numbers_keep_four_digits(value, text):
    assert number(value) == text
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=1e-3)
