// Binary cross-entropy on logits, and its gradient. Targets are f32.

// max(x, 0) - x t + ln(1 + e^-|x|): no exponential of a positive number. NaN stays NaN.
__device__ inline float cross_entropy(float x, float t) {
    return fmaxf(x, 0.0f) - x * t + log1pf(expf(-fabsf(x)));
}

// The sum over each chunk of values; `chunk` is a multiple of V. `finish_sums` in reduce.cu joins them.
extern "C" __global__ void bce_sums(const T* xs, const float* ts, float* partial, int count, int chunk) {
    __shared__ double sums[BLOCK];
    int start = blockIdx.x * chunk, end = start + min(chunk, count - start);
    double sum = 0.0;
    for (int i = start + threadIdx.x * V; i < end; i += BLOCK * V) {
        Floats x = load(xs + i), t = parameters(ts + i);
        for (int v = 0; v < V; v++) sum += cross_entropy(x.at[v], t.at[v]);
    }
    sums[threadIdx.x] = sum;
    for (int half = BLOCK / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    if (threadIdx.x == 0) partial[blockIdx.x] = (float)sums[0];
}

// (sigmoid(x) - t) times `share` times the gradient of the mean, which is read from the device.
extern "C" __global__ void bce_backward(
    const T* xs, const float* ts, const float* mean_grad, T* xs_grad, int count, float share) {
    float scale = *mean_grad * share;
    FOR_EACH(i, count / V) {
        Floats x = load(xs + i * V), t = parameters(ts + i * V);
        for (int v = 0; v < V; v++) x.at[v] = (activate(x.at[v], SIGMOID, 0.0f) - t.at[v]) * scale;
        store(xs_grad + i * V, x);
    }
}
