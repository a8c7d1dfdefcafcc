// The numeric floor, in one include. Every function runs on the best instruction set that the CPU
// has (isa.h).
#pragma once

#include "kernels/attention.h"
#include "kernels/bf16.h"
#include "kernels/gemm.h"
#include "kernels/isa.h"
#include "kernels/ops.h"
