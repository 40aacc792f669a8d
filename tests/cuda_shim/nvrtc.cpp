// Compiles the CUDA kernels by NVRTC as the library does at run time, for the GPUs and variants that it may meet. Needs
// libnvrtc but no GPU. Arguments: the folder of kernels.
#include <cstdio>
#include <dlfcn.h>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

typedef struct Program* ProgramPtr;

template <typename F> static F function(void* library, const char* name) {
    F f = (F)dlsym(library, name);
    if (!f) printf("libnvrtc has no %s\n", name);
    return f;
}

static std::string read(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

int main(int, char** arguments) {
    void* library = nullptr;
    for (const char* name : {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12"})
        if (!library) library = dlopen(name, RTLD_NOW);
    if (!library) {
        printf("no libnvrtc here: the kernels are not compiled for a GPU\n");
        return 0;
    }
    auto create = function<int (*)(ProgramPtr*, const char*, const char*, int, const char**, const char**)>(library, "nvrtcCreateProgram");
    auto compile = function<int (*)(ProgramPtr, int, const char**)>(library, "nvrtcCompileProgram");
    auto log_size = function<int (*)(ProgramPtr, size_t*)>(library, "nvrtcGetProgramLogSize");
    auto log = function<int (*)(ProgramPtr, char*)>(library, "nvrtcGetProgramLog");
    auto ptx_size = function<int (*)(ProgramPtr, size_t*)>(library, "nvrtcGetPTXSize");
    if (!create || !compile || !log_size || !log || !ptx_size) return 1;

    int failures = 0, programs = 0;
    std::string folder = arguments[1];
    for (const char* name : {"direct", "fold", "layout", "loss", "norm", "optimizer", "pointwise", "pool", "reduce", "resample", "sort"})
        for (const char* architecture : {"--gpu-architecture=compute_80", "--gpu-architecture=compute_90"})
            for (const char* type : {"-DF32", "-DBF16"})
                for (const char* lanes : {"-DV=1", "-DV=4"}) {
                    std::string source = read(folder + "/prelude.cuh") + read(folder + "/" + name + ".cu");
                    ProgramPtr program;
                    const char* options[] = {architecture, type, lanes, "--std=c++17"};
                    bool failed = create(&program, source.c_str(), name, 0, nullptr, nullptr) || compile(program, 4, options);
                    size_t size = 0;
                    log_size(program, &size);
                    std::string text(size, ' ');
                    log(program, text.data());
                    size_t ptx = 0;
                    failed = failed || ptx_size(program, &ptx) || ptx < 100;
                    programs++, failures += failed;
                    if (failed || size > 1) printf("%s %s %s %s: %s\n", name, architecture, type, lanes, text.c_str());
                }
    printf("NVRTC: %d programs, %d failures\n", programs, failures);
    return failures > 0;
}
