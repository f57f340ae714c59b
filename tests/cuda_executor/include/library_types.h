// Stand-in for CUDA's <library_types.h>: the types of elements that cuBLASLt is told of.
#pragma once

enum cudaDataType_t { CUDA_R_32F = 0, CUDA_R_64F = 1, CUDA_R_16BF = 14 };
using cudaDataType = cudaDataType_t;
