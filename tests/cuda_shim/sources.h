// All kernels of one variant. Two files give different values to SIDE.
#pragma once
#include "shim.h"

#include "prelude.cuh"

#include "direct.cu"
#include "fold.cu"
#include "layout.cu"
#include "loss.cu"
#undef SIDE
#include "norm.cu"
#undef SIDE
#include "optimizer.cu"
#include "pointwise.cu"
#include "pool.cu"
#include "reduce.cu"
#include "resample.cu"
#include "sort.cu"
