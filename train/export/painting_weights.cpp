#include "train/export/painting_weights.h"

#include <algorithm>
#include <vector>

#include "train/checkpoint/checkpoint_store.h"
#include "train/checkpoint/model_state.h"
#include "train/checkpoint/run_state.h"
#include "train/settings/settings_text.h"

namespace inpaint {

void save_painting_weights(const Context& ctx, const TrainedGenerator& generator,
                           const std::filesystem::path& path) {
  using Kind = ParameterId::Kind;
  const Parameters& params = generator.parameters;
  if (params.dtype() != DType::kF32)
    user_error("{}: of a run in fp64; what paints is stored of runs in fp32, tf32 or bf16",
               generator.file.string());
  std::vector<NamedTensor> tensors;
  std::vector<Buffer> memory;
  for (const Kind kind : {Kind::kWeight, Kind::kOther, Kind::kRunning}) {
    const auto& list = params.spec().list(kind);
    for (size_t i = 0; i < list.size(); ++i) {
      const Shape shape = checkpoint_shape(list[i]);
      memory.emplace_back(shape.elements() * size_of(DType::kF32));
      const Tensor values = memory.back().tensor(shape, DType::kF32);
      capture_parameter(ctx, params, {kind, i}, values);
      if (kind != Kind::kWeight) {
        tensors.push_back({list[i].name, values});
        continue;
      }
      memory.emplace_back(shape.elements() * size_of(DType::kBF16));
      const Tensor halves = memory.back().tensor(shape, DType::kBF16);
      std::transform(values.as<float>(), values.as<float>() + values.elements(), halves.as<bf16>(),
                     [](float value) { return static_cast<bf16>(value); });
      tensors.push_back({list[i].name, halves});
    }
  }
  Metadata metadata = to_metadata(generator.settings);
  metadata[kFormatVersionKey] = kFormatVersion;
  RunState{.step = generator.step}.to_metadata(metadata);
  save_safetensors(path, tensors, metadata);
}

}  // namespace inpaint
