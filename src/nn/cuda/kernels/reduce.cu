// Sums over pixels and over channels, in an order that follows from the shapes alone.

// Sums of each chunk of pixels, one image (blockIdx.z) at a time: `partial` is (images, chunks, channels). With `ys` the
// summands are products xs * ys. Blocks are divided as in norm.cu.
extern "C" __global__ void channel_sums(
    const T* xs, const T* ys, float* partial, int pixels, int channels, int lanes, int chunk) {
    __shared__ float rows[BLOCK * V];
    int lane = threadIdx.x % lanes, row = threadIdx.x / lanes;
    int channel = (blockIdx.x * lanes + lane) * V;
    unsigned image = blockIdx.z * (unsigned)pixels;
    Floats sum = splat(0.0f);
    int end = min(pixels, ((int)blockIdx.y + 1) * chunk);
    for (int pixel = blockIdx.y * chunk + row; channel < channels && pixel < end; pixel += BLOCK / lanes) {
        unsigned i = (image + pixel) * channels + channel;
        Floats x = load(xs + i), y = ys ? load(ys + i) : splat(1.0f);
        for (int v = 0; v < V; v++) sum.at[v] += x.at[v] * y.at[v];
    }
    for (int v = 0; v < V; v++) rows[threadIdx.x * V + v] = sum.at[v];
    for (int half = BLOCK / lanes / 2; half > 0; half /= 2) {
        __syncthreads();
        for (int v = 0; row < half && v < V; v++)
            rows[threadIdx.x * V + v] += rows[(threadIdx.x + half * lanes) * V + v];
    }
    if (row > 0 || channel >= channels) return;
    for (int v = 0; v < V; v++)
        partial[(blockIdx.z * gridDim.y + blockIdx.y) * channels + channel + v] = rows[threadIdx.x * V + v];
}

// How the second launch divides a block: 8 sums side by side, 32 rows over the chunks.
#define SIDE 8

// `partial` (images, chunks, channels) summed over the chunks, times `scale`. One of the two outputs is null: parameters'
// gradients are f32, activations T.
extern "C" __global__ void finish_sums(
    const float* partial, float* parameters_out, T* activations_out, int count, int chunks, int channels, float scale) {
    __shared__ double sums[BLOCK];
    int t = threadIdx.x, i = blockIdx.x * SIDE + t % SIDE;
    const float* from = partial + i / channels * chunks * channels + i % channels;
    double sum = 0.0;
    for (int chunk = t / SIDE; i < count && chunk < chunks; chunk += BLOCK / SIDE) sum += from[chunk * channels];
    sums[t] = sum;
    for (int half = BLOCK / 2; half >= SIDE; half /= 2) {
        __syncthreads();
        if (t < half) sums[t] += sums[t + half];
    }
    if (t >= SIDE || i >= count) return;
    float total = (float)(sums[t] * scale);
    if (parameters_out) parameters_out[i] = total;
    if (activations_out) activations_out[i] = from_float(total);
}

// out[pixel] = sum over channels of xs * ys. 32 threads share a pixel.
extern "C" __global__ void pixel_dots(const T* xs, const T* ys, T* out, int pixels, int channels) {
    __shared__ float sums[BLOCK];
    int lane = threadIdx.x % 32;
    for (int first = blockIdx.x * (BLOCK / 32); first < pixels; first += gridDim.x * (BLOCK / 32)) {
        int pixel = first + threadIdx.x / 32;
        float sum = 0.0f;
        for (int c = lane * V; pixel < pixels && c < channels; c += 32 * V) {
            unsigned i = (unsigned)pixel * channels + c;
            Floats x = load(xs + i), y = load(ys + i);
            for (int v = 0; v < V; v++) sum += x.at[v] * y.at[v];
        }
        sums[threadIdx.x] = sum;
        for (int half = 16; half > 0; half /= 2) {
            __syncthreads();
            if (lane < half) sums[threadIdx.x] += sums[threadIdx.x + half];
        }
        if (lane == 0 && pixel < pixels) out[pixel] = from_float(sums[threadIdx.x]);
        __syncthreads();
    }
}
