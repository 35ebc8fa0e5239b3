"""A study's report as one page of HTML: complete without its small script, which sorts and filters the tables."""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

import nvmsim.report.html as single
from nvmsim.report.drawing import Drawing
from nvmsim.report.findings import assumed
from nvmsim.report.formats import clean
from nvmsim.report.html import facts, figure_html
from nvmsim.report.study.columns import Entry, StudyColumn, answer_columns, answers, entries, row_columns
from nvmsim.report.study.figures import caption_of
from nvmsim.report.study.findings import answer, in_turn, limit, progress, stops
from nvmsim.report.study.names import key_heading, value_text
from nvmsim.study.grid.outcome import Setting, StudyOutcome

MOST_ROWS = 5000
_MOST_CHOICES, _MOST_VALUES = 200, 12
_HERE, _SHARED = Path(__file__).parent, Path(single.__file__).parent


def render_study_html(outcome: StudyOutcome, drawings: Sequence[Drawing]) -> str:
    """Return the whole page; it makes no request."""
    shown, columns = entries(outcome)[:MOST_ROWS], row_columns(outcome)
    asked = answer_columns(outcome)
    parts = {
        "title": escape(clean(outcome.title or outcome.name)),
        "style": _read(_SHARED / "page.css") + _read(_HERE / "study.css") + _numeric("answers", asked)
        + _numeric("rows", columns),
        "question": escape(clean(outcome.question)),
        "answer": escape(answer(outcome)),
        "facts": facts(_about(outcome)),
        "limit": escape(limit(outcome)),
        "answer_heads": _heads(asked),
        "answers": "\n".join(_row(entry, asked, _answer_class(entry[0])) for entry in answers(outcome)),
        "figures": "\n".join(figure_html(drawing, caption_of(drawing.name, outcome)) for drawing in drawings),
        "filters": "".join(_filter(i, column, shown) for i, column in enumerate(columns) if column.choice),
        "row_count": f"{len(shown):,}",
        "left_out": _left_out(len(entries(outcome))),
        "row_heads": _heads(columns),
        "rows": "\n".join(_row(entry, columns, _verdict(entry)) for entry in shown),
        "notes": facts(_notes(outcome)),
        "how": _how(outcome),
        "versions": facts(_versions(outcome)),
        "script": _read(_HERE / "table.js"),
    }  # fmt: skip
    return Template(_read(_HERE / "page.html")).substitute(parts)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _about(outcome: StudyOutcome) -> list[tuple[str, str]]:
    axes = [(key_heading(key), _values(values)) for key, values in outcome.axes.items() if key != "scheme"]
    return [("settings", f"{len(outcome.settings):,}, {len(outcome.measured):,} of them measured"), *axes]


def _values(values: Sequence[object]) -> str:
    said = ", ".join(map(value_text, values[:_MOST_VALUES]))
    return said if len(values) <= _MOST_VALUES else f"{said} and {len(values) - _MOST_VALUES} more"


def _notes(outcome: StudyOutcome) -> list[tuple[str, str]]:
    said = [("progress", progress(outcome)), *(("stopped", why) for why in stops(outcome))]
    said += [("in turn", text) for text in [in_turn(outcome)] if text]
    results = [setting.result for setting in outcome.measured]
    warnings = dict.fromkeys(clean(text) for result in results for text in result.warnings)
    assumptions = assumed(one for result in results for one in result.assumptions)
    lacking = sum(len(setting.lacking) for setting in outcome.settings)
    said += [("assumed", text) for text in assumptions] + [("warning", text) for text in warnings]
    return [*said, ("lacking", f"{lacking:,} rows have too few trials to be shown")] if lacking else said


def _how(outcome: StudyOutcome) -> str:
    command = f"<pre><code>{escape(clean(outcome.command))}</code></pre>" if outcome.command else ""
    lines = "\n".join(clean(line) if line.strip() else "" for line in _indented(outcome.text))
    return command + (f"<pre><code>{escape(lines)}</code></pre>" if outcome.text.strip() else "")


def _indented(text: str) -> list[str]:
    """Keep the indents of a study's file, which `clean` would take, as spaces that do not break."""
    lines = text.splitlines()
    return [" " * (len(line) - len(line.lstrip(" "))) + line.lstrip(" ") for line in lines]


def _versions(outcome: StudyOutcome) -> list[tuple[str, str]]:
    found = [*outcome.versions.items(), *(pair for machine in outcome.machines for pair in machine.items())]
    return [(clean(key).replace("_", " "), clean(value)) for key, value in found if value not in (None, "")]


def _numeric(table: str, columns: Sequence[StudyColumn]) -> str:
    """Align numbers by a rule a column: a class in each of 20,000 cells would be a quarter of the page."""
    places = [f"#{table} tr>:nth-child({i})" for i, column in enumerate(columns, 1) if not column.text]
    return f"{','.join(places)} {{ text-align: right; }}\n" if places else ""


def _heads(columns: Sequence[StudyColumn]) -> str:
    kinds = ["text" if column.text else "number" for column in columns]
    return "".join(
        f'<th scope="col" data-kind="{kind}">{escape(column.heading)}</th>'
        for kind, column in zip(kinds, columns, strict=True)
    )


def _row(entry: Entry, columns: Sequence[StudyColumn], mark: str) -> str:
    first, *rest = (_cell(column.cell(*entry)) for column in columns)
    cells = "".join(f"<td>{text}</td>" for text in rest)
    return f'<tr{f" class={mark}" if mark else ""}><th scope="row">{first}</th>{cells}</tr>'


def _cell(text: str) -> str:
    shown = re.sub(r"(\[[^]]*\])$", r'<span class="ci">\1</span>', escape(text))
    return shown.replace("FAILS", '<strong class="fails">FAILS</strong>') if text.endswith(" FAILS") else shown


def _verdict(entry: Entry) -> str:
    return "front" if entry[1] is not None and entry[1].pareto == "yes" else ""


def _answer_class(setting: Setting) -> str:
    row = setting.best.row if setting.best else None
    return "free" if row is not None and not row.has_ecc else ""


def _filter(place: int, column: StudyColumn, shown: Sequence[Entry]) -> str:
    values = list(dict.fromkeys(column.cell(*entry) for entry in shown))
    if not 1 < len(values) <= _MOST_CHOICES:
        return ""
    options = "".join(f"<option>{escape(value)}</option>" for value in values)
    start = f'<label>{escape(column.heading)} <select data-column="{place}">'
    return f'{start}<option value="">all</option>{options}</select></label>'


def _left_out(count: int) -> str:
    if count <= MOST_ROWS:
        return ""
    return f'<p class="alert">{count - MOST_ROWS:,} of {count:,} rows are left out here; rows.csv has all.</p>'
