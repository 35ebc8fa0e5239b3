"""When a number of ours agrees with the paper's: one meaning for all tables.

Both are means of sampled models. The paper does not state its spread, so that ours stands for it: two such means agree
if they differ by no more than, in 95 of 100 cases, chance makes two equally robust networks differ, each trained once
and measured on its own models, the paper's on 40 models and on as many images as the test set has.
"""

import math

from nvmsim.accuracy.crossing import Crossing
from nvmsim.accuracy.stats import Interval, Sample, Z, image_margin, t_half_width

PAPER_MODELS = 40  # Section III-A: "averaging the accuracy of 40 distorted models"
ROUNDING = 5e-5  # the paper's tables have four decimals, and a few values five
AGREE, DIFFER, UNDECIDED = "agree", "differ", "undecided"
WIDEST = 0.05  # a tolerance that holds more than the loss R(0.95) is about decides nothing
WIDEST_R = 3.0  # nor do limits of R that lie further apart than this factor
MEANING = (
    f"agree: the difference is within what chance makes in 95 of 100 cases between two equally robust networks, each "
    f"trained once: the spread of our trials over the square root of their number, the same spread over the square "
    f"root of the paper's {PAPER_MODELS} models, and two binomial errors of the test set's images; undecided: chance "
    f"alone could make more than {100 * WIDEST:g} points, or a factor of {WIDEST_R:g} in R(0.95)"
)


def own_margin(sample: Sample) -> float:
    """Return the 95 % half-width of our mean if no collapse hides among trials not run; infinite for one trial."""
    t = float(t_half_width(sample.accuracies)) if sample.change_bound > 0 else 0.0
    return math.hypot(t, _images_unseen(sample))


def tolerance(sample: Sample) -> float:
    """Return how far the paper's mean accuracy may lie from that of ``sample`` and still agree.

    >>> import numpy as np
    >>> sample = Sample(np.full((40, 20), 495), np.full(20, 498), np.full(20, 500))
    >>> round(tolerance(sample), 4)
    0.0028
    """
    mean, total = float(sample.accuracies.mean()), int(sample.images.sum())
    t = float(t_half_width(sample.accuracies)) if sample.change_bound > 0 else 0.0
    images = Z * math.sqrt(2 * mean * (1 - mean) / total)
    return math.hypot(t * math.sqrt(1 + sample.trials / PAPER_MODELS), _images_unseen(sample), images) + ROUNDING


def _images_unseen(sample: Sample) -> float:
    return image_margin(sample, seen=sample.prefix_images, lost=float(sample.drops.mean()))


def around(sample: Sample, margin: float) -> Interval:
    """Return the mean accuracy of ``sample`` between limits ``margin`` away."""
    mean = float(sample.accuracies.mean())
    return Interval(mean, mean - margin, mean + margin)


def compare(paper: float, sample: Sample) -> str:
    """Say whether a mean accuracy of the paper agrees with ours."""
    allowed = tolerance(sample)
    if abs(paper - float(sample.accuracies.mean())) > allowed:
        return DIFFER
    return AGREE if allowed <= WIDEST else UNDECIDED


def compare_robustness(paper: tuple[float, float], widened: Crossing) -> str:
    """Say whether the paper's R(0.95), which lies between two listed rates, agrees with ours.

    ``widened`` is our crossing, its limits those of means that lie the tolerance away.

    >>> compare_robustness((0.012, 0.013), Crossing(0.0127, "=", 0.0115, 0.0138, 0.012))
    'agree'
    """
    listed, following = paper
    low = 0.0 if widened.low is None else widened.low
    high = math.inf if widened.high is None else widened.high
    if following < low or listed > high:
        return DIFFER
    return AGREE if high <= WIDEST_R * low else UNDECIDED
