// The kernels of one variant (-DV=1 or 4, -DBF16 or not), callable by name with the arguments of cuLaunchKernel.
#include "../cuda_shim/sources.h"
#include <map>
#include <string>
#include <tuple>
#include <utility>

// A call with copies of the arguments, as a launch keeps them.
template <typename... A, size_t... I>
static std::function<void()> with_arguments(void (*kernel)(A...), void** arguments, std::index_sequence<I...>) {
    std::tuple<std::decay_t<A>...> copies{*(std::decay_t<A>*)arguments[I]...};
    return [kernel, copies] { std::apply(kernel, copies); };
}

template <typename... A> static std::function<void()> with_arguments(void (*kernel)(A...), void** arguments) {
    return with_arguments(kernel, arguments, std::index_sequence_for<A...>());
}

#define KERNEL(name) {#name, [](void** arguments) { return with_arguments(name, arguments); }},
static const std::map<std::string, std::function<void()> (*)(void**)> kernels{
#include "kernels.inc"
};

// Makes `call` run `name` on `grid`; false where there is no such kernel. Without arguments it only looks.
extern "C" bool variant_launch(const char* name, const unsigned grid[3], void** arguments, std::function<void()>* call) {
    auto kernel = kernels.find(name);
    if (kernel == kernels.end()) return false;
    if (!arguments) return true;
    auto body = kernel->second(arguments);
    dim3 size{grid[0], grid[1], grid[2]};
    *call = [body, size] { launch(size, body); };
    return true;
}
