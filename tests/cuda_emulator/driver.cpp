// A CUDA driver and an NVRTC that run this crate's kernels on the CPU. Streams run at once; memory is the host's, filled
// with 0xff (NaN) when new and followed by marked bytes that are checked when it is freed. A module is known by its
// file and options, which the "PTX" of the emulated NVRTC is made of. What nobody calls is generated: see run.sh.
#include "driver.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cuda.h>
#include <dlfcn.h>
#include <map>
#include <mutex>
#include <nvrtc.h>
#include <string>
#include <vector>

// cuda.h gives many functions newer names by macros; the binary asks for exact ones.
#undef cuDeviceTotalMem
#undef cuMemAlloc
#undef cuMemFree

static std::recursive_mutex mutex;
typedef std::lock_guard<std::recursive_mutex> Guard;

struct Graph {
    std::vector<std::function<void()>> work;
    std::vector<CUgraphNodeType> nodes;
    std::vector<void*> taken; // freed when the graph is
};
static Graph* capture = nullptr;
static thread_local CUcontext current;
static long allocated = 0;

void submit(std::function<void()> work) {
    Guard guard(mutex);
    if (!capture) return work();
    capture->work.push_back(work);
    capture->nodes.push_back(CU_GRAPH_NODE_TYPE_KERNEL);
}

static const size_t HEAD = 256, TAIL = 64;

static CUresult take(CUdeviceptr* at, size_t bytes) {
    if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    Guard guard(mutex);
    char* block = (char*)aligned_alloc(256, (HEAD + bytes + TAIL + 255) / 256 * 256);
    *(size_t*)block = bytes;
    memset(block + HEAD, 0xff, bytes);
    memset(block + HEAD + bytes, 0xab, TAIL);
    *at = (CUdeviceptr)(block + HEAD);
    allocated++;
    if (capture) capture->nodes.push_back(CU_GRAPH_NODE_TYPE_MEM_ALLOC), capture->taken.push_back((void*)*at);
    return CUDA_SUCCESS;
}

static void check_and_free(void* at) {
    unsigned char* block = (unsigned char*)at - HEAD;
    size_t bytes = *(size_t*)block;
    for (size_t i = 0; i < TAIL; i++)
        if (block[HEAD + bytes + i] != 0xab) {
            fprintf(stderr, "a kernel wrote %zu bytes behind %zu bytes of memory\n", i, bytes);
            abort();
        }
    allocated--;
    free(block);
}

static CUresult give(CUdeviceptr at) {
    Guard guard(mutex);
    if (!capture) return check_and_free((void*)at), CUDA_SUCCESS;
    bool own = false;
    for (void* taken : capture->taken) own = own || taken == (void*)at;
    if (!own) return CUDA_ERROR_INVALID_VALUE; // as the driver: a graph frees only what it took
    capture->nodes.push_back(CU_GRAPH_NODE_TYPE_MEM_FREE);
    return CUDA_SUCCESS;
}

extern "C" {
CUresult cuInit(unsigned) { return CUDA_SUCCESS; }
CUresult cuDriverGetVersion(int* v) { return *v = 13000, CUDA_SUCCESS; }
CUresult cuDeviceGet(CUdevice* device, int) { return *device = 0, CUDA_SUCCESS; }
CUresult cuDeviceGetCount(int* count) { return *count = 1, CUDA_SUCCESS; }
CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice) { return *context = (CUcontext)0x100, CUDA_SUCCESS; }
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice) { return CUDA_SUCCESS; }
CUresult cuCtxGetCurrent(CUcontext* context) { return *context = current, CUDA_SUCCESS; }
CUresult cuCtxSetCurrent(CUcontext context) { return current = context, CUDA_SUCCESS; }
CUresult cuCtxSynchronize() { return CUDA_SUCCESS; }
CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice) {
    *value = attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR ? 9 : attribute == CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED;
    return CUDA_SUCCESS;
}
CUresult cuDeviceGetDefaultMemPool(CUmemoryPool* pool, CUdevice) { return *pool = (CUmemoryPool)0x200, CUDA_SUCCESS; }
CUresult cuMemPoolSetAttribute(CUmemoryPool, CUmemPool_attribute, void*) { return CUDA_SUCCESS; }
CUresult cuStreamCreate(CUstream* stream, unsigned) { return *stream = (CUstream)0x300, CUDA_SUCCESS; }
CUresult cuStreamDestroy_v2(CUstream) { return CUDA_SUCCESS; }
CUresult cuStreamSynchronize(CUstream) { return capture ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_SUCCESS; }
CUresult cuStreamWaitEvent(CUstream, CUevent, unsigned) { return CUDA_SUCCESS; }
CUresult cuEventCreate(CUevent* event, unsigned) { return *event = (CUevent)0x400, CUDA_SUCCESS; }
CUresult cuEventRecord(CUevent, CUstream) { return CUDA_SUCCESS; }
CUresult cuEventDestroy_v2(CUevent) { return CUDA_SUCCESS; }
CUresult cuEventSynchronize(CUevent) { return CUDA_SUCCESS; }
CUresult cuMemAllocAsync(CUdeviceptr* at, size_t bytes, CUstream) { return take(at, bytes); }
CUresult cuMemFreeAsync(CUdeviceptr at, CUstream) { return give(at); }
CUresult cuMemAlloc_v2(CUdeviceptr* at, size_t bytes) { return take(at, bytes); }
CUresult cuMemFree_v2(CUdeviceptr at) { return give(at); }

static CUresult move(void* to, const void* from, size_t bytes) {
    submit([=] { memmove(to, from, bytes); });
    return CUDA_SUCCESS;
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, size_t bytes, CUstream) { return move((void*)to, from, bytes); }
CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, size_t bytes, CUstream) { return move(to, (void*)from, bytes); }
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream) {
    return move((void*)to, (void*)from, bytes);
}
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes, CUstream) {
    submit([=] { memset((void*)to, value, bytes); });
    return CUDA_SUCCESS;
}

// Modules: a variant's library. Functions: a variant and a name.
typedef bool (*VariantLaunch)(const char*, const unsigned*, void**, std::function<void()>*);
struct Function {
    VariantLaunch launch;
    std::string name;
};

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
    std::string text = (const char*)image;
    if (text.rfind("emulated ", 0) != 0) return CUDA_ERROR_INVALID_IMAGE; // candle's own kernels
    std::string path = std::string(getenv("CUDA_EMULATOR")) + "/variant_" + text.substr(9) + ".so";
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) return fprintf(stderr, "%s\n", dlerror()), CUDA_ERROR_FILE_NOT_FOUND;
    return *module = (CUmodule)dlsym(library, "variant_launch"), CUDA_SUCCESS;
}
CUresult cuModuleUnload(CUmodule) { return CUDA_SUCCESS; }
CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
    unsigned grid[3] = {};
    if (!((VariantLaunch)module)(name, grid, nullptr, nullptr)) return CUDA_ERROR_NOT_FOUND;
    return *function = (CUfunction) new Function{(VariantLaunch)module, name}, CUDA_SUCCESS;
}
CUresult cuLaunchKernel(
    CUfunction function, unsigned x, unsigned y, unsigned z, unsigned bx, unsigned by, unsigned bz, unsigned, CUstream,
    void** arguments, void**) {
    if (!x || !y || !z || y > 65535 || z > 65535 || bx != 256 || by != 1 || bz != 1) return CUDA_ERROR_INVALID_VALUE;
    unsigned grid[3] = {x, y, z};
    std::function<void()> call;
    Function* f = (Function*)function;
    f->launch(f->name.c_str(), grid, arguments, &call);
    return submit(call), CUDA_SUCCESS;
}

CUresult cuStreamBeginCapture_v2(CUstream, CUstreamCaptureMode) { return capture = new Graph, CUDA_SUCCESS; }
CUresult cuStreamEndCapture(CUstream, CUgraph* graph) { return *graph = (CUgraph)capture, capture = nullptr, CUDA_SUCCESS; }
CUresult cuStreamIsCapturing(CUstream, CUstreamCaptureStatus* status) {
    return *status = capture ? CU_STREAM_CAPTURE_STATUS_ACTIVE : CU_STREAM_CAPTURE_STATUS_NONE, CUDA_SUCCESS;
}
CUresult cuGraphInstantiateWithFlags(CUgraphExec* exec, CUgraph graph, unsigned long long) {
    return *exec = (CUgraphExec)graph, CUDA_SUCCESS;
}
CUresult cuGraphLaunch(CUgraphExec exec, CUstream) {
    for (auto& work : ((Graph*)exec)->work) work();
    return CUDA_SUCCESS;
}
CUresult cuGraphExecDestroy(CUgraphExec) { return CUDA_SUCCESS; }
CUresult cuGraphDestroy(CUgraph graph) {
    for (void* at : ((Graph*)graph)->taken) check_and_free(at);
    return delete (Graph*)graph, CUDA_SUCCESS;
}
CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode* nodes, size_t* count) {
    auto& all = ((Graph*)graph)->nodes;
    for (size_t i = 0; nodes && i < *count; i++) nodes[i] = (CUgraphNode)&all[i];
    return *count = all.size(), CUDA_SUCCESS;
}
CUresult cuGraphNodeGetType(CUgraphNode node, CUgraphNodeType* type) { return *type = *(CUgraphNodeType*)node, CUDA_SUCCESS; }

CUresult cuGetErrorName(CUresult, const char** text) { return *text = "an error of the emulated driver", CUDA_SUCCESS; }
CUresult cuGetErrorString(CUresult, const char** text) { return *text = "see tests/cuda_emulator", CUDA_SUCCESS; }

// NVRTC: the "PTX" says which variant it is.
nvrtcResult nvrtcCreateProgram(nvrtcProgram* program, const char*, const char*, int, const char* const*, const char* const*) {
    return *program = (nvrtcProgram) new std::string, NVRTC_SUCCESS;
}
nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int count, const char* const* options) {
    std::string type, lanes;
    for (int i = 0; i < count; i++) {
        std::string option = options[i];
        if (option == "-DF32" || option == "-DBF16") type = option.substr(2);
        if (option.rfind("-DV=", 0) == 0) lanes = option.substr(4);
    }
    return *(std::string*)program = "emulated " + type + "_" + lanes, NVRTC_SUCCESS;
}
nvrtcResult nvrtcGetPTXSize(nvrtcProgram program, size_t* size) { return *size = ((std::string*)program)->size() + 1, NVRTC_SUCCESS; }
nvrtcResult nvrtcGetPTX(nvrtcProgram program, char* out) { return strcpy(out, ((std::string*)program)->c_str()), NVRTC_SUCCESS; }
nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram, size_t* size) { return *size = 1, NVRTC_SUCCESS; }
nvrtcResult nvrtcGetProgramLog(nvrtcProgram, char* out) { return *out = 0, NVRTC_SUCCESS; }
nvrtcResult nvrtcDestroyProgram(nvrtcProgram* program) { return delete *(std::string**)program, NVRTC_SUCCESS; }

// candle makes these with a device.
int cublasCreate_v2(void** handle) { return *handle = (void*)0x500, 0; }
int cublasDestroy_v2(void*) { return 0; }
int cublasSetStream_v2(void*, void*) { return 0; }
int curandCreateGenerator(void** generator, int) { return *generator = (void*)0x600, 0; }
int curandDestroyGenerator(void*) { return 0; }
int curandSetStream(void*, void*) { return 0; }
int curandSetPseudoRandomGeneratorSeed(void*, unsigned long long) { return 0; }
}
