"""The steps of a binary BCH decoder in numba: syndromes, Berlekamp-Massey, a test for roots, Chien search."""

import numpy as np
from numba import njit, types

from nvmsim.inject.compiled import compiled

_I32, _I64 = types.int32, types.int64
_TABLE = types.Array(types.int32, 1, "C", readonly=True)
_WORDS = types.Array(types.int64, 1, "C")
_FOUND = types.Array(types.int32, 2, "C")


@njit(inline="always")
def _times(a, b, powers, logs):  # noqa: ANN001
    return powers[logs[a] + logs[b]] if a and b else 0


@njit
def _syndromes(exponents, syndromes, powers, logs):  # noqa: ANN001
    """Fill syndromes[j] = sum of x^j over the errors x, j from 1; even ones are squares of others."""
    order = logs.size - 1
    turn, step = exponents % order, 2 * exponents % order
    for j in range(1, syndromes.size, 2):
        total = 0
        for i in range(turn.size):
            total ^= powers[turn[i]]
            turn[i] += step[i]
            if turn[i] >= order:
                turn[i] -= order
        syndromes[j] = total
    for j in range(2, syndromes.size, 2):
        syndromes[j] = _times(syndromes[j // 2], syndromes[j // 2], powers, logs)


@njit
def _add_multiple(target, source, shift, factor, powers, logs):  # noqa: ANN001
    """Add factor * x^shift * source to the polynomial ``target``, as far as it reaches."""
    for i in range(min(source.size, target.size - shift)):
        target[i + shift] ^= _times(source[i], factor, powers, logs)


@njit
def _locator(syndromes, locator, powers, logs):  # noqa: ANN001
    """Berlekamp-Massey for binary codes: fill ``locator``, return its length. Even discrepancies vanish."""
    order, t = logs.size - 1, syndromes.size // 2
    locator[:] = 0
    before = np.zeros_like(locator)
    locator[0] = before[0] = 1
    length, gap, last = 0, 1, 1
    for n in range(0, 2 * t, 2):
        discrepancy = syndromes[n + 1]
        for i in range(1, length + 1):
            discrepancy ^= _times(locator[i], syndromes[n + 1 - i], powers, logs)
        if discrepancy:
            factor = powers[logs[discrepancy] + order - logs[last]]
            kept = locator.copy()
            _add_multiple(locator, before, gap, factor, powers, logs)
            if 2 * length <= n:
                length, gap, last, before = n + 1 - length, 0, discrepancy, kept
        gap += 2
    return length


@njit
def _splits(monic, m, powers, logs):  # noqa: ANN001
    """Whether x^L + monic[1] x^(L-1) + .. + monic[L] has L distinct roots: it divides x^(2^m) - x."""
    size = monic.size - 1
    low = monic[:0:-1].copy()  # x^size is the sum of low[i] x^i
    table = np.zeros((size, size), np.int32)  # x^(size + i), reduced
    table[0] = low
    for i in range(1, size):
        table[i, 1:] = table[i - 1, : size - 1]
        _add_multiple(table[i], low, 0, table[i - 1, size - 1], powers, logs)
    power, square = np.zeros(size, np.int32), np.zeros(size, np.int32)
    power[1] = 1
    for _ in range(m):
        square[:] = 0
        for i in range(size):
            once = _times(power[i], power[i], powers, logs)
            if 2 * i < size:
                square[2 * i] ^= once
            elif once:
                _add_multiple(square, table[2 * i - size], 0, once, powers, logs)
        power[:] = square
    power[1] ^= 1
    return not power.any()


@njit
def _chien(monic, bits, roots, powers, logs):  # noqa: ANN001
    """Write the positions of the roots among the ``bits`` of the codeword to ``roots``; return how many."""
    found = 0
    for exponent in range(bits):
        value = 1
        for i in range(1, monic.size):
            value = monic[i] ^ (powers[logs[value] + exponent] if value else 0)
        if value == 0:
            roots[found] = bits - 1 - exponent
            found += 1
            if found == monic.size - 1:
                break
    return found


@compiled(types.void(_WORDS, _WORDS, _WORDS, _I64, _TABLE, _TABLE, _WORDS, _FOUND))
def decode_words(positions, starts, bits, m, powers, logs, found, roots):  # noqa: ANN001, ANN201
    """Decode the codewords' error patterns; ``found`` gets how many bits the decoder flips, -1 where it gives up.

    Word w has the wrong bits positions[starts[w] : starts[w + 1]] of bits[w]; ``roots`` (words, t) gets those flipped.
    """
    t = roots.shape[1]
    syndromes, locator = np.zeros(2 * t + 1, np.int32), np.zeros(2 * t + 2, np.int32)
    for word in range(bits.size):
        exponents = bits[word] - 1 - positions[starts[word] : starts[word + 1]]
        _syndromes(exponents, syndromes, powers, logs)
        length = _locator(syndromes, locator, powers, logs)
        found[word] = -1
        if length == 0:
            found[word] = 0
        elif length <= t and locator[length]:
            monic = locator[: length + 1]
            if length < 2 or _splits(monic, m, powers, logs):
                n = _chien(monic, bits[word], roots[word], powers, logs)
                found[word] = n if n == length else -1
