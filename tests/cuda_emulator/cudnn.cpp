// cuDNN's convolutions by plain loops, for the descriptors that cudnn.rs makes: NHWC tensors and KRSC filters of f32 or bf16.
// It takes no grouped convolution in the direction of weights, so that the way without cuDNN is walked too.
#include "driver.h"
#include <cstring>
#include <cudnn.h>
#include <vector>

struct cudnnTensorStruct { int n, c, h, w; bool bf16; };
struct cudnnFilterStruct { int k, c, h, w; bool bf16; };
struct cudnnConvolutionStruct { int py, px, sy, sx, dy, dx, groups; };

static float get(const void* p, size_t i, bool bf16) {
    if (!bf16) return ((const float*)p)[i];
    unsigned bits = (unsigned)((const unsigned short*)p)[i] << 16;
    float x;
    return memcpy(&x, &bits, 4), x;
}

static void set(void* p, size_t i, bool bf16, double value) {
    float x = value;
    if (!bf16) { ((float*)p)[i] = x; return; }
    unsigned bits;
    memcpy(&bits, &x, 4);
    ((unsigned short*)p)[i] = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

// Calls f(index of x, index of w, index of y) for each product of the convolution.
template <typename F>
static void products(cudnnTensorStruct x, cudnnFilterStruct w, cudnnConvolutionStruct c, cudnnTensorStruct y, F f) {
    int outputs = w.k / c.groups;
    for (int n = 0; n < y.n; n++) for (int oy = 0; oy < y.h; oy++) for (int ox = 0; ox < y.w; ox++)
    for (int k = 0; k < w.k; k++) for (int a = 0; a < w.h; a++) for (int b = 0; b < w.w; b++) {
        int py = oy * c.sy - c.py + a * c.dy, px = ox * c.sx - c.px + b * c.dx;
        if (py < 0 || py >= x.h || px < 0 || px >= x.w) continue;
        for (int i = 0; i < w.c; i++)
            f((((size_t)n * x.h + py) * x.w + px) * x.c + k / outputs * w.c + i, ((k * w.h + a) * w.w + b) * w.c + i,
              (((size_t)n * y.h + oy) * y.w + ox) * y.c + k);
    }
}

// Whether the shapes fit together, as cuDNN checks them.
static bool fit(cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w, cudnnConvolutionDescriptor_t c, cudnnTensorDescriptor_t y) {
    int oh = (x->h + 2 * c->py - c->dy * (w->h - 1) - 1) / c->sy + 1, ow = (x->w + 2 * c->px - c->dx * (w->w - 1) - 1) / c->sx + 1;
    return x->n == y->n && y->h == oh && y->w == ow && y->c == w->k && x->c == w->c * c->groups && w->k % c->groups == 0
        && x->bf16 == w->bf16 && x->bf16 == y->bf16;
}

// Two suggestions, of which the second is the deterministic one.
template <typename Perf, typename Algo> static cudnnStatus_t suggest(bool fits, int* count, Perf* found, Algo first, Algo second) {
    if (!fits) return CUDNN_STATUS_BAD_PARAM;
    found[0] = {first, CUDNN_STATUS_SUCCESS, 1.0f, 100, CUDNN_NON_DETERMINISTIC, CUDNN_TENSOR_OP_MATH};
    found[1] = {second, CUDNN_STATUS_SUCCESS, 2.0f, 100, CUDNN_DETERMINISTIC, CUDNN_DEFAULT_MATH};
    return *count = 2, CUDNN_STATUS_SUCCESS;
}

extern "C" {
cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) { return *handle = (cudnnHandle_t)0x700, CUDNN_STATUS_SUCCESS; }
cudnnStatus_t cudnnSetStream(cudnnHandle_t, cudaStream_t stream) {
    return (size_t)stream == 0x300 ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}
cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* d) { return *d = new cudnnTensorStruct{}, CUDNN_STATUS_SUCCESS; }
cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* d) { return *d = new cudnnFilterStruct{}, CUDNN_STATUS_SUCCESS; }
cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* d) {
    return *d = new cudnnConvolutionStruct{}, CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t d, cudnnTensorFormat_t format, cudnnDataType_t type, int n, int c, int h, int w) {
    *d = {n, c, h, w, type == CUDNN_DATA_BFLOAT16};
    return format == CUDNN_TENSOR_NHWC ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t d, cudnnDataType_t type, cudnnTensorFormat_t format, int k, int c, int h, int w) {
    *d = {k, c, h, w, type == CUDNN_DATA_BFLOAT16};
    return format == CUDNN_TENSOR_NHWC ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}
cudnnStatus_t cudnnSetConvolution2dDescriptor(
    cudnnConvolutionDescriptor_t d, int py, int px, int sy, int sx, int dy, int dx, cudnnConvolutionMode_t mode, cudnnDataType_t type) {
    *d = {py, px, sy, sx, dy, dx, 1};
    return mode == CUDNN_CROSS_CORRELATION && type == CUDNN_DATA_FLOAT ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t, cudnnMathType_t) { return CUDNN_STATUS_SUCCESS; }
cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t d, int groups) {
    return d->groups = groups, CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(
    cudnnHandle_t, cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w, cudnnConvolutionDescriptor_t c, cudnnTensorDescriptor_t y, int,
    int* count, cudnnConvolutionFwdAlgoPerf_t* found) {
    return suggest(fit(x, w, c, y), count, found, CUDNN_CONVOLUTION_FWD_ALGO_GEMM, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(
    cudnnHandle_t, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t dy, cudnnConvolutionDescriptor_t c, cudnnTensorDescriptor_t dx, int,
    int* count, cudnnConvolutionBwdDataAlgoPerf_t* found) {
    return suggest(fit(dx, w, c, dy), count, found, CUDNN_CONVOLUTION_BWD_DATA_ALGO_0, CUDNN_CONVOLUTION_BWD_DATA_ALGO_1);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(
    cudnnHandle_t, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t dy, cudnnConvolutionDescriptor_t c, cudnnFilterDescriptor_t dw, int,
    int* count, cudnnConvolutionBwdFilterAlgoPerf_t* found) {
    if (c->groups > 1) return CUDNN_STATUS_NOT_SUPPORTED;
    return suggest(fit(x, dw, c, dy), count, found, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1);
}
cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(
    cudnnHandle_t, cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w, cudnnConvolutionDescriptor_t c, cudnnTensorDescriptor_t y,
    cudnnConvolutionFwdAlgo_t algo, size_t* bytes) {
    *bytes = 0;
    return fit(x, w, c, y) && algo == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}
cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(
    cudnnHandle_t, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t dy, cudnnConvolutionDescriptor_t c, cudnnTensorDescriptor_t dx,
    cudnnConvolutionBwdDataAlgo_t algo, size_t* bytes) {
    *bytes = 10 * dx->h;
    return fit(dx, w, c, dy) && algo == CUDNN_CONVOLUTION_BWD_DATA_ALGO_1 ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(
    cudnnHandle_t, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t dy, cudnnConvolutionDescriptor_t c, cudnnFilterDescriptor_t dw,
    cudnnConvolutionBwdFilterAlgo_t algo, size_t* bytes) {
    *bytes = 101;
    return fit(x, dw, c, dy) && algo == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1 ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

// Adds products up in `sums`, then writes them; the workspace is overwritten whole, to show a wrong size.
static bool factors(const void* alpha, const void* beta) { return *(const float*)alpha == 1.0f && *(const float*)beta == 0.0f; }
cudnnStatus_t cudnnConvolutionForward(
    cudnnHandle_t, const void* alpha, const cudnnTensorDescriptor_t xd, const void* x, const cudnnFilterDescriptor_t wd, const void* w,
    const cudnnConvolutionDescriptor_t c, cudnnConvolutionFwdAlgo_t, void* space, size_t bytes, const void* beta,
    const cudnnTensorDescriptor_t yd, void* y) {
    if (!factors(alpha, beta)) return CUDNN_STATUS_BAD_PARAM;
    submit([=, X = *xd, W = *wd, C = *c, Y = *yd] {
        memset(space, 0x55, bytes);
        std::vector<double> sums((size_t)Y.n * Y.h * Y.w * Y.c);
        products(X, W, C, Y, [&](size_t i, size_t j, size_t k) { sums[k] += (double)get(x, i, X.bf16) * get(w, j, W.bf16); });
        for (size_t i = 0; i < sums.size(); i++) set(y, i, Y.bf16, sums[i]);
    });
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnConvolutionBackwardData(
    cudnnHandle_t, const void* alpha, const cudnnFilterDescriptor_t wd, const void* w, const cudnnTensorDescriptor_t yd, const void* y,
    const cudnnConvolutionDescriptor_t c, cudnnConvolutionBwdDataAlgo_t, void* space, size_t bytes, const void* beta,
    const cudnnTensorDescriptor_t xd, void* x) {
    if (!factors(alpha, beta)) return CUDNN_STATUS_BAD_PARAM;
    submit([=, X = *xd, W = *wd, C = *c, Y = *yd] {
        memset(space, 0x55, bytes);
        std::vector<double> sums((size_t)X.n * X.h * X.w * X.c);
        products(X, W, C, Y, [&](size_t i, size_t j, size_t k) { sums[i] += (double)get(y, k, Y.bf16) * get(w, j, W.bf16); });
        for (size_t i = 0; i < sums.size(); i++) set(x, i, X.bf16, sums[i]);
    });
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnConvolutionBackwardFilter(
    cudnnHandle_t, const void* alpha, const cudnnTensorDescriptor_t xd, const void* x, const cudnnTensorDescriptor_t yd, const void* y,
    const cudnnConvolutionDescriptor_t c, cudnnConvolutionBwdFilterAlgo_t, void* space, size_t bytes, const void* beta,
    const cudnnFilterDescriptor_t wd, void* w) {
    if (!factors(alpha, beta)) return CUDNN_STATUS_BAD_PARAM;
    submit([=, X = *xd, W = *wd, C = *c, Y = *yd] {
        memset(space, 0x55, bytes);
        std::vector<double> sums((size_t)W.k * W.c * W.h * W.w);
        products(X, W, C, Y, [&](size_t i, size_t j, size_t k) { sums[j] += (double)get(x, i, X.bf16) * get(y, k, Y.bf16); });
        for (size_t i = 0; i < sums.size(); i++) set(w, i, W.bf16, sums[i]);
    });
    return CUDNN_STATUS_SUCCESS;
}
}
