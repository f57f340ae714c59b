// The choices of engines for a context's GPU; ctx.attached<DeviceChoices>().
#pragma once

#include "core/context.h"
#include "kernels/engine_choices.h"

namespace inpaint::cuda {

// Most device memory an algorithm of a library may ask for as its workspace, in bytes: 256 MiB, or a sixteenth of what
// is free where that is more. Layers at large batches have fast engines that want over 1 GiB. Only the workspace of
// the engine that is chosen is kept.
int64_t most_library_workspace_bytes(const Context& ctx);

struct DeviceChoices : EngineChoices {
  explicit DeviceChoices(const Context& ctx);
};

}  // namespace inpaint::cuda
