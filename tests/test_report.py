"""The written report: its numbers are the result's, it needs nothing from outside, and it is written whole or not."""

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import fields, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from example_result import WEIGHTS, example, failing, host_limited, small, trials
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.cbook import boxplot_stats

from nvmsim.accuracy.quartiles import box
from nvmsim.errors import InputError
from nvmsim.report.accuracy_scale import AccuracyScale
from nvmsim.report.drawing import spread_out
from nvmsim.report.figures import draw_figures
from nvmsim.report.files import write_report
from nvmsim.report.html import render_html
from nvmsim.study.tradeoff import TrialRow

FILES = ["accuracy-trials", "page-read", "throughput-accuracy"]
ALL = sorted(["results.json", "trials.csv", "report.html", *(f"{n}.{e}" for n in FILES for e in ("svg", "png"))])
SVG = "{http://www.w3.org/2000/svg}"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def drawings():
    return draw_figures(example())


@pytest.fixture(scope="module")
def page(drawings):
    return render_html(example(), drawings)


class Reader(HTMLParser):
    """Collects tags with their attributes, and the tables' cells."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.tables, self.text, self.open = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        self.text.append(data)
        if {"th", "td"} & set(self.open):
            self.tables[-1][-1][-1] += data


def _shown(text):
    return [float(part.replace(",", "")) for part in re.findall(r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?", text)]


def test_the_numbers_on_the_page_are_those_of_the_result(page):
    heads, *body = Reader(page).tables[0]
    assert len(body) == 13
    for cells, row in zip(body, example().rows, strict=True):
        found = dict(zip(heads, cells, strict=True))
        assert (found["scheme"], found["mode"], found["Pareto"]) == (row.scheme, row.mode, row.pareto)
        hundred = [100 * value for value in (row.accuracy, row.low, row.high)]
        assert _shown(found["accuracy % [95 % interval]"]) == pytest.approx(hundred, abs=0.00501)
        drops = [row.drop_points, row.drop_low, row.drop_high]
        assert _shown(found["drop points"]) == pytest.approx(drops, abs=0.00501)
        assert _shown(found["weights GB/s"]) == pytest.approx([row.bandwidth_gb_s], rel=1e-3)
        assert _shown(found["loads /s"]) == pytest.approx([row.loads_per_s], abs=0.5)
        assert _shown(found["RBER in"]) == [row.rber_in]
        assert _shown(found["speed-up"]) == pytest.approx([row.speedup], abs=0.00501)
        causes = [found[name] for name in ("= bytes", "× decoder", "× retries", "× host")]
        wanted = [row.causes.bytes, row.causes.decoder, row.causes.retries, row.causes.host]
        assert list(map(float, causes)) == pytest.approx(wanted, abs=0.00501)
        assert found["bottleneck"].startswith(row.bottleneck)
        assert float(found["bytes a weight"]) == row.storage_bytes_per_weight
        if row.nulled_weights:
            share = 100 * row.nulled_weights / WEIGHTS
            assert _shown(found["weights nulled"]) == pytest.approx([row.nulled_weights, share], rel=0.05, abs=0.5)


def test_the_answer_comes_first_and_names_the_best_row(page):
    text = " ".join("".join(Reader(page).text).split())
    assert "Dropping ECC on tlc (worn) loads weights 1.34 to 1.49 times as fast." in text
    assert "surely loses less than 1 point is nulling (reclaim): 12.53 GB/s of weights, 1.49x ECC" in text
    assert text.index("Dropping ECC") < text.index("Every scheme")


def test_a_failing_ecc_is_said_on_the_page():
    text = render_html(failing(), ())
    assert "its UBER 3.1e-08 misses the target of 1.0e-15" in text
    assert '<strong class="fails">FAILS</strong>' in text
    assert len(re.findall(r"1\.(?:34|49)x!", text)) == 12


def test_the_page_loads_nothing(page):
    for tag, attributes in Reader(page).tags:
        assert tag not in ("script", "link", "img", "iframe", "object", "embed", "base")
        assert not {"src", "srcset", "onload", "action"} & set(attributes)
        for name in ("href", "xlink:href"):
            assert attributes.get(name, "#").startswith("#")
    assert not re.search(r"url\((?!#)|@import", page)
    addresses = set(re.findall(r'https?://[^\s"<>]*', page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_ids_are_unique_and_references_hold(page):
    tags = Reader(page).tags
    ids = Counter(attributes["id"] for _, attributes in tags if "id" in attributes)
    assert set(ids.values()) == {1}
    used = re.findall(r'(?:url\(#|href="#)([^")]+)', page)
    named = [name for _, attributes in tags for name in attributes.get("aria-labelledby", "").split()]
    assert len(named) == 12
    assert set(used + named) <= set(ids)


def test_figures_have_text_alternatives_with_their_numbers(page):
    svgs = [attributes for tag, attributes in Reader(page).tags if tag == "svg"]
    assert [svg["role"] for svg in svgs] == ["img"] * 6
    assert "nulling (reclaim) 12.53 GB/s, 99.31 [99.26, 99.33] %, undecided" in page
    assert "ecc command 0.3" in page.replace("0.300", "0.3")


def test_svg_files_are_whole_and_label_every_row(drawings):
    for drawing in drawings:
        for svg in (drawing.svg, drawing.narrow_svg):
            root = ElementTree.fromstring(svg)
            assert root.tag == f"{SVG}svg"
            assert not re.search(r"<dc:date>|(?:href|src)=.http", svg)
        assert drawing.png.startswith(b"\x89PNG")
    front, boxes, reads = (Counter("".join(t.itertext()) for t in _texts(d.svg)) for d in drawings)
    rows = example().rows
    assert all(front[row.scheme] == sum(r.scheme == row.scheme for r in rows) for row in rows if row.scheme != "ecc")
    assert all(f"{row.scheme} ({row.mode})" in boxes for row in rows if row.mode != "ecc")
    assert {"ecc", "bypass", "reclaim", "219 µs", "178 µs", "196 µs"} <= set(reads)


def _texts(svg):
    return ElementTree.fromstring(svg).iter(f"{SVG}text")


def test_labels_of_rows_do_not_overlap(drawings):
    for result, drawn in ((example(), drawings), (host_limited(), draw_figures(host_limited()))):
        schemes = {row.scheme for row in result.rows}
        placed = [t for t in _texts(drawn[0].svg) if "".join(t.itertext()) in schemes]
        spots = [(t.get("x"), float(t.get("y"))) for t in placed if t.get("x") and "text-anchor" in t.get("style")]
        heights = [sorted(y for x, y in spots if x == side) for side in {x for x, _ in spots}]
        for column in heights:
            assert all(below - above >= 8 for above, below in pairwise(column))


def test_a_wait_that_dwarfs_the_work_is_cut_but_its_number_stands(drawings):
    texts = {"".join(t.itertext()) for t in _texts(draw_figures(host_limited())[2].svg)}
    assert {"1,884", "2,100 µs", "40.0"} <= texts


def _run(code, **more):
    """Run Python code in a process of its own, with the example at hand."""
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    env = os.environ | {"PYTHONPATH": path, **more}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)


def test_drawing_is_the_same_in_every_process(drawings):
    code = (
        "import hashlib, example_result as e; from nvmsim.report.figures import draw_figures;"
        "print(*("
        "hashlib.sha256((d.svg + d.narrow_svg).encode() + d.png).hexdigest() for d in draw_figures(e.example())))"
    )
    here = [hashlib.sha256((d.svg + d.narrow_svg).encode() + d.png).hexdigest() for d in drawings]
    assert len(set(here)) == 3
    assert _run(code, PYTHONHASHSEED="1").stdout.split() == here


HOSTILE = '<script>alert(1)</script> & "x" $\\frac{1$ \x1b[1m %s {} \u65e5\u672c'


def test_what_a_user_typed_stays_text():
    odd = [replace(row, scheme=HOSTILE, stop_reason=HOSTILE, bottleneck=HOSTILE, pareto="no") for row in example().rows]
    result = example(
        device=HOSTILE,
        model=HOSTILE,
        command=HOSTILE,
        rows=tuple(odd),
        warnings=(HOSTILE,),
        settings={HOSTILE: HOSTILE},
        assumptions=((HOSTILE, HOSTILE, HOSTILE),),
    )
    drawings = draw_figures(result)
    text = render_html(result, drawings)
    assert "<script" not in text
    assert "\x1b" not in text
    assert "alert(1)" in "".join(Reader(text).text)
    for drawing in drawings:
        ElementTree.fromstring(drawing.svg)


@pytest.mark.parametrize(
    "rows",
    [
        (),
        example().rows[:1],
        tuple(replace(row, trial_accuracies=(), page_read_us={}) for row in example().rows[1:3]),
        tuple(replace(row, scheme="mine", mode="own", page_read_us={"own_stage": 3.0}) for row in example().rows[1:3]),
        tuple(replace(row, scheme=f"scheme {i} of a study with long names") for i, row in enumerate(example().rows)),
    ],
    ids=["none", "one", "bare", "foreign", "long"],
)
def test_any_rows_make_a_report(rows, tmp_path):
    result = example(rows=rows)
    text = write_report(result, tmp_path, trials(result)).read_text(encoding="utf-8")
    assert len(Reader(text).tables[0]) == 1 + len(rows)


def test_the_folder_holds_everything_and_the_numbers_in_full(tmp_path):
    result = example()
    assert write_report(result, tmp_path / "new" / "out", trials(result)) == tmp_path / "new" / "out" / "report.html"
    folder = tmp_path / "new" / "out"
    assert sorted(path.name for path in folder.iterdir()) == ALL
    read = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert [row["accuracy"] for row in read["rows"]] == [row.accuracy for row in result.rows]
    with (folder / "trials.csv").open(encoding="utf-8") as listed:
        lines = list(csv.DictReader(listed))
    assert list(lines[0]) == [field.name for field in fields(TrialRow)]
    assert [(line["scheme"], int(line["trial"]), int(line["correct"])) for line in lines] == [
        (row.scheme, row.trial, row.correct) for row in trials(result)
    ]


def test_a_second_call_leaves_an_equal_report_alone(tmp_path):
    result = small()
    write_report(result, tmp_path, trials(result))
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    write_report(replace(result, elapsed_s=0.2), tmp_path, trials(result))
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_a_second_call_does_not_wait_for_the_drawing_library(tmp_path):
    result = small()
    write_report(result, tmp_path, trials(result))
    code = (
        "import sys, example_result as e; from nvmsim.report.files import write_report; r = e.small();"
        f"write_report(r, {str(tmp_path)!r}, e.trials(r)); print('matplotlib' in sys.modules)"
    )
    assert _run(code).stdout.strip() == "False"


@pytest.mark.parametrize("change", ["result", "trials", "missing figure", "cut page", "no results"])
def test_whatever_differs_is_written_again(change, tmp_path):
    result = small()
    listed = trials(result)
    write_report(result, tmp_path, listed)
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    if change == "result":
        result = small(seed=2)
    elif change == "trials":
        listed = listed[:-1]
    else:
        name = {"missing figure": "page-read.svg", "no results": "results.json", "cut page": "report.html"}[change]
        (tmp_path / name).unlink()
        if change == "cut page":
            (tmp_path / name).write_bytes(whole[name][:500])
    write_report(result, tmp_path, listed)
    now = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    changed = {name for name in ALL if now[name] != whole[name]}
    expected = {"result": {"results.json", "report.html"}, "trials": {"trials.csv", "report.html"}}
    assert changed == expected.get(change, set())


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"file/out: cannot be written: Not a directory"):
        write_report(small(), tmp_path / "file" / "out")


def test_a_full_disk_is_said_and_leaves_the_old_report(tmp_path):
    result = small()
    write_report(result, tmp_path, trials(result))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    # A limit on the size of files makes a real write fail as a full disk does.
    code = (
        "import resource, example_result as e; from nvmsim.report.files import write_report\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        f"write_report(e.small(seed=3), {str(tmp_path)!r})"
    )
    ran = _run(code)
    assert "InputError" in ran.stderr
    assert re.search(r"\.(png|svg|html): cannot be written: File too large", ran.stderr)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=13),
    st.floats(0.01, 0.07),
)
def test_spread_labels_keep_apart_in_order_and_inside(wanted, apart):
    placed = spread_out(wanted, apart=apart, low=0.0, high=1.0)
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    gaps = [placed[b] - placed[a] for a, b in pairwise(order)]
    assert all(gap >= apart - 1e-9 for gap in gaps)
    assert min(placed) >= -1e-9
    assert max(placed) <= 1 + 1e-9


def test_spread_labels_move_no_more_than_they_must():
    wanted = [0.1, 0.5, 0.9]
    assert spread_out(wanted, apart=0.2, low=0, high=1) == wanted


@settings(max_examples=50)
@given(st.floats(0, 1), st.floats(0.5, 1))
def test_the_accuracy_scale_can_be_read_backwards(accuracy, float32):
    scale = AccuracyScale(float32, 0.1)
    assert scale.accuracy(scale.place(accuracy)) == pytest.approx(accuracy, abs=1e-9)


@settings(max_examples=100)
@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40))
def test_boxes_are_those_of_the_paper(values):
    (oracle,) = boxplot_stats(values, whis=1.5)
    found = box(values)
    assert (found.low, found.median, found.high) == pytest.approx((oracle["q1"], oracle["med"], oracle["q3"]))
    inside = [v for v in values if oracle["q1"] - 1.5 * oracle["iqr"] <= v <= oracle["q3"] + 1.5 * oracle["iqr"]]
    assert (found.whisker_low, found.whisker_high) == pytest.approx((min(inside), max(inside)))
    assert len(found.outliers) == len(values) - len(inside)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_browser_shows_the_page_without_a_complaint(tmp_path):
    page = write_report(example(), tmp_path, trials(example()))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    ran = subprocess.run([CHROMIUM, *flags, page.as_uri()], capture_output=True, text=True, timeout=60, check=True)
    assert "CONSOLE" not in ran.stderr
    assert len(Reader(ran.stdout).tables[0]) == 14
    assert ran.stdout.count("<svg") == 6
