// The training of a whole-picture model small enough for tests, on pictures it can learn.
#pragma once

#include <cstring>
#include <functional>
#include <vector>

#include "core/base/philox.h"
#include "core/device/copy.h"
#include "train/holes/hole_form.h"
#include "train/step/harmonic_step.h"

namespace inpaint {

struct HarmonicTraining {
  static constexpr int64_t kBatch = 4, kSide = 16, kChannels = 3;

  Context ctx;
  Model model;
  HarmonicStep step;
  std::vector<uint8_t> pictures = stripes(), masks = std::vector<uint8_t>(kBatch * kSide * kSide);

  // With a discriminator where the options have a texture.
  explicit HarmonicTraining(const StepOptions& options, int threads = 2, DType dtype = DType::kF32)
      : HarmonicTraining(
            options, [=] { return Context(threads); }, dtype) {}
  HarmonicTraining(const StepOptions& options, const std::function<Context()>& open, DType dtype)
      : ctx(open()),
        model(model_options(options.texture > 0), dtype, Parameters::Use::kTraining, ctx.device()),
        step(ctx, model, kBatch, options) {
    model.initialize(ctx, 3);
  }

  static ModelOptions model_options(bool texture) {
    ModelOptions options{
        .kind = ModelKind::kHarmonicUnet,
        .harmonic_unet = {
            .image_size = kSide, .image_channel = kChannels, .levels = {{16, 0, 1}, {16, 1, 0}}}};
    if (texture)
      options.patch_discriminator = {.image_size = kSide, .image_channel = kChannels, .base_channels = 8};
    return options;
  }

  // Pictures that the surroundings of a hole determine: stripes along one axis, each with its own colour.
  static std::vector<uint8_t> stripes() {
    const Philox random(7, RandomStream::kProceduralPictures);
    std::vector<uint8_t> bytes;
    for (int64_t n = 0; n < kBatch; ++n)
      for (int64_t y = 0; y < kSide; ++y)
        for (int64_t x = 0; x < kSide; ++x)
          for (int64_t c = 0; c < kChannels; ++c)
            bytes.push_back(static_cast<uint8_t>(
                random.bits(static_cast<uint64_t>(n), static_cast<uint32_t>((n % 2 == 0 ? x : y) / 4))[0] >>
                (8 * c)));
    return bytes;
  }

  Batch batch(uint64_t first) {
    const Tensor mask{{kBatch, kSide, kSide}, DType::kU8, Device::kCpu, masks.data()};
    draw_holes({.form = HoleForm::kMixed}, Philox(3, RandomStream::kHoleOffsets), first, mask);
    return {{{kBatch, kSide, kSide, kChannels}, DType::kU8, Device::kCpu, pictures.data()}, {mask, {}}};
  }
  Losses train(uint64_t first, double progress = 0) {
    step.load(batch(first));
    step.train(progress);
    return step.losses();
  }
  Losses watch(uint64_t first, Statistics statistics = Statistics::kRunning, int64_t count = kBatch) {
    step.load(batch(first));
    return step.watch(statistics, count);
  }
  std::vector<double> painted() const { return host_values(&HarmonicStep::write_inpainted); }

  std::vector<uint8_t> state() const {
    std::vector<uint8_t> bytes;
    const Parameters &painter = model.generator_params, &judge = model.discriminator_params;
    for (const Tensor& t :
         {painter.values(), painter.moments1(), painter.moments2(), model.generator_averages->values(),
          judge.values(), judge.moments1(), judge.moments2(), judge.running()}) {
      if (t.bytes() == 0) continue;
      const HostCopy copy(ctx, t);
      const auto* data = static_cast<const uint8_t*>(copy->data);
      bytes.insert(bytes.end(), data, data + copy->bytes());
    }
    return bytes;
  }

 private:
  template <typename Write>
  std::vector<double> host_values(Write write) const {
    const Shape shape{kBatch, kSide, kSide, kChannels};
    const Buffer memory(shape.elements() * size_of(step.picture_type()), ctx.device());
    const Tensor t = memory.tensor(shape, step.picture_type());
    (step.*write)(t);
    const HostCopy host(ctx, t);
    std::vector<double> values;
    visit_real(t.dtype, [&]<typename T>(T) {
      for (int64_t i = 0; i < t.elements(); ++i) values.push_back(static_cast<double>(host->as<T>()[i]));
    });
    return values;
  }
};

}  // namespace inpaint
