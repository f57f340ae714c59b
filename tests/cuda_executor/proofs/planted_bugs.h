// Kernels with one mistake each, which the executor has to catch. Valid CUDA, all of them.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace inpaint::planted {

// One block of 64 threads each, unless told otherwise; x and y are [64].
void missing_barrier(cudaStream_t stream, const float* x, float* y);       // reverses x through shared memory
void missing_warp_barrier(cudaStream_t stream, const float* x, float* y);  // swaps neighbours likewise
void uninitialised_shared(cudaStream_t stream, float* y);  // adds up from nothing, static memory
void uninitialised_dynamic_shared(cudaStream_t stream, float* y);
void shared_out_of_bounds(cudaStream_t stream, float* y);  // one float behind dynamic shared memory
void local_out_of_bounds(cudaStream_t stream, const int* index, float* y);  // y[i] = array of 4 [index[i]]

void mask_without_own_lane(cudaStream_t stream, float* y);     // lanes 16..31 take part with mask 0xffff
void mask_with_absent_lane(cudaStream_t stream, float* y);     // half of the warp has ended
void mask_with_lane_elsewhere(cudaStream_t stream, float* y);  // half of the warp is at a barrier
void shuffle_from_outside_the_mask(cudaStream_t stream, float* y);
void mismatched_masks(cudaStream_t stream, float* y);

void divergent_barrier(cudaStream_t stream, float* y);   // each half of the block waits at one of its own
void barrier_after_exit(cudaStream_t stream, float* y);  // half of the block has ended

// Off by one at the tail: blocks of 64 write y[0 .. n], or read x so.
void write_out_of_bounds(cudaStream_t stream, float* y, int64_t n);
void read_out_of_bounds(cudaStream_t stream, const float* x, float* y, int64_t n);
void misaligned_vector(cudaStream_t stream, const float* x, float* y);  // float4 from x + 1

// y[0] = a sum in which the order of blocks, or of threads, counts; x [n].
void sum_by_float_atomics(cudaStream_t stream, const float* x, int64_t n, float* y);
// The last block adds up the others' sums, as it should, but no fence orders them. partial [4], ticket [1].
void sum_without_fence(cudaStream_t stream, const float* x, float* partial, unsigned* ticket, float* y);
void sum_without_barrier(cudaStream_t stream, const float* x, float* partial, unsigned* ticket, float* y);
void blocks_overlap(cudaStream_t stream, float* y);  // two blocks write y[0]
void plain_beside_atomic(cudaStream_t stream, int* count);

void read_only(cudaStream_t stream, const float* x, float* y);  // y = x, without any mistake
void stop(cudaStream_t stream);                                 // __trap
void deep_recursion(cudaStream_t stream, int depth, float* y);

}  // namespace inpaint::planted
