// A network small enough for tests, pictures it can learn, and comparisons of whole states.
#pragma once

#include <cstring>
#include <vector>

#include "core/base/philox.h"
#include "core/device/copy.h"
#include "train/holes/hole_placement.h"
#include "train/model/model.h"
#include "train/step/gan_step.h"

namespace inpaint {

inline constexpr ContextEncoderOptions kTinyOptions{
    .image_size = 16, .image_channel = 3, .base_channels = 8, .bottleneck = 32};

// `count` byte pictures [count, 16, 16, 3]: two-coloured stripes, each of its own width and colours.
inline std::vector<uint8_t> striped_pictures(int64_t count) {
  const int64_t side = kTinyOptions.image_size, channels = kTinyOptions.image_channel;
  const Philox random(42, RandomStream::kProceduralPictures);
  std::vector<uint8_t> bytes;
  for (int64_t n = 0; n < count; ++n) {
    const auto b = random.bits(static_cast<uint64_t>(n));
    const int64_t width = 1 + b[0] % 6;
    for (int64_t y = 0; y < side; ++y)
      for (int64_t x = 0; x < side; ++x)
        for (int64_t c = 0; c < channels; ++c) {
          const bool dark = ((n % 2 == 0 ? x : y) / width) % 2 == 0;
          bytes.push_back(static_cast<uint8_t>(b[dark ? 1 : 2] >> (8 * c)));
        }
  }
  return bytes;
}

struct TinyTraining {
  Context ctx;
  Model model;
  GanStep step;
  int64_t batch;
  std::vector<uint8_t> pictures;
  std::vector<int32_t> offsets;
  std::vector<uint8_t> masks;

  explicit TinyTraining(const StepOptions& options, int threads = 2, DType dtype = DType::kF32,
                        int64_t batch_size = 8, MatrixBackend backend = Context::default_backend())
      : TinyTraining(
            options, [=] { return Context(threads, backend); }, dtype, batch_size) {}

  // `open` returns the context to train on.
  template <typename Open>
  requires std::is_invocable_r_v<Context, Open> TinyTraining(const StepOptions& options, Open open,
                                                             DType dtype, int64_t batch_size)
      : ctx(open()),
        model({.context_encoder = kTinyOptions}, dtype, Parameters::Use::kTraining, ctx.device()),
        step(ctx, model, batch_size, options),
        batch(batch_size),
        pictures(striped_pictures(batch_size)),
        offsets(static_cast<size_t>(2 * batch_size)),
        masks(static_cast<size_t>(batch_size * 16 * 16)) {
    model.initialize(ctx, 3);
  }

  void load(uint64_t first_picture, HolePlacement placement = HolePlacement::kRandom) {
    const Tensor holes{{batch, 2}, DType::kI32, Device::kCpu, offsets.data()};
    place_holes(placement, Philox(3, RandomStream::kHoleOffsets), first_picture, kTinyOptions.image_size,
                holes);
    const Tensor mask{{batch, 16, 16}, DType::kU8, Device::kCpu, masks.data()};
    mark_squares(holes, mask);
    step.load({{{batch, 16, 16, 3}, DType::kU8, Device::kCpu, pictures.data()}, {mask, holes}});
  }

  Losses train() {
    step.train();
    return step.losses();
  }

  // All values, moments and running averages of both networks, as bytes.
  std::vector<uint8_t> state() const {
    std::vector<uint8_t> bytes;
    for (const Parameters* params : {&model.generator_params, &model.discriminator_params}) {
      for (const Tensor& t : {params->values(), params->moments1(), params->moments2()})
        append(bytes, HostCopy(ctx, t));
      const auto kind = ParameterId::Kind::kRunning;
      for (size_t i = 0; i < params->spec().list(kind).size(); ++i)
        append(bytes, HostCopy(ctx, params->value({kind, i})));
    }
    return bytes;
  }

 private:
  static void append(std::vector<uint8_t>& bytes, const Tensor& t) {
    const auto* data = static_cast<const uint8_t*>(t.data);
    bytes.insert(bytes.end(), data, data + t.bytes());
  }
};

}  // namespace inpaint
