"""What ``nvmsim reproduce`` prints: a table a study, or all of it as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from fractions import Fraction
from textwrap import wrap
from typing import Any

from nvmsim.report.paper.rows import (
    Rows,
    missing_lines,
    move_rows,
    point_rows,
    robustness_rows,
    scope_rows,
    statement_rows,
    summary_rows,
    width_rows,
)
from nvmsim.study.paper.agreement import MEANING
from nvmsim.study.paper.check import Check
from nvmsim.study.paper.distortion import DistortionOutcome
from nvmsim.study.paper.outcome import CurveOutcome
from nvmsim.study.paper.reproduce import AccuracyOutcome, Outcome, Reproduction
from nvmsim.study.paper.summary import SummaryOutcome
from nvmsim.text_table import aligned


def render_text(reproduction: Reproduction, check: Check | None) -> str:
    """Return all studies as tables, with what a verdict means, where the counts come from, and what was checked."""
    parts = [_study(outcome) for outcome in reproduction.outcomes]
    notes = [MEANING, INTERVALS, provenance_text(reproduction), *([check_text(check)] if check else [])]
    return "\n\n".join([*parts, "\n".join(line for note in notes for line in _wrapped(note))])


WIDTH = 140
INTERVALS = (
    "95 % interval: of the mean accuracy on this test set, wide enough for collapses that the trials did not meet; "
    "t-interval: narrower, true only if there are none; sentences that order curves of one network and one choice of "
    "images compare t-intervals over trials alone"
)


def _study(outcome: Outcome) -> str:
    lines = [f"{outcome.study.name}: {outcome.study.title} ({outcome.study.answers})"]
    if isinstance(outcome, AccuracyOutcome):
        for rows in (point_rows(outcome), robustness_rows(outcome), scope_rows(outcome)):
            lines += _table(rows)
        lines += _remarks(outcome)
    elif isinstance(outcome, SummaryOutcome):
        lines += _table(summary_rows(outcome))
        lines += [f"{entry.row.name}: {entry.missing}" for entry in outcome.entries if entry.missing]
    else:
        lines += [*_table(statement_rows(outcome)), *_table(width_rows(outcome)), *_table(move_rows(outcome))]
        lines += outcome.missing
    lines += _wrapped(f"why: {' '.join(outcome.study.why.split())}") if outcome.study.why else []
    return "\n".join(lines)


def _remarks(outcome: AccuracyOutcome) -> list[str]:
    said = [
        f'{claim.verdict}: "{claim.claim.says}" ({claim.claim.place}). Ours: {claim.shown}' for claim in outcome.claims
    ]
    lines = [line for text in (*said, *missing_lines(outcome.curves)) for line in _wrapped(text)]
    return ["", *lines] if lines else []


def _wrapped(text: str) -> list[str]:
    return wrap(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _table(rows: Rows) -> list[str]:
    return ["", *aligned(rows)] if rows else []


def provenance_text(reproduction: Reproduction) -> str:
    """Say in a sentence who counted what is shown, and when."""
    found = reproduction.provenance
    if not found.trials:
        return "counts: none"
    machines = "; ".join(
        f"{about.get('processor', '?')} ({about.get('machine', '?')}{_instructions(about)}), torch "
        f"{about.get('torch', '?')}, Python {about.get('python', '?')}"
        for about in found.machines
    )
    days = found.first if found.first == found.last else f"{found.first} to {found.last}"
    return f"counts: {found.trials:,} trials, {found.images:,} images classified, {days}, on {machines}"


def _instructions(about: dict[str, Any]) -> str:
    return f", {about['instructions']}" if about.get("instructions") else ""


def check_text(check: Check) -> str:
    """Say what was done again and what came of it."""
    if not check.cells:
        left = f" ({'; '.join(check.left_out)})" if check.left_out else ""
        return f"check: nothing was done again{left}"
    what = f"check: {check.cells} stored blocks ({check.images:,} images), drawn at random with seed {check.seed} from "
    what += f"{', '.join(check.studies)}, were done again: "
    what += f"{len(check.problems)} PROBLEMS" if check.problems else "flips equal, "
    if not check.problems:
        what += _counts(check)
    return what + (f"; left out: {'; '.join(check.left_out)}" if check.left_out else "")


def _counts(check: Check) -> str:
    if not check.elsewhere:
        return "counts equal"
    return (
        f"counts equal but for {check.near_ties} of {check.elsewhere:,} images that another kind of machine counted "
        "first (near ties)"
    )


def render_json(reproduction: Reproduction, check: Check | None) -> str:
    """Return all of it as one JSON object."""
    found = {
        "studies": [_plain_outcome(outcome) for outcome in reproduction.outcomes],
        "agree": MEANING,
        "provenance": asdict(reproduction.provenance),
        "check": asdict(check) if check else None,
    }
    return json.dumps(found, indent=2, default=_number)


def _number(value: object) -> object:
    if isinstance(value, Fraction):
        return str(value)
    raise TypeError(type(value).__name__)


def _plain_outcome(outcome: Outcome) -> dict[str, Any]:
    study = outcome.study
    known = {"name": study.name, "answers": study.answers, "title": study.title, "why": study.why}
    if isinstance(outcome, AccuracyOutcome):
        claims = [{**asdict(c.claim), "verdict": c.verdict, "shown": c.shown} for c in outcome.claims]
        return {**known, "curves": list(map(_plain_curve, outcome.curves)), "claims": claims}
    if isinstance(outcome, SummaryOutcome):
        return {**known, "rows": _plain(outcome.entries)}
    assert isinstance(outcome, DistortionOutcome)
    return {
        **known,
        "statements": _plain(outcome.statements),
        "widths": _plain(outcome.widths),
        "moves": _plain(outcome.moves),
    }


def _plain(values: Sequence[Any]) -> list[Any]:
    return [asdict(value) if is_dataclass(value) else value for value in values]


def _plain_curve(curve: CurveOutcome) -> dict[str, Any]:
    points = [
        {
            "rber": point.rber,
            "paper": point.paper,
            "accuracy": point.estimate.mean if point.estimate else None,
            "low": point.estimate.low if point.estimate else None,
            "high": point.estimate.high if point.estimate else None,
            "verdict": point.verdict,
            "trials": point.estimate.trials if point.estimate else 0,
            "images": point.estimate.images if point.estimate else 0,
            "bit_errors": point.bit_errors if point.estimate else None,
            "trial_accuracies": point.estimate.accuracies if point.estimate else [],
            "task_id": point.point.task.id,
        }
        for point in curve.points
    ]
    return {
        **asdict(curve.curve),
        "float32": curve.float32,
        "points": points,
        "robustness": asdict(curve.robustness) if curve.robustness else None,
        "missing": curve.missing,
    }
