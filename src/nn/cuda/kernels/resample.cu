// Upsampling to any size, channels last, nearest or bilinear. Backward passes gather from the outputs that an input reaches,
// in a fixed order.

// The input that output `at` shows, in single precision, as PyTorch and the CPU compute it: for rare sizes it is the one
// before the exact quotient's.
__device__ inline int nearest(int at, int size, int out) {
    return min((int)(at * ((float)size / out)), size - 1);
}

// The first output that shows input `at` or a later one, sought from the exact quotient on.
__device__ inline int first_output(int at, int size, int out) {
    int first = (int)(((long long)at * out + size - 1) / size);
    while (first > 0 && nearest(first - 1, size, out) >= at) first--;
    while (first < out && nearest(first, size, out) < at) first++;
    return first;
}

// `ys` (images, out_height, out_width, channels + skip_channels): `xs` enlarged, then `skip`, which is as large already.
extern "C" __global__ void nearest_concat(
    const T* xs, const T* skip, T* ys, int count, int height, int width, int channels, int out_height, int out_width,
    int skip_channels) {
    FOR_EACH(i, count / V) {
        Place p = place(i, out_height, out_width, channels + skip_channels);
        int y = nearest(p.y, height, out_height), x = nearest(p.x, width, out_width);
        const T* from = p.channel < channels
            ? xs + offset(p.image, y, x, p.channel, height, width, channels)
            : skip + offset(p.image, p.y, p.x, p.channel - channels, out_height, out_width, skip_channels);
        *reinterpret_cast<Lanes*>(ys + (unsigned)i * V) = *reinterpret_cast<const Lanes*>(from);
    }
}

// The gradient of `xs` above, from that of the whole `ys`; the gradient of `skip` is a slice of channels.
extern "C" __global__ void nearest_backward(
    const T* ys_grad, T* xs_grad, int count, int height, int width, int channels, int out_height, int out_width,
    int skip_channels) {
    FOR_EACH(i, count / V) {
        Place p = place(i, height, width, channels);
        int bottom = first_output(p.y + 1, height, out_height), right = first_output(p.x + 1, width, out_width);
        Floats sum = splat(0.0f);
        for (int y = first_output(p.y, height, out_height); y < bottom; y++)
            for (int x = first_output(p.x, width, out_width); x < right; x++) {
                Floats grad = load(
                    ys_grad + offset(p.image, y, x, p.channel, out_height, out_width, channels + skip_channels));
                for (int v = 0; v < V; v++) sum.at[v] += grad.at[v];
            }
        store(xs_grad + (unsigned)i * V, sum);
    }
}

// Two neighbouring inputs and the weight of the second.
struct Between {
    int low, high;
    float part;
};

// Inputs per output along one axis.
__device__ inline float step(int size, int out, int align_corners) {
    if (!align_corners) return (float)size / out;
    return out > 1 ? (float)(size - 1) / (out - 1) : 0.0f;
}

// Where output `at` looks, as PyTorch computes it.
__device__ inline Between between(int at, int size, float step, int align_corners) {
    float source = align_corners ? at * step : fmaxf((at + 0.5f) * step - 0.5f, 0.0f);
    int low = min((int)source, size - 1);
    return {low, min(low + 1, size - 1), source - low};
}

extern "C" __global__ void bilinear(
    const T* xs, T* ys, int count, int height, int width, int channels, int out_height, int out_width,
    int align_corners) {
    float step_y = step(height, out_height, align_corners), step_x = step(width, out_width, align_corners);
    FOR_EACH(i, count / V) {
        Place p = place(i, out_height, out_width, channels);
        Between y = between(p.y, height, step_y, align_corners), x = between(p.x, width, step_x, align_corners);
        Floats a = load(xs + offset(p.image, y.low, x.low, p.channel, height, width, channels));
        Floats b = load(xs + offset(p.image, y.low, x.high, p.channel, height, width, channels));
        Floats c = load(xs + offset(p.image, y.high, x.low, p.channel, height, width, channels));
        Floats d = load(xs + offset(p.image, y.high, x.high, p.channel, height, width, channels));
        for (int v = 0; v < V; v++)
            a.at[v] = (1.0f - y.part) * ((1.0f - x.part) * a.at[v] + x.part * b.at[v])
                + y.part * ((1.0f - x.part) * c.at[v] + x.part * d.at[v]);
        store(ys + (unsigned)i * V, a);
    }
}

// How much output `at` takes of input `input`.
__device__ inline float weight(int at, int input, int size, float step, int align_corners) {
    Between b = between(at, size, step, align_corners);
    return (b.low == input ? 1.0f - b.part : 0.0f) + (b.high == input ? b.part : 0.0f);
}

// Outputs [first, last] that may take from `input`: those that look between the inputs beside it, one more on each side
// against rounding. The outermost inputs also serve all that look beyond them.
__device__ inline int first_taker(int input, float step, int out, int align_corners) {
    if (input == 0 || step == 0.0f) return 0;
    float at = align_corners ? (input - 1) / step : (input - 0.5f) / step - 0.5f;
    return max(0, min((int)floorf(at) - 1, out - 1));
}

__device__ inline int last_taker(int input, int size, float step, int out, int align_corners) {
    if (input == size - 1 || step == 0.0f) return out - 1;
    float at = align_corners ? (input + 1) / step : (input + 1.5f) / step - 0.5f;
    return max(0, min((int)ceilf(at) + 1, out - 1));
}

extern "C" __global__ void bilinear_backward(
    const T* ys_grad, T* xs_grad, int count, int height, int width, int channels, int out_height, int out_width,
    int align_corners) {
    float step_y = step(height, out_height, align_corners), step_x = step(width, out_width, align_corners);
    FOR_EACH(i, count / V) {
        Place p = place(i, height, width, channels);
        int bottom = last_taker(p.y, height, step_y, out_height, align_corners);
        int left = first_taker(p.x, step_x, out_width, align_corners);
        int right = last_taker(p.x, width, step_x, out_width, align_corners);
        Floats sum = splat(0.0f);
        for (int y = first_taker(p.y, step_y, out_height, align_corners); y <= bottom; y++) {
            float row = weight(y, p.y, height, step_y, align_corners);
            for (int x = left; row != 0.0f && x <= right; x++) {
                float part = row * weight(x, p.x, width, step_x, align_corners);
                if (part == 0.0f) continue;
                Floats grad = load(ys_grad + offset(p.image, y, x, p.channel, out_height, out_width, channels));
                for (int v = 0; v < V; v++) sum.at[v] += part * grad.at[v];
            }
        }
        store(xs_grad + (unsigned)i * V, sum);
    }
}
