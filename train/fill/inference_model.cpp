#include "train/fill/inference_model.h"

#include <algorithm>

#include "core/device/copy.h"
#include "kernels/picture/hole.h"
#include "train/model/residual_painter.h"

namespace inpaint {
namespace {

// The first n pictures of a tensor.
Tensor first(Tensor tensor, int64_t n) {
  const Shape& s = tensor.shape;
  tensor.shape = s.rank() == 2   ? Shape{n, s[1]}
                 : s.rank() == 3 ? Shape{n, s[1], s[2]}
                                 : Shape{n, s[1], s[2], s[3]};
  return tensor;
}

void download_as_float(const Context& ctx, const Tensor& device, const Tensor& host) {
  if (device.dtype == DType::kF32) return download(ctx, device, host);
  const HostCopy copy(ctx, device);
  const auto* values = copy->as<double>();
  std::transform(values, values + device.elements(), host.as<float>(),
                 [](double value) { return static_cast<float>(value); });
}

// The context encoder: it reads a picture without its square, and paints the square. The network reads
// max_batch pictures, of which n count.
class SquarePainting final : public InferenceModel::Painting {
 public:
  SquarePainting(Context& ctx, const Network& generator, const Parameters& params, int64_t max_batch,
                 const std::filesystem::path& file)
      : ctx_(ctx),
        generator_(generator),
        params_(params),
        file_(file),
        pass_(ctx, generator, generator.in_shape(max_batch), params.dtype(), Pass::Keep::kOutputOnly) {
    const Shape whole = generator.in_shape(max_batch);
    pictures_ = arena_.reserve(whole, DType::kU8);
    offsets_ = arena_.reserve({max_batch, 2}, DType::kI32);
    masked_ = arena_.reserve(whole, params.dtype());
    hidden_ = arena_.reserve({max_batch, whole[1] / 2, whole[1] / 2, whole[3]}, params.dtype());
    arena_.allocate(ctx.device());
  }

  void paint(const Batch& batch, const Tensor& inpainted) override {
    if (batch.holes.offsets.data == nullptr)
      user_error(
          "{}: a context encoder paints squares of half the side and nothing else; give --holes square, or a "
          "model that paints holes of any form",
          file_.string());
    const int64_t n = batch.pictures.shape[0];
    expect_shape("offsets", batch.holes.offsets, {n, 2}, DType::kI32);
    const Tensor pictures = first(arena_.tensor(pictures_), n), offsets = first(arena_.tensor(offsets_), n),
                 masked = first(arena_.tensor(masked_), n), hidden = first(arena_.tensor(hidden_), n);
    upload(ctx_, batch.pictures, pictures);
    upload(ctx_, batch.holes.offsets, offsets);
    cut_hole(ctx_, pictures, offsets, masked, hidden);
    const Tensor painted =
        first(generator_.forward(ctx_, params_, arena_.tensor(masked_), Statistics::kRunning, pass_), n);
    paste_hole(ctx_, masked, painted, offsets, masked);
    download_as_float(ctx_, masked, inpainted);
  }

 private:
  Context& ctx_;
  const Network& generator_;
  const Parameters& params_;
  std::filesystem::path file_;
  Pass pass_;
  Arena arena_;
  int pictures_, offsets_, masked_, hidden_;
};

// The whole-picture model.
class ResidualPainting final : public InferenceModel::Painting {
 public:
  ResidualPainting(Context& ctx, const Network& generator, const Parameters& params, const Shape& pictures)
      : ctx_(ctx),
        params_(params),
        painter_(ctx, generator, pictures, params.dtype(), Pass::Keep::kOutputOnly) {}

  void paint(const Batch& batch, const Tensor& inpainted) override {
    const int64_t n = batch.pictures.shape[0];
    upload(ctx_, batch.pictures, first(painter_.images(), n));
    upload(ctx_, batch.holes.mask, first(painter_.mask(), n));
    painter_.fill(ctx_);
    painter_.paint(ctx_, params_);
    download_as_float(ctx_, first(painter_.painted(), n), inpainted);
  }

 private:
  Context& ctx_;
  const Parameters& params_;
  ResidualPainter painter_;
};

}  // namespace

InferenceModel::InferenceModel(Context& ctx, const std::filesystem::path& path, int64_t max_batch)
    : InferenceModel(ctx, load_trained_generator(ctx, path), max_batch) {}

InferenceModel::InferenceModel(Context& ctx, TrainedGenerator generator, int64_t max_batch)
    : max_batch_(max_batch), generator_(std::make_unique<TrainedGenerator>(std::move(generator))) {
  const Network& network = generator_->network;
  const Parameters& parameters = generator_->parameters;
  if (settings().model == ModelKind::kHarmonicUnet)
    painting_ = std::make_unique<ResidualPainting>(
        ctx, network, parameters, Shape{max_batch, image_size(), image_size(), image_channel()});
  else
    painting_ = std::make_unique<SquarePainting>(ctx, network, parameters, max_batch, file());
}

void InferenceModel::paint(const Batch& batch, const Tensor& inpainted) {
  const int64_t n = batch.pictures.shape[0];
  INPAINT_CHECK(n >= 1 && n <= max_batch_, "{} pictures for a model of {} at a time", n, max_batch_);
  expect_shape("pictures", batch.pictures, {n, image_size(), image_size(), image_channel()}, DType::kU8);
  expect_shape("mask", batch.holes.mask, {n, image_size(), image_size()}, DType::kU8);
  expect_shape("inpainted", inpainted, batch.pictures.shape, DType::kF32);
  painting_->paint(batch, inpainted);
}

}  // namespace inpaint
