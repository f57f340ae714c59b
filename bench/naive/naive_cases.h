// The naive ops (naive_kernels.h) as cases, each at the shape of a case of op_cases.h or layer_cases.h and
// with that case's name: "adam/generator, naive" is to be read beside "adam/generator". On a GPU only.
#pragma once

#include "bench/op_case.h"
#include "nn/networks/context_encoder.h"

namespace inpaint::bench {

std::vector<CaseMaker> naive_cases(const ContextEncoderOptions& options, int64_t batch, DType dtype);

}  // namespace inpaint::bench
