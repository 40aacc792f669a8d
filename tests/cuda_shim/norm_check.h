// Batch normalization and sums against float64.
#pragma once

// The division of a sum over pixels, as `Chunks::new` in reduce.rs.
struct Chunks {
    int lanes, tiles, chunk, chunks;
    Chunks(int pixels, int channels, int target) {
        for (lanes = 1; lanes < 32 && lanes * V < channels; lanes *= 2) {}
        tiles = (channels + lanes * V - 1) / (lanes * V);
        int most = std::max(1, std::min(target / tiles, (pixels + 63) / 64));
        chunk = (pixels + most - 1) / most;
        chunks = (pixels + chunk - 1) / chunk;
    }
    dim3 grid(int images = 1) const { return {(unsigned)tiles, (unsigned)chunks, (unsigned)images}; }
};

static unsigned sides(int count) { return (count + 7) / 8; }

struct NormCase {
    int pixels, channels, activation;
    bool residual, constant;
    double offset; // the mean of the input, large beside its deviation or not
};

static void check_norm(NormCase c) {
    int count = c.pixels * c.channels, channels = c.channels;
    const double eps = 1e-5, momentum = 0.1, slope = c.activation == ELU ? 1.0 : 0.01;
    Buffer<T> xs(count), res(count), dys(count), ys(count), dxs(count), dres(count);
    Buffer<float> weight(channels), bias(channels), mean(channels), var(channels), statistics(2 * channels);
    Doubles x = fill(xs, c.offset), r = fill(res), g = fill(dys), w = fill(weight, 1.0, 0.3), b = fill(bias);
    Doubles running_mean = fill(mean), running_var = fill(var, 2.0, 0.1);
    Chunks chunks(c.pixels, channels, 24);
    Buffer<float> partial(2 * chunks.chunks * channels);

    Doubles m(channels), inverse(channels);
    if (c.constant) {
        launch({1, 1, 1}, [&] { running_statistics(mean, var, statistics, channels, eps); });
        for (int k = 0; k < channels; k++) m[k] = running_mean[k], inverse[k] = 1 / sqrt(running_var[k] + eps);
    } else {
        launch(chunks.grid(), [&] { batch_moments(xs, partial, c.pixels, channels, chunks.lanes, chunks.chunk); });
        launch({sides(channels), 1, 1}, [&] {
            finish_moments(
                partial, statistics, mean, var, c.pixels, channels, chunks.chunk, chunks.chunks, eps, momentum);
        });
        for (int k = 0; k < channels; k++) {
            double sum = 0, squares = 0;
            for (int p = 0; p < c.pixels; p++) sum += x[p * channels + k];
            m[k] = sum / c.pixels;
            for (int p = 0; p < c.pixels; p++) squares += pow(x[p * channels + k] - m[k], 2);
            inverse[k] = 1 / sqrt(squares / c.pixels + eps);
            running_mean[k] += momentum * (m[k] - running_mean[k]);
            running_var[k] += momentum * (squares / (c.pixels - 1) - running_var[k]);
        }
        compare("running mean", mean, running_mean, 1e-6);
        compare("running variance", var, running_var, 1e-5);
    }
    Doubles both = m;
    both.insert(both.end(), inverse.begin(), inverse.end());
    compare("statistics", statistics, both, 3e-6);

    T* residual = c.residual ? res.data : nullptr;
    launch(each(count / V), [&] {
        normalize(xs, residual, ys, statistics, weight, bias, count, channels, c.activation, slope);
    });
    Doubles z(count), y(count);
    for (int i = 0; i < count; i++) {
        int k = i % channels;
        z[i] = (x[i] - m[k]) * inverse[k] * w[k] + b[k] + (c.residual ? r[i] : 0);
        y[i] = act(z[i], c.activation, slope);
    }
    double loose = 1e-4 + 1e-6 * fabs(c.offset);
    compare("normalized", ys, y, loose);

    Buffer<float> dweight(channels), dbias(channels), correction(2 * channels);
    launch(chunks.grid(), [&] {
        gradient_sums(
            xs, residual, dys, statistics, weight, bias, partial, c.pixels, channels, chunks.lanes, chunks.chunk,
            c.activation, slope);
    });
    launch({sides(channels), 1, 1}, [&] {
        finish_gradient(
            partial, statistics, weight, dweight, dbias, correction, c.pixels, channels, chunks.chunks, c.constant);
    });
    T* residual_grad = c.residual ? dres.data : nullptr;
    launch(each(count / V), [&] {
        input_gradient(
            xs, residual, dys, statistics, weight, bias, correction, dxs, residual_grad, count, channels,
            c.activation, slope);
    });
    Doubles sum(channels), product(channels), dx(count), behind(count);
    for (int i = 0; i < count; i++) {
        int k = i % channels;
        behind[i] = g[i] * act_slope(z[i], c.activation, slope);
        sum[k] += behind[i];
        product[k] += behind[i] * (x[i] - m[k]) * inverse[k];
    }
    for (int i = 0; i < count; i++) {
        int k = i % channels;
        double centred = behind[i] - sum[k] / c.pixels - (x[i] - m[k]) * inverse[k] * product[k] / c.pixels;
        dx[i] = w[k] * inverse[k] * (c.constant ? behind[i] : centred);
    }
    compare("weight gradient of norm", dweight, product, loose * 3);
    compare("bias gradient of norm", dbias, sum, loose);
    compare("input gradient of norm", dxs, dx, loose);
    if (c.residual) compare("residual gradient of norm", dres, behind, loose);
}

static void check_sums(int images, int pixels, int channels) {
    channels = odd(channels);
    int count = images * pixels * channels;
    Buffer<T> xs(count), ys(count), out(images * channels), dots(images * pixels);
    Doubles x = fill(xs), y = fill(ys), sums(images * channels), products(images * channels), dot(images * pixels);
    for (int i = 0; i < count; i++) {
        int image = i / channels / pixels, to = image * channels + i % channels;
        sums[to] += x[i] * 0.5;
        products[to] += x[i] * y[i];
        dot[i / channels] += x[i] * y[i];
    }
    Chunks chunks(pixels, channels, 24);
    Buffer<float> partial(images * chunks.chunks * channels), parameters(images * channels);
    int all = images * channels;
    launch(chunks.grid(images), [&] { channel_sums(xs, nullptr, partial, pixels, channels, chunks.lanes, chunks.chunk); });
    launch({sides(all), 1, 1}, [&] { finish_sums(partial, parameters, nullptr, all, chunks.chunks, channels, 0.5f); });
    compare("channel sums", parameters, sums);
    launch(chunks.grid(images), [&] { channel_sums(xs, ys, partial, pixels, channels, chunks.lanes, chunks.chunk); });
    launch({sides(all), 1, 1}, [&] { finish_sums(partial, nullptr, out, all, chunks.chunks, channels, 1.0f); });
    compare("channel sums of products", out, products, 1e-4);
    launch({3, 1, 1}, [&] { pixel_dots(xs, ys, dots, images * pixels, channels); });
    compare("pixel dots", dots, dot, 1e-4);
}

static void check_all_norms() {
    const int activations[] = {NONE, RELU, LEAKY_RELU, ELU, SIGMOID};
    int sizes[][2] = {{7, 4}, {611, 12}, {97, 164}, {1500, 4}, {2, 8}, {333, 132}};
    int k = 0;
    for (auto& size : sizes)
        for (int activation : activations) {
            k++;
            check_norm({size[0], odd(size[1]), activation, k % 2 == 0, k % 3 == 0, k % 4 == 0 && sizeof(T) == 4 ? 50.0 : 0.5});
        }
    check_sums(3, 211, 20);
    check_sums(1, 1003, 4), check_sums(1, 700, V == 1 ? 2 : 4);
    check_sums(2, 5, 260);
}
