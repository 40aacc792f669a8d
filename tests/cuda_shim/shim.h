// Enough of CUDA to run kernels on the CPU: the threads of a block are fibers that take turns at __syncthreads.
//
// Blocks run one after another. Every test runs twice, with threads and blocks in order and in reverse: a missing barrier
// or two blocks that depend on each other show as a wrong result in one of the two. A barrier that only some threads reach
// ends the program. AddressSanitizer watches the buffers, UBSan the alignment of wide accesses.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <ucontext.h>
#include <vector>

#define __global__
#define __device__
#define __shared__ static

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
};
static dim3 threadIdx, blockIdx, blockDim, gridDim;

using std::max;
using std::min;

static inline float __uint_as_float(unsigned bits) { float x; memcpy(&x, &bits, 4); return x; }
static inline float __int_as_float(int bits) { float x; memcpy(&x, &bits, 4); return x; }
static inline unsigned __float_as_uint(float x) { unsigned bits; memcpy(&bits, &x, 4); return bits; }

namespace fibers {
struct Fiber {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(64 << 10);
    bool done = false;
};
static std::vector<Fiber> all(256);
static ucontext_t scheduler;
static unsigned current;
static std::function<void()> body;
static bool reverse = false;

static void start() {
    body();
    all[current].done = true;
    swapcontext(&all[current].context, &scheduler);
}

static void run_block() {
    unsigned threads = blockDim.x;
    for (unsigned t = 0; t < threads; t++) {
        Fiber& fiber = all[t];
        fiber.done = false;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.data();
        fiber.context.uc_stack.ss_size = fiber.stack.size();
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, start, 0);
    }
    for (unsigned done = 0; done < threads;) {
        done = 0;
        for (unsigned k = 0; k < threads; k++) {
            current = reverse ? threads - 1 - k : k;
            threadIdx.x = current, threadIdx.y = threadIdx.z = 0;
            swapcontext(&scheduler, &all[current].context);
            done += all[current].done;
        }
        if (done > 0 && done < threads) {
            fprintf(stderr, "%u of %u threads left a block whose others wait at a barrier\n", done, threads);
            abort();
        }
    }
}
} // namespace fibers

static inline void __syncthreads() {
    swapcontext(&fibers::all[fibers::current].context, &fibers::scheduler);
}

// Launches `kernel` on a grid of blocks of 256 threads.
template <typename Kernel> static void launch(dim3 grid, Kernel kernel) {
    gridDim = grid, blockDim = {256, 1, 1};
    fibers::body = kernel;
    unsigned blocks = grid.x * grid.y * grid.z;
    for (unsigned k = 0; k < blocks; k++) {
        unsigned b = fibers::reverse ? blocks - 1 - k : k;
        blockIdx = {b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y};
        fibers::run_block();
    }
}
