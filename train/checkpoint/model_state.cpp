#include "train/checkpoint/model_state.h"

#include <algorithm>
#include <string>

#include "core/device/copy.h"

namespace inpaint {
namespace {

using Kind = ParameterId::Kind;

// One tensor of the state: where it lives, and its name and shape in a checkpoint.
struct StateTensor {
  std::string name;
  Shape shape;  // in the checkpoint
  CheckpointLayout layout;
  Tensor tensor;  // ours
};

constexpr const char* kAverage = "average.";

std::vector<StateTensor> state_of(const Parameters& params, bool moments, const std::string& prefix = "") {
  std::vector<StateTensor> state;
  for (const Kind kind : {Kind::kWeight, Kind::kOther, Kind::kRunning}) {
    const auto& list = params.spec().list(kind);
    for (size_t i = 0; i < list.size(); ++i) {
      const auto add = [&](const std::string& name, const Tensor& tensor) {
        state.push_back({name, checkpoint_shape(list[i]), list[i].layout, tensor});
      };
      const ParameterId id{kind, i};
      add(prefix + list[i].name, params.value(id));
      if (!moments || kind == Kind::kRunning) continue;
      add("adam." + list[i].name + ".m", params.moment1(id));
      add("adam." + list[i].name + ".v", params.moment2(id));
    }
  }
  return state;
}

std::vector<StateTensor> state_of(const Model& model) {
  const bool moments = model.generator_params.use() == Parameters::Use::kTraining;
  std::vector<StateTensor> state = state_of(model.generator_params, moments);
  for (StateTensor& t : state_of(model.discriminator_params, moments)) state.push_back(std::move(t));
  if (model.generator_averages)
    for (StateTensor& t : state_of(*model.generator_averages, false, kAverage)) state.push_back(std::move(t));
  return state;
}

enum class Direction { kToCheckpoint, kFromCheckpoint };

// ours [a, k, b] and theirs [a, b, k] for every a, with k the 16 kernel positions; else a plain copy.
template <typename T>
void copy_layout(const Context& ctx, const StateTensor& state, T* ours, T* theirs, Direction direction) {
  const bool out = direction == Direction::kToCheckpoint;
  if (state.layout == CheckpointLayout::kSame) {
    constexpr int64_t kBlock = 1 << 18;
    ctx.parallel_blocks(state.shape.elements(), kBlock, [&](int64_t begin, int64_t end, int) {
      if (out) {
        std::copy(ours + begin, ours + end, theirs + begin);
      } else {
        std::copy(theirs + begin, theirs + end, ours + begin);
      }
    });
    return;
  }
  const int64_t channels = state.shape[1], taps = state.shape[2] * state.shape[3];
  ctx.parallel(state.shape[0], [&](int64_t a, int) {
    T* o = ours + a * taps * channels;
    T* t = theirs + a * taps * channels;
    for (int64_t k = 0; k < taps; ++k)
      for (int64_t b = 0; b < channels; ++b)
        if (out) {
          t[b * taps + k] = o[k * channels + b];
        } else {
          o[k * channels + b] = t[b * taps + k];
        }
  });
}

void load(const Context& ctx, const SafetensorsFile& file, const std::vector<StateTensor>& state) {
  Buffer staging, staging_ours;  // not for the large tensors, of linear layers, which lie the same in both
  for (const StateTensor& s : state) {
    const bool here = s.tensor.device == Device::kCpu;
    if (here && s.layout == CheckpointLayout::kSame) {
      file.read(s.name, s.tensor.reshaped(s.shape));
      continue;
    }
    if (staging.bytes() < s.tensor.bytes()) staging = Buffer(s.tensor.bytes());
    if (!here && staging_ours.bytes() < s.tensor.bytes()) staging_ours = Buffer(s.tensor.bytes());
    const Tensor read = staging.tensor(s.shape, s.tensor.dtype);
    const Tensor ours = here ? s.tensor : staging_ours.tensor(s.tensor.shape, s.tensor.dtype);
    file.read(s.name, read);
    visit_real(s.tensor.dtype, [&]<typename T>(T) {
      copy_layout(ctx, s, ours.as<T>(), read.as<T>(), Direction::kFromCheckpoint);
    });
    if (!here) upload(ctx, ours, s.tensor);
  }
}

// `theirs` is in the host's memory.
void capture(const Context& ctx, const StateTensor& state, const Tensor& theirs) {
  expect_shape(state.name.c_str(), theirs, state.shape, state.tensor.dtype);
  const HostCopy ours(ctx, state.tensor);
  visit_real(state.tensor.dtype, [&]<typename T>(T) {
    copy_layout(ctx, state, ours->as<T>(), theirs.as<T>(), Direction::kToCheckpoint);
  });
}

}  // namespace

Shape checkpoint_shape(const ParameterInfo& info) {
  const Shape& s = info.shape;
  return info.layout == CheckpointLayout::kKernelLast ? Shape{s[0], s[3], s[1], s[2]} : s;
}

std::vector<NamedTensor> checkpoint_layout(const ModelOptions& model, const Network& generator,
                                           const Network& discriminator, DType dtype) {
  std::vector<NamedTensor> layout;
  for (const Network* network : {&generator, &discriminator})
    for (const Kind kind : {Kind::kWeight, Kind::kOther, Kind::kRunning})
      for (const ParameterInfo& info : network->spec().list(kind)) {
        const Tensor tensor{checkpoint_shape(info), dtype};
        layout.push_back({info.name, tensor});
        if (kind == Kind::kRunning) continue;
        layout.push_back({"adam." + info.name + ".m", tensor});
        layout.push_back({"adam." + info.name + ".v", tensor});
      }
  if (model.kind != ModelKind::kHarmonicUnet) return layout;
  for (const Kind kind : {Kind::kWeight, Kind::kOther})
    for (const ParameterInfo& info : generator.spec().list(kind))
      layout.push_back({kAverage + info.name, {checkpoint_shape(info), dtype}});
  return layout;
}

void capture_model(const Context& ctx, const Model& model, std::span<const NamedTensor> tensors) {
  const std::vector<StateTensor> state = state_of(model);
  INPAINT_CHECK(state.size() == tensors.size(), "{} tensors for a state of {}", tensors.size(), state.size());
  for (size_t i = 0; i < state.size(); ++i) capture(ctx, state[i], tensors[i].tensor);
}

void capture_parameter(const Context& ctx, const Parameters& params, ParameterId id, const Tensor& host) {
  const ParameterInfo& info = params.spec().info(id);
  capture(ctx, {info.name, checkpoint_shape(info), info.layout, params.value(id)}, host);
}

bool load_model(const Context& ctx, const SafetensorsFile& file, Model& model, uint64_t seed) {
  const auto is_missing = [&](const StateTensor& tensor) { return file.find(tensor.name) == nullptr; };
  std::vector<StateTensor> state = state_of(model);
  const bool begins = model.options.patch_discriminator &&
                      std::ranges::all_of(state_of(model.discriminator_params, false), is_missing);
  if (begins) {
    std::erase_if(state, is_missing);
    model.initialize_discriminator(ctx, seed);
  }
  load(ctx, file, state);
  model.generator_params.refresh_copy(ctx);
  model.discriminator_params.refresh_copy(ctx);
  if (model.generator_averages) model.generator_averages->refresh_copy(ctx);
  return !begins;
}

void load_generator(const Context& ctx, const SafetensorsFile& file, const Parameters& generator_params) {
  const std::string first = generator_params.spec().list(Kind::kWeight).front().name;
  const bool averaged = file.find(kAverage + first) != nullptr;
  load(ctx, file, state_of(generator_params, false, averaged ? kAverage : ""));
  generator_params.refresh_copy(ctx);
}

void load_state_dict(const Context& ctx, const SafetensorsFile& file, const Parameters& params, size_t cut) {
  std::vector<StateTensor> state = state_of(params, false);
  for (StateTensor& tensor : state) tensor.name.erase(0, cut);
  load(ctx, file, state);
  params.refresh_copy(ctx);
}

}  // namespace inpaint
