// Random inputs, exact buffers and comparison with float64.
#pragma once
#include <random>
#include <string>

static std::mt19937 generator(7);
static int failures = 0, comparisons = 0;
static std::string variant;

static int random_int(int low, int high) { return std::uniform_int_distribution<int>(low, high)(generator); }

// Channels divide by V; without vectors an odd number is tried.
static int odd(int channels) { return V == 1 ? channels - 1 : channels; }

typedef std::vector<double> Doubles;

// A buffer of activations or parameters, exactly as long as asked, and aligned as candle aligns.
template <typename E> struct Buffer {
    E* data;
    size_t length;
    explicit Buffer(size_t length) : data((E*)aligned_alloc(16, (length * sizeof(E) + 15) / 16 * 16)), length(length) {
        memset(data, 0xff, length * sizeof(E)); // NaN, so that what is never written shows
    }
    Buffer(const Buffer&) = delete;
    ~Buffer() { free(data); }
    operator E*() { return data; }
};

static double value(float x) { return x; }
static void set(float& to, double x) { to = (float)x; }
#ifdef BF16
static double value(T x) { return to_float(x); }
static void set(T& to, double x) { to = from_float((float)x); }
#endif
static double value(unsigned x) { return x; }

// Fills with rounded normal values and gives them back.
template <typename E> static Doubles fill(Buffer<E>& buffer, double mean = 0.0, double deviation = 1.0) {
    std::normal_distribution<double> normal(mean, deviation);
    Doubles out(buffer.length);
    for (size_t i = 0; i < buffer.length; i++) {
        set(buffer.data[i], normal(generator));
        out[i] = value(buffer.data[i]);
    }
    return out;
}

// |got - want| <= tolerance * (1 + |want|); T's own rounding is added for activations.
template <typename E>
static void compare(const char* what, Buffer<E>& got, const Doubles& want, double tolerance = 2e-5) {
    if (sizeof(E) == 2) tolerance = std::max(tolerance, 0.0041);
    comparisons++;
    if (got.length != want.size()) {
        printf("FAILED %s [%s]: %zu elements, not %zu\n", what, variant.c_str(), got.length, want.size());
        failures++;
        return;
    }
    for (size_t i = 0; i < want.size(); i++) {
        double x = value(got.data[i]);
        bool right = std::isnan(want[i]) ? std::isnan(x) : fabs(x - want[i]) <= tolerance * (1.0 + fabs(want[i]));
        if (x == want[i] || right) continue;
        printf("FAILED %s [%s]: element %zu of %zu is %g, not %g\n", what, variant.c_str(), i, want.size(), x, want[i]);
        failures++;
        return;
    }
}

// A grid as `Grid::each` in launch.rs makes it, but few blocks, so that threads go round more than once.
static dim3 each(size_t count) { return {(unsigned)std::min<size_t>((count + 255) / 256, 3), 1, 1}; }

static double act(double x, int activation, double slope) {
    switch (activation) {
        case RELU: return x > 0 ? x : 0;
        case LEAKY_RELU: return x > 0 ? x : x * slope;
        case ELU: return x > 0 ? x : slope * (exp(x) - 1);
        case SIGMOID: return 1 / (1 + exp(-x));
        default: return x;
    }
}

static double act_slope(double x, int activation, double slope) {
    switch (activation) {
        case RELU: return x > 0 ? 1 : 0;
        case LEAKY_RELU: return x > 0 ? 1 : slope;
        case ELU: return x > 0 ? 1 : slope * exp(x);
        case SIGMOID: { double y = 1 / (1 + exp(-x)); return y * (1 - y); }
        default: return 1;
    }
}
