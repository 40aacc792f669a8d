// One step of an optimizer over many tensors in one launch, in the order of operations of torch.optim.
//
// The tensors' addresses come as a parameter of the kernel, which needs no upload and no memory of its own; parameters end
// at 4 KiB, hence TENSORS. All values are f32; sums of squares are f64, in an order that follows from the lengths.

#define TENSORS 84
#define CHUNK 4096

struct Tensors {
    float* parameter[TENSORS];
    const float* gradient[TENSORS];
    float* first[TENSORS];  // Adam's mean of gradients; for the others their momentum
    float* second[TENSORS]; // mean of squares
    int length[TENSORS];
    int first_block[TENSORS]; // tensor i has the blocks from first_block[i], CHUNK elements each
    float rate[TENSORS];      // factor of the step's rate
    float decay[TENSORS];     // weight decay
    int count;
};

#define ADAM 0
#define ADAM_W 1
#define SGD 2
#define NESTEROV 3
#define RMS_PROP 4
#define NADAM 5

struct Step {
    int rule;
    int normalized; // whether each gradient is divided by its norm
    float max_norm; // of all gradients together; below 0, any
    float share;    // of the gradients, before anything else
    float rate;
    float beta1, share1; // memory of the mean of gradients or the momentum, 1 - beta1
    float beta2, share2; // memory of the mean of squares, 1 - beta2
    float eps;
    float size, ahead, root; // Adam: rate / (1 - beta1^t), -, sqrt(1 - beta2^t); Nadam: see optimizer.rs
};

// A tensor, and those of its elements that are this block's.
struct Part {
    int tensor, first, end;
};

__device__ inline Part part_of(const Tensors& t) {
    int block = blockIdx.x, tensor = t.count - 1;
    while (tensor > 0 && block < t.first_block[tensor]) tensor--;
    int first = (block - t.first_block[tensor]) * CHUNK;
    return {tensor, first, min(first + CHUNK, t.length[tensor])};
}

// The new mean of gradients.
__device__ inline float mean(float* first, const Step& s, float gradient) {
    float m = *first + s.share1 * (gradient - *first);
    *first = m;
    return m;
}

// The root of the new mean of squares, so that it can be divided by.
__device__ inline float root(float* second, const Step& s, float gradient) {
    float v = s.beta2 * *second + s.share2 * gradient * gradient;
    *second = v;
    return sqrtf(v) / s.root + s.eps;
}

// The new momentum, if there is one.
__device__ inline float momentum(float* buffer, const Step& s, float gradient) {
    if (s.beta1 == 0.0f) return gradient;
    float b = s.beta1 * *buffer + gradient;
    *buffer = b;
    return b;
}

// How far a parameter moves, for a rate of which `rate` is the factor.
__device__ inline float move(const Step& s, float rate, float gradient, float* first, float* second) {
    switch (s.rule) {
        case ADAM:
        case ADAM_W: return rate * s.size * (mean(first, s, gradient) / root(second, s, gradient));
        case NADAM: {
            float both = s.size * mean(first, s, gradient) + s.ahead * gradient;
            return rate * (both / root(second, s, gradient));
        }
        case RMS_PROP: return rate * s.rate * momentum(first, s, gradient / root(second, s, gradient));
        case NESTEROV: return rate * s.rate * (gradient + s.beta1 * momentum(first, s, gradient));
        default: return rate * s.rate * momentum(first, s, gradient);
    }
}

// Brings the numbers of a step to the memory from which `optimizer_step` reads them, so that a recorded launch of it goes on
// with new ones.
extern "C" __global__ void set_step(Step* to, const Step step) {
    if (blockIdx.x == 0 && threadIdx.x == 0) *to = step;
}

// `scales` are what each gradient is multiplied by; without them it is the step's share.
extern "C" __global__ void optimizer_step(const Tensors tensors, const Step* numbers, const float* scales) {
    const Step step = *numbers;
    Part part = part_of(tensors);
    int t = part.tensor;
    float scale = scales ? scales[t] : step.share, decay = tensors.decay[t];
    float kept = step.rule == ADAM_W ? 1.0f - step.rate * tensors.rate[t] * decay : 1.0f;
    float penalty = step.rule == ADAM_W ? 0.0f : decay;
    for (int i = part.first + threadIdx.x; i < part.end; i += BLOCK) {
        float parameter = tensors.parameter[t][i];
        float gradient = scale * tensors.gradient[t][i] + penalty * parameter;
        float *first = tensors.first[t] + i, *second = tensors.second[t] + i;
        tensors.parameter[t][i] = kept * parameter - move(step, tensors.rate[t], gradient, first, second);
    }
}

// parameter += weight * gradient: sums of gradients.
extern "C" __global__ void add_scaled(const Tensors tensors, float weight) {
    Part part = part_of(tensors);
    for (int i = part.first + threadIdx.x; i < part.end; i += BLOCK)
        tensors.parameter[part.tensor][i] += weight * tensors.gradient[part.tensor][i];
}

// The sum over the threads of a block, for all of them; once in a kernel.
__device__ inline double block_sum(double value) {
    __shared__ double sums[BLOCK];
    sums[threadIdx.x] = value;
    for (int half = BLOCK / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    __syncthreads();
    return sums[0];
}

// The sum of squares of each block's part of a gradient.
extern "C" __global__ void square_sums(const Tensors tensors, double* partial) {
    Part part = part_of(tensors);
    double sum = 0.0;
    for (int i = part.first + threadIdx.x; i < part.end; i += BLOCK) {
        double gradient = tensors.gradient[part.tensor][i];
        sum += gradient * gradient;
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// The sum of squares of each gradient, a block for each.
extern "C" __global__ void finish_squares(const Tensors tensors, const double* partial, double* squares) {
    int tensor = blockIdx.x, blocks = (tensors.length[tensor] + CHUNK - 1) / CHUNK;
    double sum = 0.0;
    for (int block = threadIdx.x; block < blocks; block += BLOCK) sum += partial[tensors.first_block[tensor] + block];
    sum = block_sum(sum);
    if (threadIdx.x == 0) squares[tensor] = sum;
}

// What each of `count` gradients is multiplied by, as `StepNumbers::scales`. One block.
extern "C" __global__ void gradient_scales(const double* squares, int count, const Step* numbers, float* scales) {
    const Step step = *numbers;
    double sum = 0.0;
    for (int i = threadIdx.x; i < count; i += BLOCK) sum += squares[i];
    double norm = step.share * sqrt(block_sum(sum));
    double clip = step.max_norm < 0.0f ? 1.0 : step.max_norm / (norm + 1e-6);
    double share = clip > 1.0 ? step.share : step.share * clip; // what is no number stays so
    for (int i = threadIdx.x; i < count; i += BLOCK)
        scales[i] = (float)(step.normalized ? share / (share * sqrt(squares[i]) + step.eps) : share);
}
