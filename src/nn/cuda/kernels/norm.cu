// Batch normalization over (pixels, channels).
//
// Sums over pixels take two launches. In the first a block takes a tile of channels and a chunk of pixels: `lanes` threads
// side by side hold V channels each, BLOCK / lanes rows of threads share the chunk, and a tree in shared memory joins the
// rows. In the second a block joins the chunks of a few channels, in double precision. Chunks and trees follow from the
// shapes alone, so a sum has the same bits every time.

// Mean and sum of squared deviations of `count` values.
struct Moments {
    float count, mean, squares;
};

// Chan, Golub and LeVeque 1983.
__device__ inline Moments merge(Moments a, Moments b) {
    float count = a.count + b.count;
    if (count == 0.0f) return a;
    float delta = b.mean - a.mean, share = b.count / count;
    return {count, a.mean + delta * share, a.squares + b.squares + delta * delta * a.count * share};
}

// Moments of each chunk: `partial` is (2, chunks, channels), means before squares.
extern "C" __global__ void batch_moments(
    const T* xs, float* partial, int pixels, int channels, int lanes, int chunk) {
    __shared__ Moments rows[BLOCK * V];
    int lane = threadIdx.x % lanes, row = threadIdx.x / lanes;
    int channel = (blockIdx.x * lanes + lane) * V;
    Floats mean = splat(0.0f), squares = splat(0.0f);
    float count = 0.0f;
    int end = min(pixels, ((int)blockIdx.y + 1) * chunk);
    for (int pixel = blockIdx.y * chunk + row; channel < channels && pixel < end; pixel += BLOCK / lanes) {
        Floats x = load(xs + (unsigned)pixel * channels + channel);
        count += 1.0f;
        float share = 1.0f / count;
        for (int v = 0; v < V; v++) {
            float delta = x.at[v] - mean.at[v];
            mean.at[v] += delta * share;
            squares.at[v] += delta * (x.at[v] - mean.at[v]);
        }
    }
    for (int v = 0; v < V; v++) rows[threadIdx.x * V + v] = {count, mean.at[v], squares.at[v]};
    for (int half = BLOCK / lanes / 2; half > 0; half /= 2) {
        __syncthreads();
        for (int v = 0; row < half && v < V; v++) {
            Moments* here = &rows[threadIdx.x * V + v];
            *here = merge(*here, rows[(threadIdx.x + half * lanes) * V + v]);
        }
    }
    if (row > 0 || channel >= channels) return;
    for (int v = 0; v < V; v++) {
        Moments moments = rows[threadIdx.x * V + v];
        int place = blockIdx.y * channels + channel + v;
        partial[place] = moments.mean;
        partial[gridDim.y * channels + place] = moments.squares;
    }
}

// How the second launch divides a block: 8 channels side by side, 32 rows over the chunks.
#define SIDE 8

// Joins the chunks of a channel. `statistics` becomes (2, channels): mean and 1 / sqrt(variance + eps). The running ones
// move by `momentum` towards the batch's mean and unbiased variance.
extern "C" __global__ void finish_moments(
    const float* partial, float* statistics, float* running_mean, float* running_var,
    int pixels, int channels, int chunk, int chunks, float eps, float momentum) {
    __shared__ double counts[BLOCK], means[BLOCK], squares[BLOCK];
    int t = threadIdx.x, channel = blockIdx.x * SIDE + t % SIDE;
    double count = 0.0, mean = 0.0, square = 0.0;
    for (int i = t / SIDE; channel < channels && i < chunks; i += BLOCK / SIDE) {
        double more = min(chunk, pixels - i * chunk), total = count + more;
        double delta = partial[i * channels + channel] - mean;
        square += partial[(chunks + i) * channels + channel] + delta * delta * count * more / total;
        mean += delta * more / total;
        count = total;
    }
    counts[t] = count, means[t] = mean, squares[t] = square;
    for (int half = BLOCK / 2; half >= SIDE; half /= 2) {
        __syncthreads();
        double total = t < half ? counts[t] + counts[t + half] : 0.0;
        if (total == 0.0) continue;
        double delta = means[t + half] - means[t], share = counts[t + half] / total;
        squares[t] += squares[t + half] + delta * delta * counts[t] * share;
        means[t] += delta * share;
        counts[t] = total;
    }
    if (t >= SIDE || channel >= channels) return;
    statistics[channel] = (float)means[t];
    statistics[channels + channel] = (float)(1.0 / sqrt(squares[t] / pixels + (double)eps));
    double unbiased = squares[t] / (pixels - 1.0);
    running_mean[channel] += momentum * (float)(means[t] - running_mean[channel]);
    running_var[channel] += momentum * (float)(unbiased - running_var[channel]);
}

// The constants of prediction in the form of `finish_moments`.
extern "C" __global__ void running_statistics(
    const float* running_mean, const float* running_var, float* statistics, int channels, float eps) {
    FOR_EACH(channel, channels) {
        statistics[channel] = running_mean[channel];
        statistics[channels + channel] = (float)(1.0 / sqrt((double)running_var[channel] + (double)eps));
    }
}

// What the activation gets: (x - mean) / deviation * weight + bias, and `residual` where there is one.
__device__ inline Floats normalized(
    const T* xs, const T* residual, unsigned i, const float* statistics, const float* weight, const float* bias,
    int channels, int channel) {
    Floats x = load(xs + i), mean = parameters(statistics + channel);
    Floats inverse = parameters(statistics + channels + channel);
    Floats scale = parameters(weight + channel), shift = parameters(bias + channel);
    Floats z = residual ? load(residual + i) : splat(0.0f);
    for (int v = 0; v < V; v++)
        z.at[v] += (x.at[v] - mean.at[v]) * (inverse.at[v] * scale.at[v]) + shift.at[v];
    return z;
}

extern "C" __global__ void normalize(
    const T* xs, const T* residual, T* ys, const float* statistics, const float* weight, const float* bias,
    int count, int channels, int activation, float slope) {
    FOR_EACH(block, count / V) {
        unsigned i = block * V;
        Floats y = normalized(xs, residual, i, statistics, weight, bias, channels, i % channels);
        for (int v = 0; v < V; v++) y.at[v] = activate(y.at[v], activation, slope);
        store(ys + i, y);
    }
}

// The gradient behind the activation, whose input is computed again: cheaper than keeping it.
__device__ inline Floats gradient_behind(
    const T* xs, const T* residual, const T* ys_grad, unsigned i, const float* statistics, const float* weight,
    const float* bias, int channels, int channel, int activation, float slope) {
    Floats grad = load(ys_grad + i);
    if (activation == NONE) return grad;
    Floats z = normalized(xs, residual, i, statistics, weight, bias, channels, channel);
    for (int v = 0; v < V; v++) grad.at[v] *= derivative(z.at[v], activation, slope);
    return grad;
}

// Sums of each chunk: `partial` is (2, chunks, channels), sums of the gradient before sums of gradient * (x - mean).
extern "C" __global__ void gradient_sums(
    const T* xs, const T* residual, const T* ys_grad, const float* statistics, const float* weight, const float* bias,
    float* partial, int pixels, int channels, int lanes, int chunk, int activation, float slope) {
    __shared__ float rows[2][BLOCK * V];
    int lane = threadIdx.x % lanes, row = threadIdx.x / lanes;
    int channel = (blockIdx.x * lanes + lane) * V;
    Floats sum = splat(0.0f), product = splat(0.0f);
    Floats mean = channel < channels ? parameters(statistics + channel) : splat(0.0f);
    int end = min(pixels, ((int)blockIdx.y + 1) * chunk);
    for (int pixel = blockIdx.y * chunk + row; channel < channels && pixel < end; pixel += BLOCK / lanes) {
        unsigned i = (unsigned)pixel * channels + channel;
        Floats x = load(xs + i);
        Floats grad = gradient_behind(
            xs, residual, ys_grad, i, statistics, weight, bias, channels, channel, activation, slope);
        for (int v = 0; v < V; v++) {
            sum.at[v] += grad.at[v];
            product.at[v] += grad.at[v] * (x.at[v] - mean.at[v]);
        }
    }
    for (int v = 0; v < V; v++) {
        rows[0][threadIdx.x * V + v] = sum.at[v];
        rows[1][threadIdx.x * V + v] = product.at[v];
    }
    for (int half = BLOCK / lanes / 2; half > 0; half /= 2) {
        __syncthreads();
        for (int v = 0; row < half && v < V; v++)
            for (int k = 0; k < 2; k++) rows[k][threadIdx.x * V + v] += rows[k][(threadIdx.x + half * lanes) * V + v];
    }
    if (row > 0 || channel >= channels) return;
    for (int v = 0; v < V; v++)
        for (int k = 0; k < 2; k++)
            partial[(k * gridDim.y + blockIdx.y) * channels + channel + v] = rows[k][threadIdx.x * V + v];
}

// Joins the chunks: the gradients of weight and bias, and what `input_gradient` adds per channel, `correction` (2, channels).
// `constant`: mean and deviation do not depend on the input, so nothing is added.
extern "C" __global__ void finish_gradient(
    const float* partial, const float* statistics, const float* weight, float* weight_grad, float* bias_grad,
    float* correction, int pixels, int channels, int chunks, int constant) {
    __shared__ double sums[BLOCK], products[BLOCK];
    int t = threadIdx.x, channel = blockIdx.x * SIDE + t % SIDE;
    double sum = 0.0, product = 0.0;
    for (int i = t / SIDE; channel < channels && i < chunks; i += BLOCK / SIDE) {
        sum += partial[i * channels + channel];
        product += partial[(chunks + i) * channels + channel];
    }
    sums[t] = sum, products[t] = product;
    for (int half = BLOCK / 2; half >= SIDE; half /= 2) {
        __syncthreads();
        if (t < half) sums[t] += sums[t + half], products[t] += products[t + half];
    }
    if (t >= SIDE || channel >= channels) return;
    double inverse = statistics[channels + channel];
    double share = constant ? 0.0 : -weight[channel] * inverse / pixels;
    weight_grad[channel] = (float)(products[t] * inverse);
    bias_grad[channel] = (float)sums[t];
    correction[channel] = (float)(share * inverse * inverse * products[t]);
    correction[channels + channel] = (float)(share * sums[t]);
}

// The gradients of the input and, where `residual_grad` is not null, of the residual.
extern "C" __global__ void input_gradient(
    const T* xs, const T* residual, const T* ys_grad, const float* statistics, const float* weight, const float* bias,
    const float* correction, T* xs_grad, T* residual_grad, int count, int channels, int activation, float slope) {
    FOR_EACH(block, count / V) {
        unsigned i = block * V, channel = i % channels;
        Floats grad = gradient_behind(
            xs, residual, ys_grad, i, statistics, weight, bias, channels, channel, activation, slope);
        if (residual_grad) store(residual_grad + i, grad);
        Floats x = load(xs + i), mean = parameters(statistics + channel);
        Floats inverse = parameters(statistics + channels + channel), scale = parameters(weight + channel);
        Floats steep = parameters(correction + channel), offset = parameters(correction + channels + channel);
        for (int v = 0; v < V; v++)
            grad.at[v] = grad.at[v] * (inverse.at[v] * scale.at[v]) + steep.at[v] * (x.at[v] - mean.at[v]) + offset.at[v];
        store(xs_grad + i, grad);
    }
}
