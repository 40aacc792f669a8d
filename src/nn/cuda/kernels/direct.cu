// Convolutions without a matrix product: one thread sums one element. Depthwise convolutions are best so, and it serves
// every convolution that cuDNN has no algorithm for. Neighbouring threads work on neighbouring channels. Launched with V = 1.
//
// Small pixel y meets large pixels y * stride - padding + tap * dilation. The weight is PyTorch's, f32:
// (small channels, large channels of a group, taps).

struct Window {
    int kernel_y, kernel_x, stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x;
};

struct Planes {
    int large_height, large_width, large_channels, small_height, small_width, small_channels, groups;
};

#define GEOMETRY \
    int large_height, int large_width, int large_channels, int small_height, int small_width, int small_channels, \
        int groups, int kernel_y, int kernel_x, int stride_y, int stride_x, int padding_y, int padding_x, \
        int dilation_y, int dilation_x
#define PLANES {large_height, large_width, large_channels, small_height, small_width, small_channels, groups}
#define WINDOW {kernel_y, kernel_x, stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x}

// The large pixel under a tap, or -1 in the padding.
__device__ inline int large_pixel(int image, int y, int x, int ky, int kx, Planes p, Window w) {
    int row = y * w.stride_y - w.padding_y + ky * w.dilation_y;
    int column = x * w.stride_x - w.padding_x + kx * w.dilation_x;
    bool inside = row >= 0 && row < p.large_height && column >= 0 && column < p.large_width;
    return inside ? (image * p.large_height + row) * p.large_width + column : -1;
}

extern "C" __global__ void direct_into_small(
    const T* large, const float* weight, const float* bias, T* small, int count, GEOMETRY) {
    Planes p = PLANES;
    Window w = WINDOW;
    int inputs = p.large_channels / p.groups, outputs = p.small_channels / p.groups, taps = w.kernel_y * w.kernel_x;
    FOR_EACH(i, count) {
        Place at = place(i, p.small_height, p.small_width, p.small_channels);
        const float* weights = weight + at.channel * inputs * taps;
        float sum = bias ? bias[at.channel] : 0.0f;
        for (int tap = 0; tap < taps; tap++) {
            int pixel = large_pixel(at.image, at.y, at.x, tap / w.kernel_x, tap % w.kernel_x, p, w);
            if (pixel < 0) continue;
            const T* from = large + (unsigned)pixel * p.large_channels + at.channel / outputs * inputs;
            for (int c = 0; c < inputs; c++) sum += to_float(from[c]) * weights[c * taps + tap];
        }
        small[i] = from_float(sum);
    }
}

// The small coordinate that meets `at` under tap `k`, or -1.
__device__ inline int small_coordinate(int at, int k, int stride, int padding, int dilation, int size) {
    int distance = at + padding - k * dilation;
    return distance >= 0 && distance % stride == 0 && distance / stride < size ? distance / stride : -1;
}

extern "C" __global__ void direct_into_large(
    const T* small, const float* weight, const float* bias, T* large, int count, GEOMETRY) {
    Planes p = PLANES;
    Window w = WINDOW;
    int inputs = p.large_channels / p.groups, outputs = p.small_channels / p.groups, taps = w.kernel_y * w.kernel_x;
    FOR_EACH(i, count) {
        Place at = place(i, p.large_height, p.large_width, p.large_channels);
        int first = at.channel / inputs * outputs;
        float sum = bias ? bias[at.channel] : 0.0f;
        for (int tap = 0; tap < taps; tap++) {
            int y = small_coordinate(
                at.y, tap / w.kernel_x, w.stride_y, w.padding_y, w.dilation_y, p.small_height);
            int x = small_coordinate(at.x, tap % w.kernel_x, w.stride_x, w.padding_x, w.dilation_x, p.small_width);
            if (y < 0 || x < 0) continue;
            const T* from = small + offset(at.image, y, x, first, p.small_height, p.small_width, p.small_channels);
            const float* weights = weight + (first * inputs + at.channel % inputs) * taps + tap;
            for (int c = 0; c < outputs; c++) sum += to_float(from[c]) * weights[c * inputs * taps];
        }
        large[i] = from_float(sum);
    }
}

// One thread sums one weight's gradient over a chunk (blockIdx.y) of small pixels. `partial` is
// (chunks, small channels, large channels of a group, taps); small channels go with the threads.
extern "C" __global__ void direct_weight_gradient(
    const T* large, const T* small, float* partial, int count, int pixels, int chunk, GEOMETRY) {
    Planes p = PLANES;
    Window w = WINDOW;
    int inputs = p.large_channels / p.groups, outputs = p.small_channels / p.groups, taps = w.kernel_y * w.kernel_x;
    int end = min(pixels, ((int)blockIdx.y + 1) * chunk);
    FOR_EACH(i, count) {
        int s = i % p.small_channels, rest = i / p.small_channels;
        int input = rest % inputs, tap = rest / inputs;
        float sum = 0.0f;
        for (int pixel = blockIdx.y * chunk; pixel < end; pixel++) {
            Place at = place(pixel, p.small_height, p.small_width, V);
            int from = large_pixel(at.image, at.y, at.x, tap / w.kernel_x, tap % w.kernel_x, p, w);
            if (from < 0) continue;
            float x = to_float(large[(unsigned)from * p.large_channels + s / outputs * inputs + input]);
            sum += x * to_float(small[(unsigned)pixel * p.small_channels + s]);
        }
        partial[((unsigned)blockIdx.y * p.small_channels + s) * inputs * taps + input * taps + tap] = sum;
    }
}

// PyTorch's weight (outer, channels, taps) in f32 to cuDNN's (outer, taps, channels) in T.
extern "C" __global__ void pack_weight(const float* weight, T* packed, int count, int channels, int taps) {
    FOR_EACH(i, count) {
        unsigned channel = i % channels, tap = i / channels % taps, outer = i / channels / taps;
        packed[i] = from_float(weight[(outer * channels + channel) * taps + tap]);
    }
}

// The way back, for gradients.
extern "C" __global__ void unpack_weight(const T* packed, float* weight, int count, int channels, int taps) {
    FOR_EACH(i, count) {
        unsigned tap = i % taps, channel = i / taps % channels, outer = i / taps / channels;
        weight[i] = to_float(packed[(outer * taps + tap) * channels + channel]);
    }
}
