// Where each of several ranks computes: all on CPUs, or each on a GPU of its own.
#pragma once

#include <string>

#include "core/ranks/ranks.h"
#include "train/settings/settings.h"

namespace inpaint {

// with_device() for ranks that all make this call; of one rank it is that. device=cuda: each rank has a GPU
// of its own; device=auto: so it is where every rank has one and the program was built with NCCL, else all
// use CPUs. UserError where that cannot be: no NCCL, a rank without a GPU of its own, GPUs of which some have
// no bf16, gpu=N (ranks take their GPUs by themselves). why_cpu: why ranks that see GPUs use CPUs, or empty.
TrainSettings with_device(const TrainSettings& settings, Ranks& ranks, std::string& why_cpu);

// The GPU of this rank, by its number on this machine: of those that it sees the one with the number of the
// rank among the machine's ranks; where a launcher shows each rank its own, that one.
int gpu_of(const Ranks& ranks);

}  // namespace inpaint
