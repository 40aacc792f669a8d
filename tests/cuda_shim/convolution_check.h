// The direct convolutions and the packing of weights against float64. Only V = 1 launches them.
#pragma once

struct ConvolutionCase {
    int n, h, w, large, small, groups, kernel, kernel_x, stride, padding, dilation;
};

static void check_convolution(ConvolutionCase c) {
    int kx = c.kernel_x, taps = c.kernel * kx, inputs = c.large / c.groups, outputs = c.small / c.groups;
    int oh = (c.h + 2 * c.padding - c.dilation * (c.kernel - 1) - 1) / c.stride + 1;
    int ow = (c.w + 2 * c.padding - c.dilation * (kx - 1) - 1) / c.stride + 1;
    Image large{c.n, c.h, c.w, c.large}, small{c.n, oh, ow, c.small};
    Buffer<T> xs(large.count()), ys(small.count()), dys(small.count()), dxs(large.count());
    Buffer<float> weight(c.small * inputs * taps), bias(c.small), large_bias(c.large);
    Doubles x = fill(xs), g = fill(dys), w = fill(weight), b = fill(bias), lb = fill(large_bias);
    Doubles y(small.count()), dx(large.count()), dw(weight.length);
    for (int i = 0; i < large.count(); i++) dx[i] = lb[i % c.large];
    each_element(small, [&](int i, int oy, int ox, int s) {
        int to = small.at(i, oy, ox, s), group = s / outputs;
        y[to] = b[s];
        for (int tap = 0; tap < taps; tap++) {
            int py = oy * c.stride - c.padding + tap / kx * c.dilation, px = ox * c.stride - c.padding + tap % kx * c.dilation;
            if (py < 0 || py >= c.h || px < 0 || px >= c.w) continue;
            for (int l = 0; l < inputs; l++) {
                int from = large.at(i, py, px, group * inputs + l), at = (s * inputs + l) * taps + tap;
                y[to] += x[from] * w[at], dx[from] += g[to] * w[at], dw[at] += g[to] * x[from];
            }
        }
    });
#define CONVOLUTION_ARGS \
    c.h, c.w, c.large, oh, ow, c.small, c.groups, c.kernel, kx, c.stride, c.stride, c.padding, c.padding, c.dilation, c.dilation
    launch(each(ys.length), [&] { direct_into_small(xs, weight, bias, ys, small.count(), CONVOLUTION_ARGS); });
    launch(each(dxs.length), [&] { direct_into_large(dys, weight, large_bias, dxs, large.count(), CONVOLUTION_ARGS); });
    compare("into small", ys, y, 1e-4);
    compare("into large", dxs, dx, 1e-4);
    int weights = weight.length, pixels = c.n * oh * ow, chunk = 37, chunks = (pixels + chunk - 1) / chunk;
    Buffer<float> partial(chunks * weights), gradient(weights);
    launch({2, (unsigned)chunks, 1}, [&] {
        direct_weight_gradient(xs, dys, partial, weights, pixels, chunk, CONVOLUTION_ARGS);
    });
    launch({sides(weights), 1, 1}, [&] { finish_sums(partial, gradient, nullptr, weights, chunks, weights, 1.0f); });
    compare("weight gradient", gradient, dw, 3e-4);
}

static void check_packing(int outer, int channels, int taps) {
    Buffer<float> weight(outer * channels * taps), back(weight.length);
    Buffer<T> packed(weight.length);
    Doubles w = fill(weight), p(weight.length), rounded(weight.length);
    for (int o = 0; o < outer; o++)
        for (int c = 0; c < channels; c++)
            for (int t = 0; t < taps; t++) p[(o * taps + t) * channels + c] = w[(o * channels + c) * taps + t];
    launch(each(weight.length), [&] { pack_weight(weight, packed, weight.length, channels, taps); });
    compare("packed weight", packed, p);
    launch(each(weight.length), [&] { unpack_weight(packed, back, weight.length, channels, taps); });
    for (size_t i = 0; i < w.size(); i++) {
        T t;
        set(t, w[i]);
        rounded[i] = value(t);
    }
    compare("unpacked weight", back, rounded, 0.0);
}

static void check_folding(int channels, int row, bool with_bias) {
    Buffer<float> weight(channels * row), bias(channels), scale(channels), shift(channels), mean(channels), var(channels);
    Buffer<float> folded(weight.length), added(channels);
    Doubles w = fill(weight), b = fill(bias), s = fill(scale), h = fill(shift), m = fill(mean), v = fill(var);
    for (int c = 0; c < channels; c++) {
        v[c] = var.data[c] = var.data[c] * var.data[c];
        double factor = s[c] / sqrt(v[c] + (double)1e-3f);
        for (int i = 0; i < row; i++) w[c * row + i] *= factor;
        b[c] = h[c] + ((with_bias ? b[c] : 0.0) - m[c]) * factor;
    }
    launch(each(weight.length), [&] { fold_weight(weight, scale, var, folded, weight.length, row, 1e-3f); });
    launch(each(channels), [&] { fold_bias(with_bias ? bias.data : nullptr, scale, shift, mean, var, added, channels, 1e-3f); });
    compare("folded weight", folded, w, 1e-6);
    compare("folded bias", added, b, 1e-6);
    launch(each(weight.length), [&] { fold_weight(weight, nullptr, nullptr, folded, weight.length, row, 0.0f); });
    launch(each(channels), [&] { fold_bias(bias, nullptr, nullptr, nullptr, nullptr, added, channels, 0.0f); });
    for (size_t i = 0; i < weight.length; i++) w[i] = weight.data[i];
    for (int c = 0; c < channels; c++) b[c] = bias.data[c];
    compare("weight without norm", folded, w, 0.0);
    compare("bias without norm", added, b, 0.0);
}

static void check_all_convolutions() {
    check_folding(7, 45, true), check_folding(300, 9, false);
    check_convolution({2, 9, 7, 5, 5, 5, 3, 3, 1, 1, 1});   // depthwise
    check_convolution({1, 10, 11, 3, 6, 3, 3, 2, 2, 1, 2}); // two outputs each, dilated
    check_convolution({2, 8, 7, 6, 9, 3, 3, 3, 2, 1, 1});   // grouped
    check_convolution({1, 6, 9, 4, 3, 1, 2, 3, 3, 0, 1});   // windows that leave pixels out
    check_convolution({2, 7, 5, 1, 8, 1, 7, 5, 2, 3, 1});   // the first layer
    check_convolution({2, 6, 6, 16, 1, 1, 1, 1, 1, 0, 1});  // the head
    check_packing(6, 5, 9), check_packing(1, 1, 4);
}
