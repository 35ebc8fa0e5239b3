"""What a result says, in sentences: the headline, the figures' titles and the notes under the table."""

from collections.abc import Iterable, Mapping, Sequence

from nvmsim.report.formats import age, clean, drop, factor, number, percent, points, rate, row_name, way
from nvmsim.study.tradeoff import Result, Row, fastest_within

HARMLESS_POINTS = 1.0
_LONG_LIST = 100


def where(result: Result) -> str:
    """Return the device and the name of its age, such as ``tlc (worn)``."""
    return f"{clean(result.device)} ({clean(result.condition.get('name', 'custom'))})"


def headline(result: Result) -> str:
    """Return the answer of a run in two or three sentences of plain text."""
    said = [_ecc_sentence(result), _speed_sentence(result), _best_sentence(result)]
    return " ".join(sentence for sentence in said if sentence)


def _ecc_sentence(result: Result) -> str:
    if not result.ecc_fails:
        return ""
    missed = f"its UBER {rate(result.ecc_uber)} misses the target of {rate(result.uber_target)}"
    return f"ECC FAILS on {where(result)}: {missed}."


def _speed_sentence(result: Result) -> str:
    gains = [row.speedup for row in _without_ecc(result) if row.speedup is not None]
    if not gains:
        return ""
    low, high = min(gains), max(gains)
    start = f"Dropping ECC on {where(result)}"
    if high < 1.005:
        return f"{start} does not load weights faster ({factor(high)}x): {_limit(result)} is the limit."
    span = factor(high) if factor(low) == factor(high) else f"{factor(low)} to {factor(high)}"
    return f"{start} loads weights {span} times as fast."


def _limit(result: Result) -> str:
    limits = sorted({clean(row.bottleneck) for row in _without_ecc(result)})
    return "the " + " or ".join(limits)


def _without_ecc(result: Result) -> list[Row]:
    return [row for row in result.rows if not row.has_ecc]


def _best_sentence(result: Result) -> str:
    best = fastest_within(result.rows, max_drop_points=HARMLESS_POINTS)
    if best is None:
        least = min(result.rows, key=lambda row: row.drop_high, default=None)
        tail = "" if least is None else f"; the safest is {row_name(least)}, which loses {drop(least)} points"
        return f"No scheme surely loses less than {HARMLESS_POINTS:g} point{tail}."
    speed = f"{number(best.bandwidth_gb_s)} GB/s of weights"
    if best.speedup is not None and best.mode != "ecc":
        speed += f", {factor(best.speedup)}x {'an ECC that FAILS' if result.ecc_fails else 'ECC'}"
    start = f"The fastest scheme that surely loses less than {HARMLESS_POINTS:g} point is {row_name(best)}"
    return f"{start}: {speed}, drop {drop(best)} points."


def front_title(result: Result) -> str:
    """Return the finding that the throughput-accuracy figure shows."""
    best = fastest_within(result.rows, max_drop_points=HARMLESS_POINTS)
    if best is None:
        return f"No scheme on {where(result)} surely loses less than {HARMLESS_POINTS:g} point"
    if best.mode == "ecc":
        return f"ECC stays the fastest choice that surely loses less than {HARMLESS_POINTS:g} point"
    speed = (
        f"{number(best.bandwidth_gb_s)} GB/s" if best.speedup is None else f"{factor(best.speedup)}x the speed of ECC"
    )
    return f"{row_name(best)}: {speed}, {points(best.drop_points)} points lost"


def boxes_title(result: Result) -> str:
    """Return the finding that the box plot shows: the scheme whose worst trial is best, and worst."""
    tried = [row for row in result.rows if row.trial_accuracies]
    bare = [row for row in _without_ecc(result) if row.trial_accuracies]
    kind, tried = (" without ECC", bare) if bare else ("", tried)
    if not tried:
        return "No trials"
    worst = min(tried, key=lambda row: min(row.trial_accuracies))
    safest = max(tried, key=lambda row: min(row.trial_accuracies))
    if worst is safest:
        return f"{row_name(worst)}: worst trial {percent(min(worst.trial_accuracies))} %"
    return (
        f"Worst trial{kind}: {percent(min(safest.trial_accuracies))} % with {row_name(safest)}, "
        f"{percent(min(worst.trial_accuracies))} % with {row_name(worst)}"
    )


def page_reads(rows: Sequence[Row]) -> list[Row]:
    """Return the first row of each way to read that has page read times: what has one mode is read alike."""
    first: dict[str, Row] = {}
    for row in rows:
        if sum(row.page_read_us.values()) > 0:
            first.setdefault(way(row), row)
    return list(first.values())


def page_read_title(result: Result) -> str:
    """Return the finding that the page-read figure shows: how long a page takes in each mode, and the longest stage."""
    rows = page_reads(result.rows)
    if not rows:
        return "No page reads"
    whole = [row for row in rows if "+" not in row.mode] or rows  # a part with ECC: a mean of two kinds of pages
    said = ", ".join(f"{number(sum(row.page_read_us.values()), digits=3)} µs ({way(row)})" for row in whole)
    stage, longest = max(whole[0].page_read_us.items(), key=lambda item: item[1])
    share = 100 * longest / sum(whole[0].page_read_us.values())
    return f"A page read takes {said}; {share:.0f}\u00a0% of the first is {clean(stage).replace('_', ' ')}"


def notes(result: Result) -> list[tuple[str, str]]:
    """Return (subject, text) of what a reader must know beside the table, in plain text."""
    said = [
        ("device", f"{clean(result.device)}, {age(result.condition)}; mean RBER {rate(result.rber)}"),
        ("network", _network(result)),
        ("intervals", _intervals(result)),
        *(("sampling", line) for line in _sampling(result.rows)),
        ("small", _small(result)),
        ("in turn", _in_turn(result.rows)),
        *_failure(result),
        *(("assumed", text) for text in assumed(result.assumptions)),
        *_pairing(result.rows),
        *(("warning", clean(warning)) for warning in result.warnings),
    ]
    return [(subject, text) for subject, text in said if text]


def _network(result: Result) -> str:
    return (
        f"{clean(result.model)}, {result.n_weights:,} weights, float32 accuracy {percent(result.float32_accuracy)} %, "
        f"chance {percent(result.chance)} %, range scope {clean(result.range_scope)}"
    )


def _small(result: Result) -> str:
    if result.model_pages >= result.round_pages:
        return ""
    fill = f"the model's {result.model_pages:,} pages are fewer than the {result.round_pages:,} planes of the device"
    return f"{fill}: GB/s and speed-up are those of a larger model, loads/s is this one's"


def _in_turn(rows: Sequence[Row]) -> str:
    """Say what rows with ECC in part leave to a reader of both files at once: the busiest resource can do no more."""
    parts = [row for row in rows if row.ecc_in_part]
    if not parts:
        return ""
    most = {f"{number(row.bandwidth_gb_s / max(row.utilisation.values()))} ({way(row)})": None for row in parts}
    files = "what is read with ECC and what without are two files, read one after the other"
    return f"{files}; a reader that interleaves them reaches at most these GB/s of weights: {', '.join(most)}"


def _intervals(result: Result) -> str:
    target = result.settings.get("interval_target")
    return f"95 %, for the mean accuracy on {clean(target)}" if target else ""


def assumed(assumptions: Iterable[tuple[str, object, str]]) -> list[str]:
    """Return the assumed numbers, (key, value, source), with the reason given for them: a line for each reason.

    >>> assumed([("rber.model", "table", "assumption: a guess"), ("ecc.t", 4, "assumption: a guess")])
    ['rber.model = table, ecc.t = 4 (assumption: a guess)']
    """
    by_reason: dict[str, dict[str, None]] = {}
    for key, value, source in assumptions:
        by_reason.setdefault(clean(source), {})[f"{clean(key)} = {_shown(value)}"] = None
    return [f"{', '.join(keys)} ({reason})" for reason, keys in by_reason.items()]


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{clean(name)} {_shown(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return _shown_list([_shown(inner) for inner in value])
    return f"{value:g}" if isinstance(value, float) else clean(value)


def _shown_list(items: Sequence[str]) -> str:
    """Write a list, of a long one the ends."""
    whole = "; ".join(items)
    return f"[{whole if len(whole) <= _LONG_LIST else '; ... '.join((items[0], items[-1]))}]"


def _sampling(rows: Sequence[Row]) -> list[str]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(clean(row.stop_reason), []).append(row)
    return [f"{reason}: {_amount(group)}: {_names(group, rows)}" for reason, group in groups.items()]


def _amount(group: Sequence[Row]) -> str:
    trials = _span(row.trials for row in group)
    return f"{trials} {'trial' if trials == '1' else 'trials'} of {_span(row.images for row in group)} images"


def _span(values: Iterable[int]) -> str:
    found = sorted(set(values))
    return f"{found[0]:,}" if len(found) == 1 else f"{found[0]:,} to {found[-1]:,}"


def _names(group: Sequence[Row], rows: Sequence[Row]) -> str:
    """List the rows of a group, in as few words as tell them from the other rows."""
    if len(group) == len(rows):
        return "all rows"
    modes = {row.mode for row in group}
    if len(group) == sum(row.mode in modes for row in rows):
        return " and ".join(f"all {clean(mode)}" for mode in dict.fromkeys(row.mode for row in group)) + " rows"
    schemes = dict.fromkeys(row.scheme for row in group)
    return ", ".join(_scheme(name, group, rows) for name in schemes)


def _scheme(scheme: str, group: Sequence[Row], rows: Sequence[Row]) -> str:
    inside = [row.mode for row in group if row.scheme == scheme]
    if len(inside) == sum(row.scheme == scheme for row in rows):
        return clean(scheme)
    return f"{clean(scheme)} ({', '.join(map(clean, inside))})"


def _failure(result: Result) -> list[tuple[str, str]]:
    text = _ecc_sentence(result)
    return [("FAILS", f"{text} Speed-ups against it (marked !) compare with a memory that loses data.")] if text else []


def _pairing(rows: Sequence[Row]) -> list[tuple[str, str]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.paired_with, []).append(row)
    if len(groups) < 2:
        return []
    listed = "; ".join(_names(group, rows) for group in groups.values())
    text = f"rows share bit errors only within a group: {listed}. Across groups the wider unpaired interval decides."
    return [("unpaired", text)]
