// One step of an optimizer over many tensors in one launch, in the order of operations of torch.optim.
//
// The tensors' addresses come as a parameter of the kernel, which needs no upload and no memory of its own; parameters end
// at 4 KiB, hence TENSORS. All values are f32.

#define TENSORS 88
#define CHUNK 4096

struct Tensors {
    float* parameter[TENSORS];
    const float* gradient[TENSORS];
    float* first[TENSORS];  // Adam's mean of gradients; SGD's momentum
    float* second[TENSORS]; // Adam's mean of squares
    int length[TENSORS];
    int first_block[TENSORS]; // tensor i has the blocks from first_block[i], CHUNK elements each
    int count;
};

struct Step {
    int rule; // 0 Adam, 1 AdamW, 2 SGD, 3 SGD with Nesterov's momentum
    float learning_rate, weight_decay;
    float beta1, beta2, eps; // SGD: beta1 is the momentum
    float size, root;        // Adam: learning_rate / (1 - beta1^t), sqrt(1 - beta2^t)
};

__device__ inline void adam(const Tensors& t, int tensor, int i, const Step& s) {
    float parameter = t.parameter[tensor][i], gradient = t.gradient[tensor][i];
    if (s.rule == 1) parameter *= 1.0f - s.learning_rate * s.weight_decay;
    else gradient += s.weight_decay * parameter;
    float mean = t.first[tensor][i], square = t.second[tensor][i];
    mean += (1.0f - s.beta1) * (gradient - mean);
    square = s.beta2 * square + (1.0f - s.beta2) * gradient * gradient;
    t.first[tensor][i] = mean;
    t.second[tensor][i] = square;
    t.parameter[tensor][i] = parameter - s.size * (mean / (sqrtf(square) / s.root + s.eps));
}

__device__ inline void sgd(const Tensors& t, int tensor, int i, const Step& s) {
    float parameter = t.parameter[tensor][i];
    float gradient = t.gradient[tensor][i] + s.weight_decay * parameter;
    if (s.beta1 != 0.0f) {
        float momentum = s.beta1 * t.first[tensor][i] + gradient;
        t.first[tensor][i] = momentum;
        gradient = s.rule == 3 ? gradient + s.beta1 * momentum : momentum;
    }
    t.parameter[tensor][i] = parameter - s.learning_rate * gradient;
}

// Brings the numbers of a step to the memory from which `optimizer_step` reads them, so that a recorded launch of it goes on
// with new ones.
extern "C" __global__ void set_step(Step* to, const Step step) {
    if (blockIdx.x == 0 && threadIdx.x == 0) *to = step;
}

extern "C" __global__ void optimizer_step(const Tensors tensors, const Step* numbers) {
    const Step step = *numbers;
    int block = blockIdx.x, tensor = tensors.count - 1;
    while (tensor > 0 && block < tensors.first_block[tensor]) tensor--;
    int first = (block - tensors.first_block[tensor]) * CHUNK;
    int end = min(first + CHUNK, tensors.length[tensor]);
    for (int i = first + threadIdx.x; i < end; i += BLOCK) {
        if (step.rule < 2) adam(tensors, tensor, i, step);
        else sgd(tensors, tensor, i, step);
    }
}
