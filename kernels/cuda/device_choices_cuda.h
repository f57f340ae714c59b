// The choices of engines for a context's GPU; ctx.attached<DeviceChoices>(). All contexts of a process that
// use GPUs of one kind share them, so that they take the same engines, and round alike, even where no file
// can be written.
#pragma once

#include "core/device/context.h"
#include "kernels/cuda/engine_choices.h"

namespace inpaint::cuda {

// Most device memory an algorithm of a library may ask for as its workspace, in bytes: 256 MiB, or a
// sixteenth of what is free where that is more. Layers at large batches have fast engines that want over 1
// GiB. Only the workspace of the engine that is chosen is kept.
int64_t most_library_workspace_bytes(const Context& ctx);

class DeviceChoices {
 public:
  explicit DeviceChoices(const Context& ctx);

  // EngineChoices' own; any thread may call them.
  std::optional<std::string> find(const std::string& product) const;
  void remember(const std::string& product, const std::string& algorithm);
  void forget(const std::string& product);

 private:
  EngineChoices& shared_;
};

}  // namespace inpaint::cuda
