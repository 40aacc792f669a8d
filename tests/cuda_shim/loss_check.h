// Losses and their gradients.
#pragma once

static void check_bce(int count, double deviation, float mean_grad) {
    Buffer<T> xs(count), grad(count);
    Buffer<float> ts(count), mean(1), start(1);
    Doubles x = fill(xs, 0.0, deviation), t = fill(ts), want(count);
    double sum = 0;
    start.data[0] = mean_grad;
    for (int i = 0; i < count; i++) {
        t[i] = ts.data[i] = i % 3 / 2.0f;
        sum += std::max(x[i], 0.0) - x[i] * t[i] + log1p(exp(-fabs(x[i])));
        want[i] = (1 / (1 + exp(-x[i])) - t[i]) * mean_grad / count;
    }
    int chunk = 1024, chunks = (count + chunk - 1) / chunk;
    Buffer<float> partial(chunks);
    launch({(unsigned)chunks, 1, 1}, [&] { bce_sums(xs, ts, partial, count, chunk); });
    launch({sides(1), 1, 1}, [&] { finish_sums(partial, mean, nullptr, 1, chunks, 1, 1.0f / count); });
    compare("bce", mean, Doubles{sum / count}, 1e-6);
    launch(each(count / V), [&] { bce_backward(xs, ts, start, grad, count, 1.0f / count); });
    for (int i = 0; i < count; i++) set(grad.data[i], value(grad.data[i]) * count), want[i] *= count;
    compare("bce backward", grad, want, 1e-5);
}

static void check_all_losses() {
    check_bce(V, 1.0, 1.0f), check_bce(3000 * V, 3.0, -0.5f), check_bce(1024, 500.0, 2.0f);
}
