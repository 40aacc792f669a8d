// Runs the CUDA kernels of src/nn/cuda/kernels on the CPU and compares them with plain float64 loops.
// Compiled once per variant: -DV=1 or 4, with -DBF16 or without.
#include "sources.h"

#include <memory>

#include "check.h"
#include "norm_check.h"
#include "image_check.h"
#include "convolution_check.h"
#include "vector_check.h"
#include "loss_check.h"

int main() {
#ifdef BF16
    check_rounding();
#endif
    for (bool reverse : {false, true}) {
        fibers::reverse = reverse;
        variant = std::string(sizeof(T) == 2 ? "bf16" : "f32") + ", V " + std::to_string(V) + (reverse ? ", reverse" : "");
        check_all_norms();
        check_all_images();
        check_all_losses();
        if (V > 1) continue;
        check_all_convolutions();
        if (sizeof(T) == 4) check_all_vectors();
    }
    printf("%s: %d comparisons, %d failures\n", variant.c_str(), comparisons, failures);
    return failures > 0;
}
