"""docs/paper.md: every table and figure of the paper beside ours, with an honest word where they differ."""

from collections.abc import Mapping, Sequence

from nvmsim.report.paper.rows import (
    NONE,
    Rows,
    claim_rows,
    largest_difference,
    missing_lines,
    move_rows,
    point_rows,
    robustness_rows,
    scope_rows,
    statement_rows,
    summary_rows,
    tally,
    width_rows,
)
from nvmsim.report.paper.text import INTERVALS, provenance_text
from nvmsim.study.paper.agreement import MEANING
from nvmsim.study.paper.distortion import DistortionOutcome
from nvmsim.study.paper.outcome import KEPT
from nvmsim.study.paper.reproduce import AccuracyOutcome, Outcome, Reproduction
from nvmsim.study.paper.summary import SummaryOutcome

IMAGES = "images/paper"
TITLE = "# The paper's tables and figures"
_HEAD = f"""\
{TITLE}

Every table and figure of M. Qin, C. Sun and D. Vucinic, *Robustness of Neural Networks against Storage Media Errors*
(2017), beside what nvmsim measures. `nvmsim reproduce` draws this page from the stored trials and does a random sample
of them again; `nvmsim reproduce --full` measures all of them anew. The studies are YAML files in `configs/paper/`.
Networks are our own trainings of the paper's architectures: their weights are not the paper's.
Where the paper shows a figure without giving its values, ours stand alone: nothing is read off its curves.
"""


def render_markdown(reproduction: Reproduction, figures: Mapping[str, Mapping[str, str]]) -> str:
    """Return the page; ``figures`` are text alternatives by file name, by study; the files lie in images/paper."""
    parts = [_HEAD, "## At a glance", _table(_glance(reproduction.outcomes)), _notes(reproduction)]
    for outcome in reproduction.outcomes:
        drawn = figures.get(outcome.study.name, {})
        parts += [_study(outcome), *(_figure(name, alternative) for name, alternative in drawn.items())]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


_READING = """\
of comparisons at 95 %, one in twenty differs by chance, and those of one curve share their bit errors; figure-9, -11, \
-13 and -14 restate the values of Tables II, IV, VI and VII beside the curves with nulling
between listed rates the accuracy lost is taken as a power of the rate, or as linear in its logarithm where nothing is \
surely lost; a dash in an interval: that side is open. By the 95 % interval 40 models cannot bound R(0.95) from below, \
since one in eleven might collapse unseen; the t-interval leaves that out"""


def _notes(reproduction: Reproduction) -> str:
    texts = (MEANING, INTERVALS, *_READING.splitlines(), provenance_text(reproduction))
    return "\n".join(f"- {text[0].upper()}{text[1:]}." for text in texts)


def _glance(outcomes: Sequence[Outcome]) -> Rows:
    rows = [("study", "answers", "agree", "differ", "undecided", "largest difference, points", "trials a rate")]
    for outcome in outcomes:
        study = outcome.study
        counts, worst, trials = _verdicts(outcome)
        cells = [str(counts[name]) for name in ("agree", "differ", "undecided")]
        rows.append((f"[{study.name}](#{study.name})", study.answers, *cells, worst, trials))
    return rows


def _verdicts(outcome: Outcome) -> tuple[dict[str, int], str, str]:
    if isinstance(outcome, AccuracyOutcome):
        return tally(outcome), largest_difference(outcome), _trials(outcome)
    if isinstance(outcome, SummaryOutcome):
        found = [r.verdict for entry in outcome.entries for r in (entry.without, entry.nulling) if r]
    else:
        found = [statement.verdict for statement in outcome.statements]
    return {name: found.count(name) for name in ("agree", "differ", "undecided")}, NONE, NONE


def _trials(outcome: AccuracyOutcome) -> str:
    counts = [
        point.estimate.trials for curve in outcome.curves for point in curve.measured if not point.point.task.exact
    ]
    if not counts:
        return "not measured"
    return str(counts[0]) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _study(outcome: Outcome) -> str:
    study = outcome.study
    parts = [f"## {study.name}", f"**{study.answers}.** {study.title}."]
    if isinstance(outcome, AccuracyOutcome):
        parts += [_networks(outcome), *map(_table, _accuracy_tables(outcome)), *_missing(outcome)]
    elif isinstance(outcome, SummaryOutcome):
        parts += [_table(summary_rows(outcome))]
        parts += [f"- {entry.row.name}: {entry.missing}." for entry in outcome.entries if entry.missing]
    else:
        assert isinstance(outcome, DistortionOutcome)
        parts += [_table(statement_rows(outcome)), _table(width_rows(outcome)), _table(move_rows(outcome))]
        parts += [f"- {line}." for line in outcome.missing]
    parts += [f"**Why.** {' '.join(study.why.split())}"] if study.why else []
    return "\n\n".join(part for part in parts if part)


def _networks(outcome: AccuracyOutcome) -> str:
    known = {curve.curve.model: curve.float32 for curve in outcome.curves if curve.float32 is not None}
    ours = ", ".join(f"{name} {accuracy:.4f}" for name, accuracy in known.items())
    paper = outcome.study.float32
    theirs = f"the paper's {paper:.4f} ({outcome.study.float32_place})" if paper is not None else ""
    said = "; ".join(part for part in (ours, theirs) if part)
    return f"float32 accuracy: {said}. R({KEPT:g}) is measured against our own." if said else ""


def _accuracy_tables(outcome: AccuracyOutcome) -> list[Rows]:
    return [point_rows(outcome), robustness_rows(outcome), scope_rows(outcome), claim_rows(outcome)]


def _missing(outcome: AccuracyOutcome) -> list[str]:
    return [f"- {line}." for line in missing_lines(outcome.curves)]


def _figure(name: str, alternative: str) -> str:
    return f"![{alternative.replace('[', '(').replace(']', ')')}]({IMAGES}/{name}.svg)"


def _table(rows: Rows) -> str:
    if not rows:
        return ""
    heading, *body = [[_cell(cell) for cell in row] for row in rows]
    lines = [heading, ["---"] * len(heading), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
