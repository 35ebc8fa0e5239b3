"""The report as one page of HTML that needs nothing from outside: no script, no request, figures inside."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

from nvmsim.report.columns import Column, columns
from nvmsim.report.drawing import BLUE, GREY, GRID, INK, MUTED, SURFACE, Drawing, described
from nvmsim.report.findings import headline, notes, where
from nvmsim.report.formats import age, clean, number, percent, rate
from nvmsim.study.tradeoff import Result, Row

_HERE = Path(__file__).parent
_THEMED = {INK: "--ink", MUTED: "--muted", GRID: "--grid", SURFACE: "--surface", BLUE: "--blue", GREY: "--grey"}
_CAPTIONS = {
    "throughput-accuracy": "Each marker is a row of the table, labelled with its scheme; bars are 95 % intervals. "
    "Rows of equal throughput stand side by side. The scale of accuracy is logarithmic in the points lost, so that "
    "small losses and collapses show in one picture.",
    "accuracy-trials": "A box holds the middle half of the trials, with the median in it; whiskers reach the last "
    "trial within 1.5 box widths; crosses are outliers, dots are trials.",
    "page-read": "Mean time of a page from its command to its last byte, under steady load. Pale parts are waits for "
    "a resource that other pages hold; they are drawn after the work, whenever they come. A bar that waits make far "
    "longer than all work is cut; its total stands beside it.",
}


def render_html(result: Result, drawings: Sequence[Drawing], *, stamp: str = "") -> str:
    """Return the whole page; ``stamp`` names what it was made from and stands in its ``generator`` line."""
    figures = [figure_html(drawing, _CAPTIONS.get(drawing.name, "")) for drawing in drawings]
    cells = _ordered(columns(result, compact=False))
    parts = {
        "stamp": escape(stamp),
        "title": escape(where(result)),
        "style": (_HERE / "page.css").read_text(encoding="utf-8"),
        "answer": escape(headline(result)),
        "alerts": "".join(f'<p class="alert">{escape(clean(text))}</p>' for text in result.warnings),
        "facts": facts(_about(result)),
        "first_figure": "".join(figures[:1]),
        "more_figures": "\n".join(figures[1:]),
        "heads": "".join(f'<th scope="col"{_numeric(column)}>{escape(column.heading)}</th>' for column in cells),
        "rows": "\n".join(_row(row, cells) for row in result.rows),
        "meanings": facts((column.heading, column.meaning) for column in cells),
        "notes": facts(notes(result)),
        "sampling": "\n".join(_sampled(row) for row in result.rows),
        "command": f"<pre><code>{escape(clean(result.command))}</code></pre>" if result.command else "",
        "settings": facts(_settings(result)),
    }
    return Template((_HERE / "page.html").read_text(encoding="utf-8")).substitute(parts)


def _about(result: Result) -> list[tuple[str, str]]:
    return [
        ("device and age", f"{clean(result.device)}, {age(result.condition)}"),
        ("raw bit error rate", rate(result.rber)),
        ("network", f"{clean(result.model)}, {result.n_weights:,} weights"),
        ("float32 accuracy", f"{percent(result.float32_accuracy)} % (chance {percent(result.chance)} %)"),
    ]


def _settings(result: Result) -> list[tuple[str, str]]:
    run = {"seed": result.seed, "range scope": result.range_scope, "backend": result.backend}
    took = {"time": f"{number(result.elapsed_s, digits=3)} s"}
    listed = {**run, **_flat(result.settings), **result.versions, **took}
    return [(clean(key).replace("_", " "), clean(value)) for key, value in listed.items() if value not in (None, "")]


def _flat(settings: Mapping[str, object]) -> dict[str, object]:
    return {key: " ".join(map(str, v)) if isinstance(v, list | tuple) else v for key, v in settings.items()}


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return (term, text) pairs as the inside of a description list, escaped."""
    return "".join(f"<div><dt>{escape(term)}</dt><dd>{escape(text)}</dd></div>" for term, text in pairs)


def _ordered(found: Sequence[Column]) -> list[Column]:
    """Put the scheme first: it stays in sight where a narrow page scrolls the table."""
    mark, scheme, mode, *rest = found
    return [scheme, mode, mark, *rest]


def _numeric(column: Column) -> str:
    return "" if column.text else ' class="n"'


def _row(row: Row, cells: Sequence[Column]) -> str:
    head, *rest = cells
    written = "".join(f"<td{_numeric(column)}>{_cell(column, row)}</td>" for column in rest)
    verdict = row.pareto if row.pareto in ("yes", "no", "undecided") else ""
    return f'<tr class="{verdict}"><th scope="row">{escape(head.cell(row))}</th>{written}</tr>'


def _cell(column: Column, row: Row) -> str:
    text = escape(column.cell(row))
    text = re.sub(r"(\[.*\]|\(.*%\))", r'<span class="ci">\1</span>', text)
    return text.replace("FAILS", '<strong class="fails">FAILS</strong>') if row.fails_uber else text


def _sampled(row: Row) -> str:
    words = (row.scheme, row.mode, row.encoding)
    left = "".join(f"<td>{escape(clean(word))}</td>" for word in words)
    counts = f'<td class="n">{row.trials:,}</td><td class="n">{row.images:,}</td>'
    why, task = escape(clean(row.stop_reason)), escape(clean(row.task_id)[:12])
    return f"<tr>{left}{counts}<td>{why}</td><td><code>{task}</code></td></tr>"


def figure_html(drawing: Drawing, caption: str) -> str:
    """Return a figure in its wide and its phone layout, of which the page's style shows one, above its caption."""
    pictures = "".join(f'<div class="{kind}">{inline_svg(drawing, kind)}</div>' for kind in ("broad", "narrow"))
    return f'<figure id="{drawing.name}">{pictures}<figcaption>{escape(caption)}</figcaption></figure>'


def inline_svg(drawing: Drawing, kind: str) -> str:
    """Return the ``broad`` or ``narrow`` SVG as an element of a page.

    Its text alternative is inside, and its greys come from the page's theme.
    """
    whole = drawing.narrow_svg if kind == "narrow" else drawing.svg
    name = f"{drawing.name}-{kind}"
    bare = whole[whole.index("<svg") :]
    svg = described(bare, name=name, title=drawing.title, alternative=drawing.alternative)
    for colour, variable in _THEMED.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg
