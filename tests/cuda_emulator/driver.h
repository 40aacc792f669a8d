// What the parts of the emulated CUDA share.
#pragma once
#include <cstddef>
#include <functional>

// Runs `work` now, or records it where the stream is being captured.
void submit(std::function<void()> work);
