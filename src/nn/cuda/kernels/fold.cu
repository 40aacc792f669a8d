// Batch normalization of prediction, folded into the convolution before it; without one (null) the convolution stays as it
// is. All values are f32.

// What multiplies a channel.
__device__ inline double fold_scale(const float* norm_weight, const float* running_var, int channel, float eps) {
    if (!norm_weight) return 1.0;
    return norm_weight[channel] / sqrt((double)running_var[channel] + (double)eps);
}

// The convolution's weight (channels, row). Its order stays.
extern "C" __global__ void fold_weight(
    const float* weight, const float* norm_weight, const float* running_var, float* folded, int count, int row,
    float eps) {
    FOR_EACH(i, count) folded[i] = (float)(weight[i] * fold_scale(norm_weight, running_var, i / row, eps));
}

// What is added to each channel; `bias` is the convolution's, or null.
extern "C" __global__ void fold_bias(
    const float* bias, const float* norm_weight, const float* norm_bias, const float* running_mean,
    const float* running_var, float* folded, int channels, float eps) {
    FOR_EACH(channel, channels) {
        double old = bias ? bias[channel] : 0.0f;
        double scale = fold_scale(norm_weight, running_var, channel, eps);
        folded[channel] = (float)(norm_weight ? norm_bias[channel] + (old - running_mean[channel]) * scale : old);
    }
}
