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

static void check_optimizer(int rule, double decay) {
    const int lengths[] = {1, 4096, 9001, 33, 5000};
    const double rate = 0.01, b1 = rule < 2 ? 0.9 : rule == 2 && decay == 0 ? 0.0 : 0.8, b2 = 0.999, eps = 1e-8;
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
        blocks += (length + CHUNK - 1) / CHUNK;
    }
    for (int step = 1; step <= 3; step++) {
        float size = rate / (1 - pow(b1, step)), root = sqrt(1 - pow(b2, step));
        Step s{rule, (float)rate, (float)decay, (float)b1, (float)b2, (float)eps, size, root};
        Step on_device;
        launch({1, 1, 1}, [&] { set_step(&on_device, s); });
        launch({blocks, 1, 1}, [&] { optimizer_step(tensors, &on_device); });
        for (int t = 0; t < tensors.count; t++)
            for (int i = 0; i < lengths[t]; i++) {
                double &p = values[0][t][i], g = values[1][t][i], &m = values[2][t][i], &v = values[3][t][i];
                if (rule == 1) p *= 1 - rate * decay;
                else g += decay * p;
                if (rule < 2) {
                    m = b1 * m + (1 - b1) * g, v = b2 * v + (1 - b2) * g * g;
                    p -= rate * (m / (1 - pow(b1, step))) / (sqrt(v / (1 - pow(b2, step))) + eps);
                } else {
                    m = b1 * m + g;
                    p -= rate * (rule == 3 ? g + b1 * m : m);
                }
            }
    }
    for (int t = 0; t < tensors.count; t++) compare("optimizer", *buffers[0][t], values[0][t], 1e-5);
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
    for (int rule = 0; rule < 4; rule++) check_optimizer(rule, 0.0), check_optimizer(rule, 0.1);
    check_sort(3, 1, false), check_sort(2, 2048, true), check_sort(2, 5000, true), check_sort(1, 16384, false);
    check_sort(1, 12289, true);
    check_scan(3, 1), check_scan(2, 1024), check_scan(2, 16384), check_scan(1, 300001);
}
