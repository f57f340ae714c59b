// How ranks of a machine see whether two of them have the same GPU. Only in programs built with CUDA.
#pragma once

#include <string>

namespace inpaint {

// The place on the PCI bus, "0000:0d:00.0", of a GPU by its number in this process: processes may see other
// GPUs under one number.
std::string gpu_address(int number);

}  // namespace inpaint
