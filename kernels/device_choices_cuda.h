// The choices of engines for a context's GPU; ctx.attached<DeviceChoices>().
#pragma once

#include "core/context.h"
#include "kernels/engine_choices.h"

namespace inpaint::cuda {

// Most device memory an algorithm of a library may ask for as its workspace.
inline constexpr int64_t kMostWorkspaceBytes = int64_t{256} << 20;

struct DeviceChoices : EngineChoices {
  explicit DeviceChoices(const Context& ctx);
};

}  // namespace inpaint::cuda
