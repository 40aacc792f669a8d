// What every kernel shares. The source is put before each .cu file, once per type of activation (BF16 defined or not) and
// number of channels that a thread handles at once (V, 4 or 1). No CUDA header is included, so that NVRTC needs no include
// path and g++ can compile the same text for the tests.

// Activations. bf16 is converted by integer operations, the same bits everywhere; these kernels wait for memory anyway.
#ifdef BF16
struct alignas(2) T {
    unsigned short bits;
};

__device__ inline float to_float(T x) {
    return __uint_as_float((unsigned)x.bits << 16);
}

__device__ inline T from_float(float x) {
    unsigned bits = __float_as_uint(x);
    // To the nearest, ties to even; a NaN keeps a bit of its own, which rounding could carry away.
    unsigned rounded = x != x ? bits | 0x400000u : bits + 0x7fffu + ((bits >> 16) & 1u);
    return T{(unsigned short)(rounded >> 16)};
}
#else
typedef float T;

__device__ inline float to_float(T x) {
    return x;
}

__device__ inline T from_float(float x) {
    return x;
}
#endif

// V neighbouring activations, read and written by one instruction.
struct alignas(sizeof(T) * V) Lanes {
    T at[V];
};

struct alignas(sizeof(float) * V) Floats {
    float at[V];
};

__device__ inline Floats load(const T* from) {
    Lanes lanes = *reinterpret_cast<const Lanes*>(from);
    Floats out;
    for (int v = 0; v < V; v++) out.at[v] = to_float(lanes.at[v]);
    return out;
}

__device__ inline void store(T* to, Floats values) {
    Lanes lanes;
    for (int v = 0; v < V; v++) lanes.at[v] = from_float(values.at[v]);
    *reinterpret_cast<Lanes*>(to) = lanes;
}

// Parameters of V neighbouring channels; they may start anywhere, so each is read alone.
__device__ inline Floats parameters(const float* from) {
    Floats out;
    for (int v = 0; v < V; v++) out.at[v] = from[v];
    return out;
}

__device__ inline Floats splat(float value) {
    Floats out;
    for (int v = 0; v < V; v++) out.at[v] = value;
    return out;
}

// Kernels go over `count` elements in steps of the whole grid. Counts are below 2^31, so that 32 bits hold i + step.
#define FOR_EACH(i, count) \
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < (unsigned)(count); i += blockDim.x * gridDim.x)

// Where an element is: `i` counts V-wide elements of (images, height, width, channels).
struct Place {
    int channel, x, y, image;
};

__device__ inline Place place(unsigned i, int height, int width, int channels) {
    unsigned wide = channels / V;
    unsigned pixel = i / wide, row = pixel / width;
    return {(int)(i % wide) * V, (int)(pixel % width), (int)(row % height), (int)(row / height)};
}

__device__ inline unsigned offset(int image, int y, int x, int channel, int height, int width, int channels) {
    return (((unsigned)image * height + y) * width + x) * channels + channel;
}

// Threads of a block; the kernels that share memory are written for this number.
#define BLOCK 256

// Activations by number, as `Activation::code` in activation.rs.
#define NONE 0
#define RELU 1
#define LEAKY_RELU 2
#define ELU 3
#define SIGMOID 4

// `slope` is the leaky slope, or ELU's alpha. Comparisons are written so that NaN stays NaN.
__device__ inline float activate(float x, int activation, float slope) {
    switch (activation) {
        case RELU: return x <= 0.0f ? 0.0f : x;
        case LEAKY_RELU: return x <= 0.0f ? x * slope : x;
        case ELU: return x <= 0.0f ? slope * expm1f(x) : x;
        case SIGMOID: return 1.0f / (1.0f + expf(-x));
        default: return x;
    }
}

// The derivative at the activation's input; 0 at 0 for ReLU, `slope` for the others, as in PyTorch.
__device__ inline float derivative(float x, int activation, float slope) {
    switch (activation) {
        case RELU: return x <= 0.0f ? 0.0f : 1.0f;
        case LEAKY_RELU: return x <= 0.0f ? slope : 1.0f;
        case ELU: return x <= 0.0f ? slope * expf(x) : 1.0f;
        case SIGMOID: {
            float y = 1.0f / (1.0f + expf(-x));
            return y * (1.0f - y);
        }
        default: return 1.0f;
    }
}
