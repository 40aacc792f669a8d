// Pooling, resampling, layouts and elementwise kernels against float64.
#pragma once

struct Image {
    int n, h, w, c;
    int count() const { return n * h * w * c; }
    int at(int i, int y, int x, int k) const { return ((i * h + y) * w + x) * c + k; }
};

template <typename F> static void each_element(Image s, F f) {
    for (int i = 0; i < s.n; i++)
        for (int y = 0; y < s.h; y++)
            for (int x = 0; x < s.w; x++)
                for (int k = 0; k < s.c; k++) f(i, y, x, k);
}

static void check_pool(Image in, int kernel, int kernel_x, int stride, int padding, bool average, bool include) {
    in.c = odd(in.c);
    Image out{in.n, (in.h + 2 * padding - kernel) / stride + 1, (in.w + 2 * padding - kernel_x) / stride + 1, in.c};
    Buffer<T> xs(in.count()), ys(out.count()), dys(out.count()), dxs(in.count());
    Doubles x = fill(xs), g = fill(dys), y(out.count()), dx(in.count());
    for (int i = 0; i < in.count(); i++) { // ties and a NaN
        x[i] = average ? x[i] : round(x[i]);
        set(xs.data[i], x[i]);
        x[i] = value(xs.data[i]);
    }
    if (!average) set(xs.data[in.count() / 2], NAN), x[in.count() / 2] = NAN;
    each_element(out, [&](int i, int oy, int ox, int k) {
        double best = -INFINITY, sum = 0;
        int where = -1, inside = 0;
        for (int a = 0; a < kernel; a++)
            for (int b = 0; b < kernel_x; b++) {
                int py = oy * stride - padding + a, px = ox * stride - padding + b;
                if (py < 0 || py >= in.h || px < 0 || px >= in.w) continue;
                double v = x[in.at(i, py, px, k)];
                inside++, sum += v;
                if (v > best || (std::isnan(v) && !std::isnan(best)) || where < 0) best = v, where = in.at(i, py, px, k);
            }
        int to = out.at(i, oy, ox, k), parts = include ? kernel * kernel_x : inside;
        y[to] = average ? sum / parts : best;
        if (!average) dx[where] += g[to];
        for (int a = 0; average && a < kernel; a++)
            for (int b = 0; b < kernel_x; b++) {
                int py = oy * stride - padding + a, px = ox * stride - padding + b;
                if (py >= 0 && py < in.h && px >= 0 && px < in.w) dx[in.at(i, py, px, k)] += g[to] / parts;
            }
    });
#define POOL_ARGS in.h, in.w, in.c, out.h, out.w, kernel, kernel_x, stride, stride, padding, padding
    if (average) {
        launch(each(ys.length / V), [&] { average_pool(xs, ys, out.count(), include, POOL_ARGS); });
        launch(each(dxs.length / V), [&] { average_pool_backward(dys, dxs, in.count(), include, POOL_ARGS); });
    } else {
        launch(each(ys.length / V), [&] { max_pool(xs, ys, out.count(), POOL_ARGS); });
        launch(each(dxs.length / V), [&] { max_pool_backward(xs, ys, dys, dxs, in.count(), POOL_ARGS); });
    }
    compare(average ? "average pool" : "max pool", ys, y);
    compare(average ? "average pool backward" : "max pool backward", dxs, dx);
}

static void check_nearest(Image in, int out_h, int out_w, int skip_channels) {
    in.c = odd(in.c);
    Image out{in.n, out_h, out_w, in.c + skip_channels}, side{in.n, out_h, out_w, skip_channels};
    Buffer<T> xs(in.count()), skip(side.count()), ys(out.count()), dys(out.count()), dxs(in.count()), dskip(side.count());
    Doubles x = fill(xs), s = fill(skip), g = fill(dys), y(out.count()), dx(in.count()), ds(side.count());
    each_element(out, [&](int i, int oy, int ox, int k) {
        int to = out.at(i, oy, ox, k);
        if (k >= in.c) {
            int from = side.at(i, oy, ox, k - in.c);
            y[to] = s[from], ds[from] = g[to];
            return;
        }
        int row = std::min((int)(oy * ((float)in.h / out_h)), in.h - 1), column = std::min((int)(ox * ((float)in.w / out_w)), in.w - 1);
        int from = in.at(i, row, column, k);
        y[to] = x[from], dx[from] += g[to];
    });
    launch(each(ys.length / V), [&] {
        nearest_concat(xs, skip, ys, out.count(), in.h, in.w, in.c, out_h, out_w, skip_channels);
    });
    compare("nearest and concat", ys, y);
    launch(each(dxs.length / V), [&] {
        nearest_backward(dys, dxs, in.count(), in.h, in.w, in.c, out_h, out_w, skip_channels);
    });
    compare("nearest backward", dxs, dx);
    if (skip_channels == 0) return;
    launch(each(dskip.length / V), [&] {
        copy_channels(dys, dskip, side.count(), skip_channels, out.c, in.c, skip_channels, 0);
    });
    compare("slice of channels", dskip, ds);
    Buffer<T> joined(out.count());
    launch(each(out.count()), [&] { copy_channels(dys, joined, out.n * out_h * out_w * in.c, in.c, out.c, 0, out.c, 0); });
    launch(each(out.count()), [&] { copy_channels(dskip, joined, side.count(), skip_channels, skip_channels, 0, out.c, in.c); });
    compare("join of channels", joined, g);
}

static void check_bilinear(Image in, int out_h, int out_w, bool corners) {
    in.c = odd(in.c);
    Image out{in.n, out_h, out_w, in.c};
    Buffer<T> xs(in.count()), ys(out.count()), dys(out.count()), dxs(in.count());
    Doubles x = fill(xs), g = fill(dys), y(out.count()), dx(in.count());
    auto look = [&](int at, int size, int outs, int& low, int& high) {
        double scale = corners ? (outs > 1 ? (size - 1.0) / (outs - 1.0) : 0.0) : (double)size / outs;
        double source = corners ? at * scale : std::max(0.0, (at + 0.5) * scale - 0.5);
        low = std::min((int)(source + 1e-9), size - 1), high = std::min(low + 1, size - 1);
        return source - low;
    };
    each_element(out, [&](int i, int oy, int ox, int k) {
        int y0, y1, x0, x1;
        double b = look(oy, in.h, out_h, y0, y1), a = look(ox, in.w, out_w, x0, x1);
        int to = out.at(i, oy, ox, k), from[] = {in.at(i, y0, x0, k), in.at(i, y0, x1, k), in.at(i, y1, x0, k), in.at(i, y1, x1, k)};
        double part[] = {(1 - b) * (1 - a), (1 - b) * a, b * (1 - a), b * a};
        for (int q = 0; q < 4; q++) y[to] += part[q] * x[from[q]], dx[from[q]] += part[q] * g[to];
    });
    launch(each(ys.length / V), [&] { bilinear(xs, ys, out.count(), in.h, in.w, in.c, out_h, out_w, corners); });
    launch(each(dxs.length / V), [&] { bilinear_backward(dys, dxs, in.count(), in.h, in.w, in.c, out_h, out_w, corners); });
    compare("bilinear", ys, y, 1e-5);
    compare("bilinear backward", dxs, dx, 3e-5);
}

static void check_layout(int batch, int rows, int columns) {
    Buffer<T> xs(batch * rows * columns), ys(batch * rows * columns);
    Doubles x = fill(xs), y(xs.length);
    for (int b = 0; b < batch; b++)
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++) y[(b * columns + c) * rows + r] = x[(b * rows + r) * columns + c];
    dim3 grid{(columns + 31u) / 32, (rows + 31u) / 32, (unsigned)batch};
    launch(grid, [&] { transpose(xs, ys, rows, columns); });
    compare("transpose", ys, y);
}

static void check_frame(Image in, int out_h, int out_w, int top, int left) {
    in.c = odd(in.c);
    Image out{in.n, out_h, out_w, in.c};
    Buffer<T> xs(in.count()), ys(out.count());
    Doubles x = fill(xs), y(out.count());
    each_element(out, [&](int i, int oy, int ox, int k) {
        int py = oy - top, px = ox - left;
        bool inside = py >= 0 && py < in.h && px >= 0 && px < in.w;
        y[out.at(i, oy, ox, k)] = inside ? x[in.at(i, py, px, k)] : 0.0;
    });
    launch(each(ys.length / V), [&] { frame(xs, ys, out.count(), in.h, in.w, in.c, out_h, out_w, top, left); });
    compare("frame", ys, y);
}

static void check_activations(int count) {
    for (int kind : {NONE, RELU, LEAKY_RELU, ELU, SIGMOID}) {
        Buffer<T> xs(count), ys(count), dys(count), dxs(count);
        Doubles x = fill(xs), g = fill(dys), y(count), dx(count);
        set(xs.data[1], 0.0), x[1] = 0.0, set(xs.data[2], NAN), x[2] = NAN;
        for (int i = 0; i < count; i++) {
            y[i] = std::isnan(x[i]) ? NAN : act(x[i], kind, 0.3);
            dx[i] = g[i] * act_slope(x[i], kind, 0.3);
        }
        dx[2] = kind == SIGMOID ? NAN : g[2];
        launch(each(count / V), [&] { activation(xs, ys, count, kind, 0.3f); });
        launch(each(count / V), [&] { activation_backward(xs, dys, dxs, count, kind, 0.3f); });
        compare("activation", ys, y);
        compare("activation backward", dxs, dx);
    }
}

static void check_gates(Image s) {
    s.c = odd(s.c);
    int image = s.h * s.w * s.c;
    Buffer<T> xs(s.count()), other(s.count()), channel(s.n * s.c), pixel(s.n * s.h * s.w), ys(s.count());
    Buffer<float> bias(s.c);
    Doubles x = fill(xs), o = fill(other), c = fill(channel), p = fill(pixel), b = fill(bias), y(s.count());
    auto expect = [&](const char* what, auto f) {
        for (int i = 0; i < s.count(); i++) y[i] = f(i);
        compare(what, ys, y);
    };
    launch(each(s.count() / V), [&] { gate_channels(xs, channel, ys, s.count(), image, s.c); });
    expect("gate of channels", [&](int i) { return x[i] * c[i / image * s.c + i % s.c]; });
    launch(each(s.count() / V), [&] { gate_pixels(xs, pixel, ys, s.count(), s.c); });
    expect("gate of pixels", [&](int i) { return x[i] * p[i / s.c]; });
    launch(each(s.count() / V), [&] { spread(channel, ys, s.count(), image, s.c, 0.25f); });
    expect("spread", [&](int i) { return c[i / image * s.c + i % s.c] * 0.25; });
    launch(each(s.count() / V), [&] { add(xs, other, ys, s.count()); });
    expect("add", [&](int i) { return x[i] + o[i]; });
    launch(each(s.count()), [&] { weighted_sum(xs, other, ys, s.count(), 0.5f, -2.0f); });
    expect("weighted sum", [&](int i) { return 0.5 * x[i] - 2.0 * o[i]; });
    launch(each(s.count()), [&] { weighted_sum(xs, nullptr, ys, s.count(), 3.0f, 1.0f); });
    expect("scaled", [&](int i) { return 3.0 * x[i]; });
    launch(each(s.count() / V), [&] { add(xs, other, ys, s.count()); });
    launch(each(s.count() / V), [&] { finish_convolution(ys, bias, nullptr, s.count(), s.c, NONE, 0.0f); });
    for (int i = 0; i < s.count(); i++) set(other.data[i], x[i] + o[i]), o[i] = value(other.data[i]);
    expect("bias", [&](int i) { return o[i] + b[i % s.c]; });
    for (int i = 0; i < s.count(); i++) o[i] = value(ys.data[i]);
    launch(each(s.count() / V), [&] { finish_convolution(ys, bias, xs, s.count(), s.c, LEAKY_RELU, 0.5f); });
    expect("bias, residual, activation", [&](int i) { return act(o[i] + b[i % s.c] + x[i], LEAKY_RELU, 0.5); });
}

static void check_dropout(Image s, bool spatial) {
    const double drop = 0.3;
    Buffer<T> xs(s.count()), ys(s.count());
    for (int i = 0; i < s.count(); i++) set(xs.data[i], 1.0);
    int image = spatial ? s.h * s.w * s.c : 0;
    unsigned threshold = (unsigned)(drop * 4294967296.0);
    launch(each(s.count() / V), [&] { dropout(xs, ys, s.count(), 42, threshold, 2.0f, image, s.c); });
    Doubles y(s.count());
    int kept = 0;
    each_element(s, [&](int i, int yy, int x, int k) {
        unsigned long long index = spatial ? i * s.c + k : s.at(i, yy, x, k), state = 42;
        unsigned long long z = state + 0x9e3779b97f4a7c15ull * (index + 1); // SplitMix64, called index + 1 times
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull, z = (z ^ (z >> 27)) * 0x94d049bb133111ebull, z ^= z >> 31;
        bool keep = (double)(z >> 32) >= drop * 4294967296.0 - 1;
        y[s.at(i, yy, x, k)] = keep ? 2.0 : 0.0, kept += keep;
    });
    compare("dropout", ys, y);
    Doubles share{(double)kept / s.count()};
    Buffer<float> want(1);
    set(want.data[0], 1 - drop);
    compare("share that dropout keeps", want, share, spatial ? 0.15 : 0.03);
}

static void check_all_images() {
    for (bool average : {false, true})
        for (bool include : {false, true}) {
            if (!average && include) continue;
            check_pool({2, 9, 7, 8}, 3, 3, 2, 1, average, include);
            check_pool({1, 8, 6, 4}, 2, 2, 2, 0, average, include);
            check_pool({2, 5, 6, 12}, 3, 2, 1, 1, average, include);
            check_pool({1, 11, 9, 4}, 2, 3, 3, 0, average, include);
            check_pool({1, 7, 7, 4}, 5, 4, 2, 2, average, include);
        }
    check_nearest({2, 3, 5, 8}, 6, 10, 4);
    check_nearest({1, 4, 3, 4}, 7, 11, 8);
    check_nearest({1, 7, 9, 4}, 3, 4, 0);
    check_nearest({2, 5, 5, 12}, 5, 5, 4);
    check_nearest({1, 2, 3, 4}, 82, 123, 4); // output 41 of 82 shows input 0 in single precision, not 1
    for (bool corners : {false, true}) {
        check_bilinear({2, 3, 5, 4}, 6, 10, corners);
        check_bilinear({1, 7, 4, 8}, 13, 31, corners);
        check_bilinear({1, 9, 8, 4}, 4, 3, corners);
        check_bilinear({2, 1, 6, 4}, 5, 1, corners);
        check_bilinear({1, 2, 3, 4}, 2, 3, corners);
        check_bilinear({1, 25, 25, 4}, 101, 101, corners);
    }
    check_layout(3, 5, 67), check_layout(1, 64, 32), check_layout(2, 33, 1);
    check_frame({2, 5, 7, 4}, 8, 12, 1, 2), check_frame({1, 8, 12, 8}, 5, 7, -1, -3);
    check_activations(4 * 300);
    check_gates({3, 5, 3, 12}), check_gates({2, 9, 8, 4});
    check_dropout({2, 17, 15, 8}, false), check_dropout({8, 3, 3, 48}, true);
}
