// The sampler for a GPU. g++ builds the same file for the CPU (host.h), so that it is tested without one.
//
// Every kernel is a grid-stride loop, right for any grid. No shared memory, no warp intrinsics, no order between
// threads: addresses go to places known beforehand, and XOR commutes.
#define INLINE __device__ inline
#define KERNEL extern "C" __global__ void
#define EACH(i, n) \
    (u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x; i < (n); i += (u64)gridDim.x * blockDim.x)

#include "layout.cuh"

const u64 DROPPED = ~0ull;

// counts[cell] = first_count + number of thresholds <= the cell's word: a Poisson count.
KERNEL count_events(u64 *counts, const u64 *cdf, const Launch *launch) {
    for EACH (cell, launch->cells) {
        const u64 word = low_word(flip_block(*launch, 0, cell));
        u64 low = 0, high = launch->thresholds;
        while (low < high) {
            const u64 middle = (low + high) / 2;
            if (cdf[middle] <= word)
                low = middle + 1;
            else
                high = middle;
        }
        counts[cell] = launch->first_count + low;
    }
}

// Event j of a cell goes to out[starts[cell] + j], DROPPED if thinned out; lanes threads share a cell.
KERNEL draw_events(u64 *out, const u64 *starts, const u64 *counts, const u64 *keep, const u16 *buffer,
                   const Launch *launch, u64 lanes) {
    const Launch at = *launch;
    for EACH (i, at.cells * lanes) {
        const u64 cell = i / lanes;
        for (u64 event = i % lanes; event < counts[cell]; event += lanes) {
            const Block block = flip_block(at, event + 1, cell);
            const u64 place = multiply_shift(low_word(block), at.cell_pages * at.page_bits);
            const u64 page = cell * at.cell_pages + place / at.page_bits, bit = place % at.page_bits;
            const bool here = page < at.pages && kept(at, keep, buffer, page, bit, high_word(block));
            out[starts[cell] + event] = here ? page << 32 | bit : DROPPED;
        }
    }
}

// Dense path: masks[i] has a bit for each of 32 bits of a page, set if it flips; groups words a page.
KERNEL draw_masks(u32 *masks, const u64 *keep, const u16 *buffer, const Launch *launch, u64 first_page, u64 pages) {
    const Launch at = *launch;
    const u64 groups = (at.page_bits + 31) / 32;
    for EACH (i, pages * groups) {
        const u64 page = first_page + i / groups, base = i % groups * 32;
        u32 mask = 0;
        for (u32 j = 0; j < 32 && base + j < at.page_bits; j += 2) {
            const Block block = flip_block(at, (base + j) / 2, page);
            mask |= (u32)kept(at, keep, buffer, page, base + j, low_word(block)) << j;
            if (base + j + 1 < at.page_bits)
                mask |= (u32)kept(at, keep, buffer, page, base + j + 1, high_word(block)) << (j + 1);
        }
        masks[i] = mask;
    }
}

KERNEL count_mask_bits(u64 *counts, const u32 *masks, u64 n) {
    for EACH (i, n) {
        u64 count = 0;
        for (u32 rest = masks[i]; rest; rest &= rest - 1)
            ++count;
        counts[i] = count;
    }
}

KERNEL list_mask_bits(u64 *out, const u64 *starts, const u32 *masks, u64 n, u64 first_page, u64 groups) {
    for EACH (i, n) {
        const u64 page = first_page + i / groups, base = i % groups * 32;
        u64 place = starts[i];
        for (u32 j = 0; j < 32; ++j)
            if (masks[i] >> j & 1)
                out[place++] = page << 32 | (base + j);
    }
}

// Atomics exist for 32 bits: words w and w ^ 1 of the uint16 buffer share a container (little endian).
KERNEL apply_flips(u32 *containers, const u64 *addresses, u64 n, u64 words, u64 word_bits, u64 usable_bits) {
    for EACH (i, n) {
        const u64 page = addresses[i] >> 32, bit = addresses[i] & 0xFFFFFFFFu;
        const u64 stream = page * usable_bits + bit, word = stream / word_bits;
        if (bit < usable_bits && word < words)
            atomicXor(containers + word / 2, 1u << (stream % word_bits + 16 * (word % 2)));
    }
}

// Check and decode binary words in one pass: value = low + delta (index + 1/2), rounded once to float32. With parity
// the lowest bit makes the number of ones even; a word where it does not is nulled.
KERNEL decode_binary(float *values, unsigned char *nulled, const u16 *words, u64 n, double low, double delta,
                     u64 parity) {
    for EACH (i, n) {
        u32 fold = words[i];
        for (u32 shift = 8; shift; shift /= 2)
            fold ^= fold >> shift;
        const bool bad = parity && (fold & 1);
        nulled[i] = bad;
        values[i] = bad ? 0.0f : (float)(low + delta * ((double)(words[i] >> parity) + 0.5));
    }
}
