// Elementwise kernels and the gates of squeeze-and-excitation.

extern "C" __global__ void activation(const T* xs, T* ys, int count, int activation, float slope) {
    FOR_EACH(i, count / V) {
        Floats x = load(xs + i * V);
        for (int v = 0; v < V; v++) x.at[v] = activate(x.at[v], activation, slope);
        store(ys + i * V, x);
    }
}

// From the activation's input and the gradient of its output.
extern "C" __global__ void activation_backward(
    const T* xs, const T* ys_grad, T* xs_grad, int count, int activation, float slope) {
    FOR_EACH(i, count / V) {
        Floats x = load(xs + i * V), grad = load(ys_grad + i * V);
        for (int v = 0; v < V; v++) grad.at[v] *= derivative(x.at[v], activation, slope);
        store(xs_grad + i * V, grad);
    }
}

extern "C" __global__ void add(const T* a, const T* b, T* out, int count) {
    FOR_EACH(i, count / V) {
        Floats x = load(a + i * V), y = load(b + i * V);
        for (int v = 0; v < V; v++) x.at[v] += y.at[v];
        store(out + i * V, x);
    }
}

// `ys` may be null.
extern "C" __global__ void weighted_sum(const T* xs, const T* ys, T* out, int count, float a, float b) {
    FOR_EACH(i, count) out[i] = from_float(a * to_float(xs[i]) + (ys ? b * to_float(ys[i]) : 0.0f));
}

extern "C" __global__ void set_all(T* ys, int count, float value) {
    FOR_EACH(i, count) ys[i] = from_float(value);
}

// What follows a convolution, in place: a bias per channel, a residual where that is not null, an activation.
extern "C" __global__ void finish_convolution(
    T* ys, const float* bias, const T* residual, int count, int channels, int activation, float slope) {
    FOR_EACH(i, count / V) {
        Floats y = load(ys + i * V), b = parameters(bias + i * V % channels);
        Floats beside = residual ? load(residual + i * V) : splat(0.0f);
        for (int v = 0; v < V; v++) y.at[v] = activate(y.at[v] + b.at[v] + beside.at[v], activation, slope);
        store(ys + i * V, y);
    }
}

// The generator SplitMix64 (Steele, Lea and Flood 2014) read at one place: its `index`-th number from the state `seed`.
__device__ inline unsigned long long random_at(unsigned long long seed, unsigned long long index) {
    unsigned long long z = seed + (index + 1) * 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

// Keeps an element, times `scale`, where the upper 32 bits of its number reach `threshold`. Elements of an image that share
// a channel share a number when `image` > 0, the elements of an image. The gradient takes the same pass with the same seed.
extern "C" __global__ void dropout(
    const T* xs, T* ys, int count, unsigned long long seed, unsigned threshold, float scale, int image, int channels) {
    FOR_EACH(i, count / V) {
        Floats x = load(xs + i * V);
        for (int v = 0; v < V; v++) {
            unsigned at = i * V + v;
            unsigned index = image > 0 ? at / image * channels + at % channels : at;
            x.at[v] = (unsigned)(random_at(seed, index) >> 32) >= threshold ? x.at[v] * scale : 0.0f;
        }
        store(ys + i * V, x);
    }
}

// ys = xs * gate, one gate per image and channel; `image` is the number of elements of an image.
extern "C" __global__ void gate_channels(const T* xs, const T* gate, T* ys, int count, int image, int channels) {
    FOR_EACH(i, count / V) {
        unsigned at = i * V;
        Floats x = load(xs + at), g = load(gate + at / image * channels + at % channels);
        for (int v = 0; v < V; v++) x.at[v] *= g.at[v];
        store(ys + at, x);
    }
}

// ys = xs * gate, one gate per pixel.
extern "C" __global__ void gate_pixels(const T* xs, const T* gate, T* ys, int count, int channels) {
    FOR_EACH(i, count / V) {
        Floats x = load(xs + i * V);
        float g = to_float(gate[i * V / channels]);
        for (int v = 0; v < V; v++) x.at[v] *= g;
        store(ys + i * V, x);
    }
}

// Each pixel of an image gets the image's vector times `scale`: the backward pass of an average over pixels.
extern "C" __global__ void spread(const T* vectors, T* ys, int count, int image, int channels, float scale) {
    FOR_EACH(i, count / V) {
        unsigned at = i * V;
        Floats x = load(vectors + at / image * channels + at % channels);
        for (int v = 0; v < V; v++) x.at[v] *= scale;
        store(ys + at, x);
    }
}
