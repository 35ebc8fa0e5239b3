"""Normalised min-sum, layer by layer, on the frame of zeros with an exact number of wrong bits.

The code is linear, the channel symmetric and ties go to the bit as read, so that the frame of zeros stands for all.
"""

import numpy as np
from numba import njit

SCALE = np.float32(0.75)
_GAMMA, _MIX1, _MIX2 = (np.uint64(v) for v in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


@njit(cache=True)
def _uniform(state):  # noqa: ANN001
    """SplitMix64 (Steele, Lea and Flood 2014): advance ``state`` and return 64 bits."""
    state[0] += _GAMMA
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * _MIX1
    z = (z ^ (z >> np.uint64(27))) * _MIX2
    return z ^ (z >> np.uint64(31))


@njit(cache=True)
def _below(state, n):  # noqa: ANN001
    """Return a number in [0, n), n < 2^32; the rates of two values differ by less than 2^-32 of themselves."""
    return np.int64(((_uniform(state) >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@njit(cache=True)
def read_frame(values, wrong, errors, state, levels):  # noqa: ANN001, ANN201
    """Fill ``values`` (float32[n]) with what is read: exactly ``errors`` negative ones, by Floyd's sampling.

    ``levels`` are (strong, weak, P(weak | wrong), P(weak | right)): magnitudes of log-likelihood ratios.
    """
    n = values.size
    wrong[:] = False
    for top in range(n - errors, n):
        at = _below(state, top + 1)
        wrong[top if wrong[at] else at] = True
    for i in range(n):
        weak = levels[2] if wrong[i] else levels[3]
        size = levels[0]
        if weak > 0 and np.float64(_uniform(state) >> np.uint64(11)) * 2.0**-53 < weak:
            size = levels[1]
        values[i] = -size if wrong[i] else size


@njit(cache=True, fastmath={"nnan", "ninf", "nsz"})
def _layer(belief, messages, shifts, scratch):  # noqa: ANN001
    """Update one block row: check z takes each bit's belief less what it said before, and says something new."""
    columns, size = messages.shape
    least, second, odd = scratch[columns], scratch[columns + 1], scratch[columns + 2]
    least[:] = np.float32(1e30)
    second[:] = np.float32(1e30)
    odd[:] = np.float32(1.0)
    for c in range(columns):
        first, cut, heard = c * size, size - shifts[c], scratch[c]
        heard[:cut] = belief[first + shifts[c] : first + size] - messages[c, :cut]
        heard[cut:] = belief[first : first + shifts[c]] - messages[c, cut:]
        for z in range(size):
            strength = abs(heard[z])
            second[z] = min(second[z], max(strength, least[z]))
            least[z] = min(least[z], strength)
            odd[z] = -odd[z] if heard[z] < 0 else odd[z]
    for c in range(columns):
        first, cut, heard, said = c * size, size - shifts[c], scratch[c], messages[c]
        for z in range(size):
            strength = second[z] if abs(heard[z]) == least[z] else least[z]
            sign = -odd[z] if heard[z] < 0 else odd[z]
            said[z] = sign * strength * SCALE
        belief[first + shifts[c] : first + size] = heard[:cut] + said[:cut]
        belief[first : first + shifts[c]] = heard[cut:] + said[cut:]


@njit(cache=True)
def _decide(belief, read, bits):  # noqa: ANN001
    for i in range(bits.size):
        bits[i] = belief[i] < 0 or (belief[i] == 0 and read[i] < 0)


@njit(cache=True)
def _fits(bits, shifts, size):  # noqa: ANN001
    """Whether all checks are even."""
    parity = np.zeros(size, np.bool_)
    for j in range(shifts.shape[0]):
        parity[:] = False
        for c in range(shifts.shape[1]):
            first, cut = c * size, size - shifts[j, c]
            parity[:cut] ^= bits[first + shifts[j, c] : first + size]
            parity[cut:] ^= bits[first : first + shifts[j, c]]
        if parity.any():
            return False
    return True


@njit(cache=True)
def decode(read, shifts, size, iterations):  # noqa: ANN001, ANN201
    """Return the decided bits (bool[n]) of a frame as read, whether all checks hold, and the iterations done."""
    rows, columns = shifts.shape
    belief, bits = read.copy(), np.empty(read.size, np.bool_)
    messages, scratch = np.zeros((rows, columns, size), np.float32), np.empty((columns + 3, size), np.float32)
    _decide(belief, read, bits)
    for done in range(iterations):
        if _fits(bits, shifts, size):
            return bits, True, done
        for j in range(rows):
            _layer(belief, messages[j], shifts[j], scratch)
        _decide(belief, read, bits)
    return bits, _fits(bits, shifts, size), iterations


@njit(cache=True, nogil=True)
def count_failures(shifts, size, errors, frames, levels, iterations, seed):  # noqa: ANN001, ANN201
    """Decode frames [frames[0], frames[1]) of exactly ``errors`` wrong bits.

    Return how many are not decoded to what was written, how many of these look decoded, and all iterations done.
    Frame i of a seed and number of errors is always the same.
    """
    n = size * shifts.shape[1]
    values, wrong, state = np.empty(n, np.float32), np.empty(n, np.bool_), np.empty(1, np.uint64)
    failed, unseen, work = 0, 0, 0
    for frame in range(frames[0], frames[1]):
        state[0] = (np.uint64(seed) << np.uint64(56)) + (np.uint64(errors) << np.uint64(40)) + np.uint64(frame)
        state[0] = _uniform(state)  # neighbouring frames start far apart
        read_frame(values, wrong, errors, state, levels)
        bits, fits, done = decode(values, shifts, size, iterations)
        work += done
        if bits.any():
            failed += 1
            unseen += fits
    return failed, unseen, work
