"""Which numbers of read boundaries a Gray code can have."""

from itertools import product

import pytest

from nvmsim.device import cross
from nvmsim.device.check import Checked


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_gray_codes_are_those_whose_paths_there_are(bits):
    """Every path through all 2^bits labels, one bit a step, against which numbers of boundaries are taken."""
    found, counts = set(), [0] * bits

    def walk(at, seen):
        if len(seen) == 2**bits:
            found.add(tuple(counts))
        for bit in range(bits):
            if (step := at ^ 1 << bit) not in seen:
                counts[bit] += 1
                walk(step, seen | {step})
                counts[bit] -= 1

    walk(0, frozenset([0]))
    every = [code for code in product(range(1, 2**bits), repeat=bits) if sum(code) == 2**bits - 1]
    taken = {code for code in every if loads("-".join(map(str, code)), bits)}
    assert taken == found and (bits == 2 or len(taken) < len(every))


def loads(code, bits):
    checked = Checked("a test", values={"cell.bits": bits, "cell.gray_code": code})
    cross._gray_code(checked)
    return not checked.problems
