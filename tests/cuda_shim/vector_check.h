// Optimizer steps, sorting and running sums.
#pragma once

#ifdef BF16
// Every pattern of the upper half, with lower halves around the tie: to the nearest, ties to even.
static void check_rounding() {
    int wrong = 0;
    for (unsigned high = 0; high < 0x10000; high++)
        for (unsigned low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
            float x = __uint_as_float(high << 16 | low);
            unsigned got = from_float(x).bits;
            bool up = low > 0x8000 || (low == 0x8000 && (high & 1));
            bool right = std::isnan(x) ? std::isnan(to_float(from_float(x))) : got == ((high + up) & 0xffff);
            wrong += !right;
        }
    comparisons++, failures += wrong > 0;
    if (wrong) printf("FAILED bf16 rounding: %d\n", wrong);
}
#endif

// What is the same in all steps of a check.
struct Setup {
    int rule;
    double decay, momentum;
    double max_norm = -1, share = 1;
    bool normalized = false;
};

struct Numbers {
    double b1, b2 = 0.99, eps = 1e-3, rate = 0.01, size, ahead, root;
};

// The numbers of a step; Nadam's memory is 0.9 (1 - 0.96^t / 2).
static Numbers numbers_of(const Setup& setup, int step) {
    bool adam = setup.rule == ADAM || setup.rule == ADAM_W || setup.rule == NADAM;
    Numbers n{adam ? 0.9 : setup.momentum};
    n.size = n.rate / (1 - pow(n.b1, step)), n.ahead = 0, n.root = adam ? sqrt(1 - pow(n.b2, step)) : 1;
    if (setup.rule != NADAM) return n;
    auto mu = [](int t) { return 0.9 * (1 - 0.5 * pow(0.96, t)); };
    double product = 1;
    for (int t = 1; t <= step; t++) product *= mu(t);
    n.size = n.rate * mu(step + 1) / (1 - product * mu(step + 1)), n.ahead = n.rate * (1 - mu(step)) / (1 - product);
    return n;
}

// One number's step; the gradient is scaled already.
static void step_one(const Setup& setup, const Numbers& n, double rate, double decay, double* const now[4], double g) {
    double &p = *now[0], &m = *now[2], &v = *now[3];
    if (setup.rule == ADAM_W) p *= 1 - n.rate * rate * decay;
    else g += decay * p;
    double root = sqrt(n.b2 * v + (1 - n.b2) * g * g) / n.root + n.eps;
    if (setup.rule != SGD && setup.rule != NESTEROV) v = n.b2 * v + (1 - n.b2) * g * g;
    if (setup.rule == ADAM || setup.rule == ADAM_W || setup.rule == NADAM) {
        m = n.b1 * m + (1 - n.b1) * g;
        p -= rate * (n.size * m + n.ahead * g) / root;
        return;
    }
    if (setup.rule == RMS_PROP) g /= root;
    m = n.b1 * m + g;
    p -= rate * n.rate * (setup.rule == NESTEROV ? g + n.b1 * m : m);
}

static void check_optimizer(const Setup& setup) {
    const int lengths[] = {1, 4096, 9001, 33, 5000};
    std::vector<std::unique_ptr<Buffer<float>>> buffers[4];
    std::vector<Doubles> values[4];
    Tensors tensors{};
    unsigned blocks = 0;
    for (int length : lengths) {
        for (int k = 0; k < 4; k++) {
            buffers[k].push_back(std::make_unique<Buffer<float>>(length));
            values[k].push_back(fill(*buffers[k].back()));
            for (int i = 0; k >= 2 && i < length; i++) buffers[k].back()->data[i] = 0, values[k].back()[i] = 0;
        }
        int t = tensors.count++;
        tensors.parameter[t] = *buffers[0][t], tensors.gradient[t] = *buffers[1][t];
        tensors.first[t] = *buffers[2][t], tensors.second[t] = *buffers[3][t];
        tensors.length[t] = length, tensors.first_block[t] = blocks;
        tensors.rate[t] = t % 2 ? 0.5f : 1.0f, tensors.decay[t] = t % 2 ? 0.0f : setup.decay;
        blocks += (length + CHUNK - 1) / CHUNK;
    }
    unsigned count = tensors.count;
    Doubles squares(count);
    double total = 0;
    for (unsigned t = 0; t < count; t++)
        for (double g : values[1][t]) squares[t] += g * g, total += g * g;
    double clip = setup.max_norm < 0 ? 1 : std::min(1.0, setup.max_norm / (setup.share * sqrt(total) + 1e-6));
    double share = setup.share * clip;
    bool norms = setup.normalized || setup.max_norm >= 0;
    std::vector<double> partial(blocks), sums(count);
    Buffer<float> scales(count);
    for (int step = 1; step <= 3; step++) {
        Numbers n = numbers_of(setup, step);
        Step s{setup.rule, setup.normalized, (float)setup.max_norm, (float)setup.share, (float)n.rate};
        s.beta1 = n.b1, s.share1 = 1 - n.b1, s.beta2 = n.b2, s.share2 = 1 - n.b2, s.eps = n.eps;
        s.size = n.size, s.ahead = n.ahead, s.root = n.root;
        Step on_device;
        launch({1, 1, 1}, [&] { set_step(&on_device, s); });
        if (norms) {
            launch({blocks, 1, 1}, [&] { square_sums(tensors, partial.data()); });
            launch({count, 1, 1}, [&] { finish_squares(tensors, partial.data(), sums.data()); });
            launch({1, 1, 1}, [&] { gradient_scales(sums.data(), count, &on_device, scales); });
        }
        launch({blocks, 1, 1}, [&] { optimizer_step(tensors, &on_device, norms ? (float*)scales : nullptr); });
        for (unsigned t = 0; t < count; t++)
            for (int i = 0; i < lengths[t]; i++) {
                double* const now[4] = {&values[0][t][i], nullptr, &values[2][t][i], &values[3][t][i]};
                double scale = setup.normalized ? share / (share * sqrt(squares[t]) + n.eps) : share;
                step_one(setup, n, tensors.rate[t], tensors.decay[t], now, scale * values[1][t][i]);
            }
    }
    for (unsigned t = 0; t < count; t++) {
        compare("optimizer", *buffers[0][t], values[0][t], 1e-5);
        compare("optimizer's second memory", *buffers[3][t], values[3][t], 1e-5);
        bool is_first_kept = setup.momentum != 0 || (setup.rule != SGD && setup.rule != RMS_PROP);
        if (is_first_kept) compare("optimizer's first memory", *buffers[2][t], values[2][t], 1e-5);
    }
    launch({blocks, 1, 1}, [&] { add_scaled(tensors, 0.75f); });
    for (unsigned t = 0; t < count; t++) {
        for (int i = 0; i < lengths[t]; i++) values[0][t][i] += 0.75 * values[1][t][i];
        compare("sum of gradients", *buffers[0][t], values[0][t], 1e-5);
    }
}

static void check_all_optimizers() {
    for (double decay : {0.0, 0.1}) {
        for (int rule : {ADAM, ADAM_W, NADAM}) check_optimizer({rule, decay, 0.0}), check_optimizer({rule, decay, 0.0, 1.0});
        for (int rule : {SGD, RMS_PROP}) check_optimizer({rule, decay, 0.0}), check_optimizer({rule, decay, 0.8, 1.0});
        check_optimizer({NESTEROV, decay, 0.8});
        // Gradients of several batches; a norm that is not reached.
        check_optimizer({SGD, decay, 0.8, 1.0, 0.125}), check_optimizer({ADAM, decay, 0.0, 1e9, 0.125});
        check_optimizer({SGD, decay, 0.8, -1, 1, true}), check_optimizer({NESTEROV, decay, 0.8, 0.5, 0.25, true});
    }
}

static void check_sort(int rows, int columns, bool ties) {
    Buffer<float> xs(rows * columns), sorted(rows * columns);
    Buffer<Key> a(rows * columns), b(rows * columns);
    Buffer<unsigned> indices(rows * columns);
    Doubles x = fill(xs), want, where;
    for (int i = 0; i < rows * columns; i++) {
        if (ties) xs.data[i] = roundf(xs.data[i]); // -0 too
        x[i] = xs.data[i];
    }
    if (columns > 9) xs.data[5] = x[5] = NAN, xs.data[8] = x[8] = INFINITY, xs.data[9] = x[9] = -INFINITY;
    for (int r = 0; r < rows; r++) {
        std::vector<int> order(columns);
        for (int i = 0; i < columns; i++) order[i] = i;
        const double* row = &x[r * columns];
        std::stable_sort(order.begin(), order.end(), [&](int i, int j) {
            return std::isnan(row[i]) ? !std::isnan(row[j]) : row[i] > row[j];
        });
        for (int i : order) want.push_back(row[i]), where.push_back(i);
    }
    dim3 tiles{(columns + TILE - 1u) / TILE, (unsigned)rows, 1}, wide = each(columns);
    wide.y = rows;
    launch(tiles, [&] { sort_tiles(xs, a, columns); });
    Key *from = a, *to = b;
    for (int run = TILE; run < columns; run *= 2, std::swap(from, to))
        launch(wide, [&] { merge_runs(from, to, columns, run); });
    launch(wide, [&] { unpack_keys(xs, from, sorted, indices, columns); });
    compare("sorted values", sorted, want, 0.0);
    compare("sorted indices", indices, where, 0.0);
}

static void check_scan(int rows, int columns) {
    Buffer<float> xs(rows * columns), sums(rows * columns);
    Doubles x = fill(xs, 0.5), want(x.size());
    dim3 spans{(columns + SPAN - 1u) / SPAN, (unsigned)rows, 1};
    Buffer<float> totals(spans.x * rows);
    for (int r = 0; r < rows; r++) {
        double sum = 0;
        for (int i = 0; i < columns; i++) want[r * columns + i] = sum += x[r * columns + i];
    }
    launch(spans, [&] { scan_spans(xs, sums, totals, columns); });
    launch(spans, [&] { add_spans(sums, totals, columns); });
    compare("running sums", sums, want, 1e-5);
}

static void check_all_vectors() {
    check_all_optimizers();
    check_sort(3, 1, false), check_sort(2, 2048, true), check_sort(2, 5000, true), check_sort(1, 16384, false);
    check_sort(1, 12289, true);
    check_scan(3, 1), check_scan(2, 1024), check_scan(2, 16384), check_scan(1, 300001);
}
