#include "train/fill/models/built_in_model.h"

#include <string_view>

namespace inpaint {

std::string_view model_file(std::string_view name);  // embedded

SafetensorsFile built_in_model() {
  constexpr const char* kName = "built-in.safetensors";
  const std::string_view bytes = model_file(kName);
  return SafetensorsFile(File::in_memory(std::as_bytes(std::span(bytes)), kName));
}

}  // namespace inpaint
