// Philox4x32-10 (Salmon et al., SC 2011): a block of random bits named by a counter, under a key.
#ifndef NVMSIM_PHILOX
#define NVMSIM_PHILOX

typedef unsigned int u32;
typedef unsigned long long u64;

enum Stream : u32 { FLIPS = 0, SCRAMBLER = 1 };

struct Block {
    u32 lane[4];
};

INLINE u64 low_word(const Block &block) { return (u64)block.lane[1] << 32 | block.lane[0]; }
INLINE u64 high_word(const Block &block) { return (u64)block.lane[3] << 32 | block.lane[2]; }

INLINE Block philox(u32 draw, u32 cell, u32 trial, u32 stream, u32 key_low, u32 key_high) {
    Block c = {{draw, cell, trial, stream}};
    for (int round = 0; round < 10; ++round) {
        const u64 first = (u64)c.lane[0] * 0xD2511F53u;
        const u64 second = (u64)c.lane[2] * 0xCD9E8D57u;
        c = {{(u32)(second >> 32) ^ c.lane[1] ^ key_low, (u32)second, (u32)(first >> 32) ^ c.lane[3] ^ key_high,
              (u32)first}};
        key_low += 0x9E3779B9u;
        key_high += 0xBB67AE85u;
    }
    return c;
}

// The high 64 bits of word * size, size < 2^32.
INLINE u64 multiply_shift(u64 word, u64 size) {
    return ((word >> 32) * size + ((word & 0xFFFFFFFFu) * size >> 32)) >> 32;
}

#endif
