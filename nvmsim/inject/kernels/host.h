// Lets g++ build a .cu file for the CPU: a launch is one thread after another.
#define __device__ static
#define __global__

struct Dim {
    unsigned x;
};
static Dim threadIdx = {0}, blockIdx = {0}, blockDim = {1}, gridDim = {1};

extern "C" void place_thread(unsigned thread, unsigned threads, unsigned block, unsigned blocks) {
    threadIdx.x = thread;
    blockDim.x = threads;
    blockIdx.x = block;
    gridDim.x = blocks;
}

static inline unsigned atomicXor(unsigned *at, unsigned value) {
    const unsigned old = *at;
    *at ^= value;
    return old;
}
