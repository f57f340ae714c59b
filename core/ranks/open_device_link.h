// How ranks on GPUs are linked.
#pragma once

#include <memory>

#include "core/ranks/device_link.h"
#include "core/ranks/ranks.h"

namespace inpaint {

// Whether this program was built with NCCL.
bool has_nccl();

// All ranks call it, each with a GPU of its own current; it returns when all have come. Loads the library of
// nccl_link.h. UserError where that cannot be loaded. Only where has_nccl().
std::unique_ptr<DeviceLink> open_device_link(Ranks& ranks);

}  // namespace inpaint
