// Where a bit lies and what the cell holds there.
#ifndef NVMSIM_LAYOUT
#define NVMSIM_LAYOUT

#include "philox.cuh"

typedef unsigned short u16;

// One trial's launch record, in the order of LAUNCH_FIELDS in target.py.
struct Launch {
    u64 seed_low, seed_high, trial, offset;
    u64 cells, cell_pages, page_bits, pages, usable_bits, word_bits, words;
    u64 group_pages, die_groups, page_types, scrambler, first_count, thresholds;
};

const u64 ALWAYS = ~0ull;

INLINE Block flip_block(const Launch &at, u64 draw, u64 cell) {
    return philox((u32)draw, (u32)cell, (u32)at.trial, FLIPS, (u32)at.seed_low, (u32)at.seed_high);
}

INLINE u64 page_type(const Launch &at, u64 page) {
    return (page / at.group_pages / at.die_groups + at.offset) % at.page_types;
}

INLINE u32 scrambler_bit(u64 page, u64 bit) {
    const Block block = philox((u32)(bit / 128), (u32)page, 0, SCRAMBLER, 0, 0);
    return block.lane[bit / 32 % 4] >> bit % 32 & 1;
}

// The stored bit: the data bit (0 where there is no data), scrambled where the page is.
INLINE u32 stored_bit(const Launch &at, const u16 *buffer, u64 page, u64 bit) {
    const u64 stream = page * at.usable_bits + bit;
    const u64 word = stream / at.word_bits;
    const u32 data = bit < at.usable_bits && word < at.words ? buffer[word] >> stream % at.word_bits & 1 : 0;
    return at.scrambler ? data ^ scrambler_bit(page, bit) : data;
}

// Whether an event (dense: a bit) with this mark flips; keep has a pair of thresholds for each page type.
INLINE bool kept(const Launch &at, const u64 *keep, const u16 *buffer, u64 page, u64 bit, u64 mark) {
    const u64 *pair = keep + 2 * page_type(at, page);
    const u64 limit = pair[0] == pair[1] ? pair[0] : pair[stored_bit(at, buffer, page, bit)];
    return mark < limit || limit == ALWAYS;
}

#endif
