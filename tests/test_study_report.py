"""The report of a study: its numbers are the outcome's, its page works in a browser without a network."""

import csv
import io
import json
import math
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest
from example_study import large, named_ages, setting, study
from hypothesis import given, settings
from hypothesis import strategies as st
from test_report import CHROMIUM, HOSTILE, Reader

from nvmsim.report.formats import accuracy, clean, drop
from nvmsim.report.study import figures
from nvmsim.report.study.columns import entries
from nvmsim.report.study.figures import FIGURES, caption_of, draw_study_figures, figure_names
from nvmsim.report.study.files import write_study_report
from nvmsim.report.study.findings import answer, progress
from nvmsim.report.study.html import render_study_html
from nvmsim.report.study.lifetime import lifetimes
from nvmsim.report.study.panels import panels_of
from nvmsim.report.study.table import (
    render_best_csv,
    render_best_json,
    render_best_table,
    render_study_csv,
    render_study_json,
    render_study_table,
)

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--enable-logging=stderr",
]  # fmt: skip
# A small study for what needs drawing: one device and network, three schemes.
SMALL = named_ages()
SMALL = replace(
    SMALL, settings=tuple(replace(s, result=replace(s.result, rows=s.result.rows[:3])) for s in SMALL.settings)
)


@pytest.fixture(scope="module")
def page():
    return render_study_html(study(), ())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_study_report(SMALL, tmp_path_factory.mktemp("report")).parent


def test_the_answer_counts_settings_and_names_where_ecc_stays():
    said = answer(study())
    assert said.startswith(
        "On 12 of 15 settings weights can be read without ECC and surely lose at most 1 point: nulling (reclaim), "
        "nulling (bypass), 1.37 to 2.15 times as fast."
    )
    assert "ECC stays, until more trials tell, on tlc, 3,000 P/E cycles, 365 days of retention, cifar10-vgg;" in said
    assert "No scheme surely loses at most 1 point on qlc, 3,000 P/E cycles" in said
    assert "ECC itself FAILS" in said
    assert said.endswith("1 setting not measured yet.")


def test_an_empty_study_says_so():
    bare = [replace(one, result=None, best=None) for one in study().settings]
    nothing = study(settings=tuple(bare))
    assert answer(nothing) == "Nothing is measured yet."
    assert figure_names(nothing) == ()
    assert "Nothing is measured yet." in render_study_html(nothing, ())
    assert "not measured yet" in render_study_table(nothing, 80)
    assert answer(study(settings=())) == "Nothing is measured yet."


def test_every_row_is_in_the_table_with_its_numbers(page):
    heads, *body = Reader(page).tables[1]
    assert len(body) == len(entries(study())) == 15 * 13
    for cells, (one, row) in zip(body, entries(study()), strict=True):
        found = dict(zip(heads, cells, strict=True))
        assert (found["scheme"], found["mode"].removesuffix(" FAILS")) == (row.scheme, row.mode)
        assert found["mode"].endswith("FAILS") == row.fails_uber
        assert (found["device"], found["network"]) == (one.varied["device"], one.varied["model"])
        assert found["P/E cycles"] == f"{one.varied['pe_cycles']:,}"
        assert (found["accuracy % [95\u00a0%]"], found["drop, points [95\u00a0%]"]) == (accuracy(row), drop(row))
        assert float(found["GB/s"]) == pytest.approx(row.bandwidth_gb_s, rel=1e-3)
        assert found["speed-up"] == f"{row.speedup:.2f}x" + "!" * (one.result.ecc_fails and row.mode != "ecc")
        assert (found["Pareto"], found["stopped because"]) == (row.pareto, row.stop_reason)
        assert (int(found["trials"]), int(found["images"].replace(",", ""))) == (row.trials, row.images)


def test_every_setting_has_its_answer(page):
    heads, *body = Reader(page).tables[0]
    assert len(body) == len(study().settings)
    for cells, one in zip(body, study().settings, strict=True):
        found = dict(zip(heads, cells, strict=True))
        if one.result is None:
            assert found["fastest that fits"] == "not measured yet"
        elif one.best.row is None:
            assert (found["fastest that fits"], found["GB/s"]) == ("none", "")
        else:
            assert found["fastest that fits"].startswith(one.best.row.scheme)
            assert found["drop, points [95\u00a0%]"] == drop(one.best.row)
            faster = one.best.runner_up
            assert found["next faster"].startswith("nothing" if faster is None else faster.scheme)
            assert found["would lose, points [95\u00a0%]"] == ("" if faster is None else drop(faster))
            assert found["more may fit"] == str(one.best.open_rows)


def test_the_page_asks_for_nothing(page):
    for tag, attributes in Reader(page).tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        assert not {"src", "srcset", "onload", "action"} & set(attributes)
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
    assert f'http-equiv="Content-Security-Policy" content="{policy}"' in page
    assert not re.search(r"https?://", page)
    assert page.count("<script>") == 1


def test_ages_are_steps_and_the_lives_those_of_the_rows():
    panels = panels_of(study())
    assert [panel.name for panel in panels] == [
        "tlc, mnist-cnn",
        "tlc, cifar10-vgg",
        "qlc, mnist-cnn",
        "qlc, cifar10-vgg",
    ]
    assert [step.label for step in panels[0].steps] == ["0", "300", "1,000", "3,000"]
    for panel in panels:
        for life in lifetimes(panel, max_drop_points=1.0):
            rows = [step.row(life.series) for step in panel.steps]
            fits = [row.drop_high <= 1.0 and not row.fails_uber for row in rows]
            count = next((i for i, fit in enumerate(fits) if not fit), len(fits))
            assert life.last is (panel.steps[count - 1] if count else None)
            if life.crossing is not None:
                before = max(i for i, step in enumerate(panel.steps) if step.place <= life.crossing)
                assert rows[before].drop_points <= 1.0 < rows[before + 1].drop_points


def test_ages_that_vary_freely_split_panels():
    free = [
        replace(s, varied={"pe_cycles": 10 * (i % 4), "retention_days": i // 4}) for i, s in enumerate(study().settings)
    ]
    found = panels_of(study(axes={"pe_cycles": (0, 10, 20, 30), "retention_days": (0, 1, 2, 3)}, settings=tuple(free)))
    assert [panel.name for panel in found] == [f"{days} days of retention" for days in range(4)]
    assert [len(panel.steps) for panel in found] == [4, 4, 4, 3]


def test_the_rows_come_back_from_csv():
    read = list(csv.DictReader(io.StringIO(render_study_csv(study()))))
    for line, (one, row) in zip(read, entries(study()), strict=True):
        assert (line["device"], int(line["pe_cycles"]), line["scheme"]) == (
            one.varied["device"], one.varied["pe_cycles"], row.scheme,
        )  # fmt: skip
        for name in ("accuracy", "drop_high", "bandwidth_gb_s", "speedup"):
            assert float(line[name]) == getattr(row, name)


def test_json_is_plain_and_whole():
    odd = setting("tlc", (0, 0.0), "mnist-cnn")
    odd = replace(odd, result=replace(odd.result, rber=math.nan))
    read = json.loads(render_study_json(study(settings=(odd,))), parse_constant=pytest.fail)
    assert read["settings"][0]["result"]["rber"] is None
    accuracies = [row["accuracy"] for row in read["settings"][0]["result"]["rows"]]
    assert accuracies == [row.accuracy for row in odd.result.rows]


def test_the_best_are_the_answers():
    read = json.loads(render_best_json(study()))
    lines = list(csv.DictReader(io.StringIO(render_best_csv(study()))))
    assert read["answer"] == answer(study()) and len(lines) == len(study().settings)
    for found, line, one in zip(read["settings"], lines, study().settings, strict=True):
        row = one.best.row if one.best else None
        assert (found["best"] or {}).get("scheme") == (row.scheme if row else None)
        assert line["best_scheme"] == (row.scheme if row else "")
        assert found["measured"] == (one.result is not None)


@pytest.mark.parametrize("width", [80, 120, 240])
def test_the_terminal_shows_every_setting_within_its_width(width):
    text = render_study_table(study(), width, report="out/report.html")
    assert max(map(len, text.splitlines())) <= width
    assert text.count("nulling (reclaim)") >= 11
    assert progress(study()) in " ".join(text.split())
    assert "out/report.html" in text
    assert "the answer is known: 70" in text
    assert "not measured yet" in render_best_table(study(), width)


@settings(max_examples=15, deadline=None)
@given(st.text(min_size=1, max_size=20) | st.just(HOSTILE))
def test_what_a_user_named_stays_text(name):
    one = setting("tlc", (3000, 365.0), "mnist-cnn")
    rows = tuple(replace(row, scheme=name, stop_reason=name) for row in one.result.rows[:2])
    odd = replace(one, varied={"device": name}, result=replace(one.result, rows=rows, warnings=(name,)))
    outcome = study(
        settings=(odd, replace(odd, varied={"device": "tlc"})), title=name, question=name, text=name, command=name,
        axes={"device": (name, "tlc")},
    )  # fmt: skip
    text = render_study_html(outcome, ())
    reader = Reader(text)
    assert text.count("<script") == 1
    assert [len(table) for table in reader.tables] == [3, 5]
    assert reader.tables[1][1][0].strip() == clean(name).strip()
    assert "\x1b" not in text + render_study_table(outcome, 100)


def test_hostile_names_do_not_break_figures():
    odd = [replace(s, varied={"condition": f"{HOSTILE}{i}"}) for i, s in enumerate(SMALL.settings[:2])]
    rows = [replace(row, scheme=HOSTILE, bottleneck=HOSTILE) for row in odd[0].result.rows[:1]]
    odd[0] = replace(odd[0], result=replace(odd[0].result, rows=tuple(rows)))
    drawings = draw_study_figures(replace(SMALL, settings=tuple(odd)))
    assert len(drawings) == len(FIGURES)
    for drawing in drawings:
        ElementTree.fromstring(drawing.svg)
    assert render_study_html(SMALL, drawings).count("<script") == 1


@pytest.mark.parametrize("devices", [8, 9])
def test_eight_panels_are_drawn_and_how_many_more_there_are_is_said(devices):
    many = large(10 * devices)
    few = [replace(s, result=replace(s.result, rows=s.result.rows[:2])) for s in many.settings]
    many = replace(many, settings=tuple(few))
    assert len(panels_of(many)) == devices
    for name in ("pareto-fronts", "lifetime", "without-ecc", "drops"):
        figure, _, alternative = FIGURES[name].build(many, 7.5)
        assert [f"drive-{i:02}" in alternative for i in range(9)] == [True] * 8 + [False]
        heads = [text.get_text() for axes in figure.axes for text in axes.texts if "drive-" in text.get_text()]
        assert len(heads) == 8
        said = "Left out for room: 1 of 9 panels; rows.csv has their rows."
        assert (said in caption_of(name, many)) == ("Left out" in caption_of(name, many)) == (devices > 8)
        assert ("drive-08" in FIGURES[name].data(many)) == (devices > 8)


def test_the_folder_holds_every_figure_in_four_forms(folder):
    endings = {f"{name}.{ending}" for name in FIGURES for ending in ("svg", "png", "pdf", "csv")}
    assert {path.name for path in folder.iterdir()} == endings | {"report.html", "rows.csv", "results.json"}
    for name in FIGURES:
        assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert b"CreationDate" not in (folder / f"{name}.pdf").read_bytes()
        assert len(list(csv.DictReader((folder / f"{name}.csv").open()))) > 0
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert text.count("<svg") == text.count("<desc") == 2 * len(FIGURES)
    assert set(re.findall(r'https?://[^\s"<>]*', text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


@pytest.mark.slow
@pytest.mark.parametrize("begin", [figures.end_with_parent, abs])
def test_the_same_outcome_gives_the_same_bytes(begin, folder, tmp_path, monkeypatch):
    """Drawn in processes of their own, and here where these cannot begin (`abs` without a number)."""
    monkeypatch.setattr(figures, "WORTH_ROWS", 1)
    monkeypatch.setattr(figures, "end_with_parent", begin)
    (tmp_path / "lifetime.pdf").write_text("of an earlier report")
    write_study_report(SMALL, tmp_path, workers=2)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {p.name: p.read_bytes() for p in folder.iterdir()}


def test_two_thousand_rows_stay_a_page():
    text = render_study_html(large(154), ())
    assert len(Reader(text).tables[1]) == 1 + 154 * 13
    assert len(text) < 2_000_000


PROBE = """
<script>
const found = {}, heads = [...document.querySelectorAll("#rows thead th")];
const body = document.querySelector("#rows tbody");
const column = (name) => heads.findIndex((head) => head.textContent.startsWith(name));
const cells = (name) => [...body.rows].filter((row) => !row.hidden).map((row) => row.cells[column(name)].textContent);
const click = (name) => heads[column(name)].querySelector("button").click();
const form = document.getElementById("filters"), words = form.elements.words, count = document.getElementById("count");
found.buttons = document.querySelectorAll("thead button").length;
click("drop"); found.up = cells("drop"); found.sort = heads[column("drop")].getAttribute("aria-sort");
click("drop"); found.down = cells("drop"); found.sorted = document.querySelectorAll("[aria-sort]").length;
click("scheme"); found.schemes = cells("scheme");
words.value = "NULLING bypass"; form.dispatchEvent(new Event("input"));
found.filtered = [cells("scheme"), cells("mode")]; found.count = count.textContent;
words.value = ""; const choice = form.querySelector("select[data-column='1']");
choice.value = "reclaim"; form.dispatchEvent(new Event("input"));
found.chosen = cells("mode"); found.hidden = form.hidden;
found.figures = [...document.querySelectorAll("figure")].map((f) => [...f.querySelectorAll("svg")].map(
  (svg) => { const box = svg.getBoundingClientRect(); return [box.width, box.height]; }));
found.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
found.requests = performance.getEntriesByType("resource").length;
document.body.setAttribute("data-found", JSON.stringify(found));
</script>
"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("size", ["1280,900", "500,900"])
def test_in_a_browser_the_table_sorts_and_filters(folder, tmp_path, size):
    text = (folder / "report.html").read_text(encoding="utf-8").replace("</body>", f"{PROBE}</body>")
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    more = [
        f"--user-data-dir={tmp_path / 'browser'}",
        f"--window-size={size}",
        "--virtual-time-budget=5000",
        "--dump-dom",
    ]
    ran = subprocess.run(
        [CHROMIUM, *FLAGS, *more, (tmp_path / "page.html").as_uri()], capture_output=True, text=True, timeout=500
    )
    shutil.rmtree(tmp_path / "browser", ignore_errors=True)
    assert "CONSOLE" not in ran.stderr
    found = json.loads(dict(Reader(ran.stdout).tags)["body"]["data-found"])
    check_table(found)
    assert found["overflow"] <= 0
    assert found["requests"] == 0
    shown = 1 if size.startswith("500") else 0
    for pictures in found["figures"]:
        assert min(pictures[shown]) > 100 and max(pictures[1 - shown]) == 0


def check_table(found):
    """Check what the script in the page did to the table of 12 rows."""
    drops = [float(text.split()[0]) for text in found["up"]]
    assert drops == sorted(drops) and len(drops) == 12
    assert [float(text.split()[0]) for text in found["down"]] == drops[::-1]
    assert (found["sort"], found["sorted"], found["hidden"]) == ("ascending", 1, False)
    assert found["schemes"] == sorted(found["schemes"])
    assert found["buttons"] == 8 + 11
    assert found["count"] == f"{len(found['filtered'][0])} of 12 rows shown"
    assert set(found["chosen"]) == {"reclaim"}
