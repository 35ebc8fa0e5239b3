"""What a study says, in sentences: the answer, the figures' titles, progress and why tasks stopped."""

from collections.abc import Sequence

from nvmsim.report.formats import clean, factor, number, row_name
from nvmsim.report.study.lifetime import Lifetime, lifetimes
from nvmsim.report.study.names import resource_name, setting_name
from nvmsim.report.study.panels import Panel
from nvmsim.study.grid.outcome import Setting, StudyOutcome
from nvmsim.study.tradeoff import Row, has_ecc

_MOST_NAMES = 3
_NOT_ASKED = "No scheme without ECC was asked for"


def limit(outcome: StudyOutcome) -> str:
    """Return what may be lost, such as ``1 point``."""
    most = outcome.max_drop_points
    return f"{most:g} {'point' if most == 1 else 'points'}"


def answer(outcome: StudyOutcome) -> str:
    """Return the study's answer in one to five sentences of plain text."""
    groups = [_free_sentence(outcome), _ecc_sentence(outcome), _none_sentence(outcome), _fails_sentence(outcome)]
    said = [sentence for sentence in (*groups, _missing_sentence(outcome)) if sentence]
    return " ".join(said) or "Nothing is measured yet."


def without_ecc(outcome: StudyOutcome) -> list[Setting]:
    """Return the settings where a row read without ECC surely fits."""
    return [s for s in outcome.settings if s.best and s.best.free]


def only_ecc(outcome: StudyOutcome) -> list[Setting]:
    """Return the settings where rows without ECC were tried, and none but an ECC row surely fits so far."""
    return [s for s in outcome.settings if s.best and s.best.row and s.best.free_tried and not s.best.free]


def nothing_fits(outcome: StudyOutcome) -> list[Setting]:
    """Return the measured settings without any row that surely fits."""
    return [s for s in outcome.measured if s.best is None or s.best.row is None]


def _free_sentence(outcome: StudyOutcome) -> str:
    free, tried = without_ecc(outcome), [s for s in outcome.measured if s.best and s.best.free_tried]
    if not tried:
        return _not_asked(outcome) if outcome.measured else ""
    if not free:
        start = f"On none of {_settings(len(tried))}"
        if any(s.best.free_open for s in tried):
            return f"{start} is it sure yet that weights read without ECC lose at most {limit(outcome)}."
        return f"{start} can weights be read without ECC and surely lose at most {limit(outcome)}."
    rows = [s.best.free for s in free]
    start = f"On {len(free)} of {_settings(len(tried))} weights can be read without ECC and surely lose at most"
    return f"{start} {limit(outcome)}: {_ways(rows)}{_times(rows)}."


def _not_asked(outcome: StudyOutcome) -> str:
    part = [s for s in outcome.measured if s.best and s.best.row and s.best.row.ecc_in_part]
    rows = [s.best.row for s in part]
    said = (
        f" ECC for a part of the weights alone surely loses at most {limit(outcome)} on {_where(part)}: {_ways(rows)}"
    )
    return f"{_NOT_ASKED}.{f'{said}{_times(rows)}.' if part else ''}{_whole_sentence(outcome)}"


def _whole_sentence(outcome: StudyOutcome) -> str:
    """Say where ECC for all weights is the answer though ECC for a part was tried."""
    tried = [s for s in outcome.measured if any(row.ecc_in_part for row in s.result.rows)]
    whole = [s for s in tried if s.best and s.best.row and not s.best.row.ecc_in_part]
    sure, unsure = ([s for s in whole if bool(s.best.open_rows) == some] for some in (False, True))
    start = f" ECC for all weights is the fastest that surely loses at most {limit(outcome)}"
    said = f"{start} on {_where(sure)}." if sure else ""
    return said + (f"{start} so far on {_where(unsure)}; ECC for a part may be faster." if unsure else "")


def _settings(count: int) -> str:
    return f"{count} {'setting' if count == 1 else 'settings'}"


def _ways(rows: Sequence[Row]) -> str:
    """Name the rows, the most frequent first."""
    names = [row_name(row) for row in rows]
    ranked = sorted(dict.fromkeys(names), key=lambda name: -names.count(name))
    return _listed(ranked, "others")


def _times(rows: Sequence[Row]) -> str:
    gains = [row.speedup for row in rows if row.speedup is not None]
    if not gains:
        return ""
    low, high = factor(min(gains)), factor(max(gains))
    return f", {low if low == high else f'{low} to {high}'} times as fast"


def _listed(names: Sequence[str], others: str) -> str:
    if len(names) <= _MOST_NAMES + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} {others}"


def _where(settings: Sequence[Setting]) -> str:
    return "; ".join(map(setting_name, settings[:_MOST_NAMES])) + (
        f"; and {len(settings) - _MOST_NAMES} more" if len(settings) > _MOST_NAMES else ""
    )


def _ecc_sentence(outcome: StudyOutcome) -> str:
    found = only_ecc(outcome)
    sure, unsure = ([s for s in found if bool(s.best.free_open) == some] for some in (False, True))
    return " ".join([*_must_stay(sure), *_stays(outcome, unsure)])


def _must_stay(sure: Sequence[Setting]) -> list[str]:
    part = [s for s in sure if s.best.row.ecc_in_part]
    slow = [s for s in sure if s.best.part and s not in part and not s.best.part_open]
    rest = [s for s in sure if s not in part and s not in slow]
    whole, unclear = ([s for s in rest if bool(s.best.part_open) == some] for some in (False, True))
    said = [f"ECC must stay on {_where(whole)}."] if whole else []
    if unclear:
        said.append(f"ECC must stay, for all weights or a part of them, on {_where(unclear)}.")
    if part:
        said.append(f"ECC must stay for a part of the weights on {_where(part)}: {_parts(part)}.")
    if slow:
        said.append(
            f"ECC must stay on {_where(slow)}; for a part of the weights ({_parts(slow)}) is enough, but no faster."
        )
    return said


def _stays(outcome: StudyOutcome, unsure: Sequence[Setting]) -> list[str]:
    cap = " (raise effort.trials)" if outcome.progress.finished == outcome.progress.tasks else ""
    idle = [s for s in unsure if not s.best.open_rows]
    part, whole = ([s for s in unsure if s.best.row.ecc_in_part == some and s not in idle] for some in (True, False))
    said = [f"ECC stays on {_where(idle)}: without it weights would be read no faster."] if idle else []
    said += [f"ECC stays, until more trials tell{cap}, on {_where(whole)}."] if whole else []
    if part:
        said.append(f"ECC stays, if only for a part ({_parts(part)}), until more trials tell{cap}, on {_where(part)}.")
    return said


def _parts(settings: Sequence[Setting]) -> str:
    return _ways([s.best.part for s in settings])


def _none_sentence(outcome: StudyOutcome) -> str:
    found = nothing_fits(outcome)
    return f"No scheme surely loses at most {limit(outcome)} on {_where(found)}." if found else ""


def _fails_sentence(outcome: StudyOutcome) -> str:
    found = [setting for setting in outcome.measured if setting.result.ecc_fails]
    return f"ECC itself FAILS, missing its UBER target, on {_where(found)}." if found else ""


def _missing_sentence(outcome: StudyOutcome) -> str:
    count = len(outcome.settings) - len(outcome.measured)
    return f"{_settings(count)} not measured yet." if count and outcome.measured else ""


def progress(outcome: StudyOutcome) -> str:
    """Return in one line how far the study is, and what stopping early saved."""
    found = outcome.progress
    begun = f", {found.begun - found.finished} begun" if found.begun > found.finished else ""
    said = f"{found.finished:,} of {found.tasks:,} tasks finished{begun}; {found.trials:,} trials, "
    said += f"{number(found.images)} images put through disturbed networks"
    if found.images and found.flat_images > found.images:
        said += f"; with as many for each row as its setting's widest: {factor(found.flat_images / found.images)} times"
    return said


def stops(outcome: StudyOutcome) -> list[str]:
    """Return why tasks stopped, each reason with its count."""
    return [f"{clean(why)}: {count:,}" for why, count in outcome.progress.reasons.items()]


def in_turn(outcome: StudyOutcome) -> str:
    """Say how rows with ECC in part are read, where there are any."""
    if not any(row.ecc_in_part for setting in outcome.measured for row in setting.result.rows):
        return ""
    return "ECC for a part makes two files, read one after the other; a reader that interleaves them may be faster"


def front_title(outcome: StudyOutcome) -> str:
    """Return the finding of the Pareto fronts."""
    rows = [setting.best.free for setting in without_ecc(outcome) if setting.best.free.speedup is not None]
    if not rows:
        return _NOT_ASKED if _all_with_ecc(outcome) else f"Without ECC no scheme surely loses at most {limit(outcome)}"
    best = max(rows, key=lambda row: row.speedup)
    return f"Without ECC up to {factor(best.speedup)} times as fast for at most {limit(outcome)}: {row_name(best)}"


def _all_with_ecc(outcome: StudyOutcome) -> bool:
    return not any(s.best and s.best.free_tried for s in outcome.measured)


def longest(panels: Sequence[Panel], most: float) -> tuple[Panel, Lifetime] | None:
    """Return the panel and scheme without ECC that serves most of its panel's ages, None if none serves."""
    found = [
        (panel, life)
        for panel in panels
        for life in lifetimes(panel, max_drop_points=most)
        if life.last is not None and not has_ecc(life.series[1])
    ]
    return max(found, key=lambda one: one[0].steps.index(one[1].last), default=None)


def lifetime_title(outcome: StudyOutcome, panels: Sequence[Panel]) -> str:
    """Return the finding of the curves and bars over ages."""
    found = longest(panels, outcome.max_drop_points)
    if found is None and _all_with_ecc(outcome):
        return _NOT_ASKED
    if found is None:
        return f"Without ECC the drop never surely stays within {limit(outcome)}"
    panel, life = found
    tail = " on every device and network" if _everywhere(panels, life, outcome.max_drop_points) else f" on {panel.name}"
    way = f"{clean(life.series[0])} ({clean(life.series[1])})"
    return f"Longest without ECC: {way} loses at most {limit(outcome)} up to {panel.said(life.last)}{tail}"


def _everywhere(panels: Sequence[Panel], best: Lifetime, most: float) -> bool:
    lives = [life for p in panels for life in lifetimes(p, max_drop_points=most) if life.series == best.series]
    same = [life for life in lives if life.last is not None and life.last.label == best.last.label]
    return len(panels) > 1 and len(same) == len(panels)


def heat_title(outcome: StudyOutcome, panels: Sequence[Panel]) -> str:
    """Return the finding of the heat map: what is lost at the last age without ECC, at least and at most."""
    rows = [row for panel in panels for row in panel.steps[-1].result.rows if not row.has_ecc]
    if not rows:
        return "Points lost by scheme and age"
    least, worst = min(rows, key=lambda row: row.drop_points), max(rows, key=lambda row: row.drop_points)
    said = f"{row_name(least)} loses {least.drop_points:.2f} points"
    other = f"{row_name(worst)} {worst.drop_points:.2f}"
    said += f", {other}" if worst.drop_points > least.drop_points else ""
    return f"At the last age without ECC: {said}"


def boxes_title(outcome: StudyOutcome) -> str:
    """Return the finding of the box plots: the worst trial of any answer."""
    rows = [(s, s.best.row) for s in outcome.measured if s.best and s.best.row and s.best.row.trial_accuracies]
    if not rows:
        return "Trials of the answers"
    setting, row = min(rows, key=lambda one: min(one[1].trial_accuracies) - one[0].result.float32_accuracy)
    lost = 100 * (setting.result.float32_accuracy - min(row.trial_accuracies))
    return f"The worst trial of any answer loses {lost:.2f} points: {row_name(row)} on {setting_name(setting)}"


def timing_title(outcome: StudyOutcome) -> str:
    """Return the finding of the bars of use: what limits reading with ECC and without."""
    rows = [row for setting in outcome.measured for row in setting.result.rows]
    kinds = {"with ECC": (True, False), "with ECC in part": (True, True), "without ECC": (False, False)}
    groups = {how: [row for row in rows if (row.has_ecc, row.ecc_in_part) == kind] for how, kind in kinds.items()}
    said = [f"the {_limits(group)} {how}" for how, group in groups.items() if group]
    return f"What limits reading: {', '.join(said)}"


def _limits(rows: Sequence[Row]) -> str:
    return " or ".join(sorted({resource_name(row.bottleneck) for row in rows}))
