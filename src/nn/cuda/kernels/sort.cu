// Sorting rows downwards, and running sums along rows. Values are f32, whatever T is.
//
// A key holds the value's bits, turned so that larger values are smaller numbers, above the value's index: keys are
// all different, so that any correct sort of them is stable. Tiles are sorted in shared memory, then runs are merged pairwise:
// each key finds its place by counting the keys of the other run below it.

typedef unsigned long long Key;

#define TILE 2048

// NaN sorts first, as the largest, like PyTorch's; -0 and 0 are equal.
__device__ inline Key key(float value, unsigned index) {
    unsigned bits = __float_as_uint(value == 0.0f ? 0.0f : value);
    unsigned upwards = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    if (value != value) upwards = 0xffffffffu;
    return (Key)~upwards << 32 | index;
}

// Sorts each tile by a bitonic network; blockIdx.x is the tile, blockIdx.y the row.
extern "C" __global__ void sort_tiles(const float* values, Key* keys, int columns) {
    __shared__ Key tile[TILE];
    int first = blockIdx.x * TILE;
    unsigned row = blockIdx.y * (unsigned)columns;
    for (int i = threadIdx.x; i < TILE; i += BLOCK)
        tile[i] = first + i < columns ? key(values[row + first + i], first + i) : ~0ull;
    for (int run = 2; run <= TILE; run *= 2)
        for (int distance = run / 2; distance > 0; distance /= 2) {
            __syncthreads();
            for (int pair = threadIdx.x; pair < TILE / 2; pair += BLOCK) {
                int low = pair / distance * distance * 2 + pair % distance, high = low + distance;
                bool upwards = (low & run) == 0;
                Key a = tile[low], b = tile[high];
                if ((a > b) == upwards) tile[low] = b, tile[high] = a;
            }
        }
    __syncthreads();
    for (int i = threadIdx.x; i < TILE && first + i < columns; i += BLOCK) keys[row + first + i] = tile[i];
}

// How many of the sorted keys are below `key`.
__device__ inline int below(const Key* keys, int count, Key key) {
    int low = 0, high = count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (keys[middle] < key) low = middle + 1;
        else high = middle;
    }
    return low;
}

// Merges neighbouring runs of length `run` of each row (blockIdx.y).
extern "C" __global__ void merge_runs(const Key* keys, Key* out, int columns, int run) {
    const Key* row = keys + blockIdx.y * (unsigned)columns;
    FOR_EACH(i, columns) {
        int mine = i / run * run, other = mine ^ run;
        int start = min(mine, other);
        int length = max(0, min(run, columns - other));
        int rank = below(row + min(other, columns), length, row[i]);
        out[blockIdx.y * (unsigned)columns + start + (i - mine) + rank] = row[i];
    }
}

// The sorted values and where each was.
extern "C" __global__ void unpack_keys(const float* values, const Key* keys, float* sorted, unsigned* indices, int columns) {
    unsigned row = blockIdx.y * (unsigned)columns;
    FOR_EACH(i, columns) {
        unsigned index = (unsigned)keys[row + i];
        sorted[row + i] = values[row + index];
        indices[row + i] = index;
    }
}

#define SPAN 1024

// Running sums within each span; the span's sum goes to `totals` (rows, spans). blockIdx.x is the span, blockIdx.y the row.
extern "C" __global__ void scan_spans(const float* values, float* sums, float* totals, int columns) {
    __shared__ float shared[2][BLOCK];
    int t = threadIdx.x, first = blockIdx.x * SPAN + t * (SPAN / BLOCK);
    unsigned row = blockIdx.y * (unsigned)columns;
    float own[SPAN / BLOCK], sum = 0.0f;
    for (int k = 0; k < SPAN / BLOCK; k++) {
        sum += first + k < columns ? values[row + first + k] : 0.0f;
        own[k] = sum;
    }
    int from = 0;
    shared[0][t] = sum;
    for (int distance = 1; distance < BLOCK; distance *= 2, from ^= 1) {
        __syncthreads();
        shared[from ^ 1][t] = shared[from][t] + (t >= distance ? shared[from][t - distance] : 0.0f);
    }
    __syncthreads();
    float before = t > 0 ? shared[from][t - 1] : 0.0f;
    for (int k = 0; k < SPAN / BLOCK && first + k < columns; k++) sums[row + first + k] = before + own[k];
    if (t == BLOCK - 1) totals[blockIdx.y * gridDim.x + blockIdx.x] = shared[from][t];
}

// Adds to each span the totals of those before it.
extern "C" __global__ void add_spans(float* sums, const float* totals, int columns) {
    __shared__ float shared[BLOCK];
    int t = threadIdx.x;
    float before = 0.0f;
    for (int span = t; span < (int)blockIdx.x; span += BLOCK) before += totals[blockIdx.y * gridDim.x + span];
    shared[t] = before;
    for (int half = BLOCK / 2; half > 0; half /= 2) {
        __syncthreads();
        if (t < half) shared[t] += shared[t + half];
    }
    __syncthreads();
    unsigned row = blockIdx.y * (unsigned)columns;
    int end = min(columns, ((int)blockIdx.x + 1) * SPAN);
    for (int i = blockIdx.x * SPAN + t; i < end; i += BLOCK) sums[row + i] += shared[0];
}
