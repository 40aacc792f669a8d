// Pooling over windows, channels last. Backward passes gather: an input asks the windows that cover it, so nothing is added
// by two threads and sums have a fixed order.

struct Sizes {
    int height, width, channels, out_height, out_width;
    int kernel_y, kernel_x, stride_y, stride_x, padding_y, padding_x;
};

#define SIZES \
    int height, int width, int channels, int out_height, int out_width, int kernel_y, int kernel_x, int stride_y, \
        int stride_x, int padding_y, int padding_x
#define SIZES_OF \
    {height, width, channels, out_height, out_width, kernel_y, kernel_x, stride_y, stride_x, padding_y, padding_x}

// A NaN wins over numbers, and the first one over later ones.
extern "C" __global__ void max_pool(const T* xs, T* ys, int count, SIZES) {
    Sizes s = SIZES_OF;
    FOR_EACH(i, count / V) {
        Place p = place(i, s.out_height, s.out_width, s.channels);
        int top = p.y * s.stride_y - s.padding_y, left = p.x * s.stride_x - s.padding_x;
        Floats best = splat(-__int_as_float(0x7f800000));
        for (int y = max(top, 0); y < min(top + s.kernel_y, s.height); y++)
            for (int x = max(left, 0); x < min(left + s.kernel_x, s.width); x++) {
                Floats at = load(xs + offset(p.image, y, x, p.channel, s.height, s.width, s.channels));
                for (int v = 0; v < V; v++)
                    if (at.at[v] > best.at[v] || at.at[v] != at.at[v]) best.at[v] = at.at[v];
            }
        store(ys + (unsigned)i * V, best);
    }
}

__device__ inline bool same(float a, float b) {
    return a == b || (a != a && b != b);
}

// The windows along one axis that cover `at`: from `first` to `last`.
__device__ inline int first_window(int at, int kernel, int stride, int padding) {
    int reach = at + padding - kernel;
    return reach < 0 ? 0 : reach / stride + 1;
}

__device__ inline int last_window(int at, int stride, int padding, int out) {
    return min((at + padding) / stride, out - 1);
}

// Whether `value` at (y, x) is the first of the window at (top, left) that equals its maximum, given that it does equal it.
__device__ inline bool is_first(const T* xs, float value, Place p, int v, int top, int left, Sizes s) {
    for (int y = max(top, 0); y <= p.y; y++)
        for (int x = max(left, 0); x < min(left + s.kernel_x, s.width); x++) {
            if (y == p.y && x == p.x) return true;
            T other = xs[offset(p.image, y, x, p.channel + v, s.height, s.width, s.channels)];
            if (same(to_float(other), value)) return false;
        }
    return true;
}

extern "C" __global__ void max_pool_backward(
    const T* xs, const T* ys, const T* ys_grad, T* xs_grad, int count, SIZES) {
    Sizes s = SIZES_OF;
    FOR_EACH(i, count / V) {
        Place p = place(i, s.height, s.width, s.channels);
        Floats value = load(xs + (unsigned)i * V), sum = splat(0.0f);
        int bottom = last_window(p.y, s.stride_y, s.padding_y, s.out_height);
        int right = last_window(p.x, s.stride_x, s.padding_x, s.out_width);
        for (int oy = first_window(p.y, s.kernel_y, s.stride_y, s.padding_y); oy <= bottom; oy++)
            for (int ox = first_window(p.x, s.kernel_x, s.stride_x, s.padding_x); ox <= right; ox++) {
                unsigned at = offset(p.image, oy, ox, p.channel, s.out_height, s.out_width, s.channels);
                Floats maximum = load(ys + at), grad = load(ys_grad + at);
                int top = oy * s.stride_y - s.padding_y, left = ox * s.stride_x - s.padding_x;
                for (int v = 0; v < V; v++)
                    if (same(value.at[v], maximum.at[v]) && is_first(xs, value.at[v], p, v, top, left, s))
                        sum.at[v] += grad.at[v];
            }
        store(xs_grad + (unsigned)i * V, sum);
    }
}

// 1 / the number of summands of a window: all of it, or only what lies inside.
__device__ inline float share(int top, int left, int count_padding, Sizes s) {
    if (count_padding) return 1.0f / (s.kernel_y * s.kernel_x);
    int rows = min(top + s.kernel_y, s.height) - max(top, 0);
    int columns = min(left + s.kernel_x, s.width) - max(left, 0);
    return 1.0f / (rows * columns);
}

extern "C" __global__ void average_pool(const T* xs, T* ys, int count, int count_padding, SIZES) {
    Sizes s = SIZES_OF;
    FOR_EACH(i, count / V) {
        Place p = place(i, s.out_height, s.out_width, s.channels);
        int top = p.y * s.stride_y - s.padding_y, left = p.x * s.stride_x - s.padding_x;
        Floats sum = splat(0.0f);
        for (int y = max(top, 0); y < min(top + s.kernel_y, s.height); y++)
            for (int x = max(left, 0); x < min(left + s.kernel_x, s.width); x++) {
                Floats at = load(xs + offset(p.image, y, x, p.channel, s.height, s.width, s.channels));
                for (int v = 0; v < V; v++) sum.at[v] += at.at[v];
            }
        float part = share(top, left, count_padding, s);
        for (int v = 0; v < V; v++) sum.at[v] *= part;
        store(ys + (unsigned)i * V, sum);
    }
}

extern "C" __global__ void average_pool_backward(const T* ys_grad, T* xs_grad, int count, int count_padding, SIZES) {
    Sizes s = SIZES_OF;
    FOR_EACH(i, count / V) {
        Place p = place(i, s.height, s.width, s.channels);
        Floats sum = splat(0.0f);
        int bottom = last_window(p.y, s.stride_y, s.padding_y, s.out_height);
        int right = last_window(p.x, s.stride_x, s.padding_x, s.out_width);
        for (int oy = first_window(p.y, s.kernel_y, s.stride_y, s.padding_y); oy <= bottom; oy++)
            for (int ox = first_window(p.x, s.kernel_x, s.stride_x, s.padding_x); ox <= right; ox++) {
                unsigned at = offset(p.image, oy, ox, p.channel, s.out_height, s.out_width, s.channels);
                Floats grad = load(ys_grad + at);
                int top = oy * s.stride_y - s.padding_y, left = ox * s.stride_x - s.padding_x;
                float part = share(top, left, count_padding, s);
                for (int v = 0; v < V; v++) sum.at[v] += grad.at[v] * part;
            }
        store(xs_grad + (unsigned)i * V, sum);
    }
}
