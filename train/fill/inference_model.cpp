#include "train/fill/inference_model.h"

#include "core/device/copy.h"
#include "train/checkpoint/checkpoint_store.h"
#include "train/checkpoint/model_state.h"
#include "train/checkpoint/run_state.h"
#include "train/settings/settings_text.h"
#include "train/step/run_options.h"

namespace inpaint {
namespace {

SafetensorsFile open(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return open_checkpoint(path);
  auto found = open_newest_checkpoint(path);
  if (!found)
    user_error(
        "{}: no checkpoint here; give a model-<step>.safetensors, or the folder of a run that saved one",
        path.string());
  return std::move(found->file);
}

}  // namespace

InferenceModel::InferenceModel(Context& ctx, const std::filesystem::path& path, int64_t max_batch)
    : ctx_(ctx) {
  const SafetensorsFile file = open(path);
  file_ = file.path();
  settings_ = settings_from_metadata(file.metadata(), file_.string());
  step_ = RunState::from_metadata(file.metadata(), file_.string()).step;
  generator_ = std::make_unique<Network>(make_generator(network_options(settings_)));
  params_ = std::make_unique<Parameters>(generator_->spec(), parameter_dtype(activation_type(settings_)),
                                         Parameters::Use::kInference, ctx.device());
  load_generator(ctx, file, *params_);
  pass_ = std::make_unique<Pass>(ctx, *generator_, max_batch, params_->dtype(), Pass::Keep::kOutputOnly);
  batch_ = Buffer(generator_->in_shape(max_batch).elements() * size_of(params_->dtype()), ctx.device());
}

void InferenceModel::paint(const Tensor& masked, const Tensor& fake) {
  const int64_t n = masked.shape[0], hidden = image_size() / 2;
  INPAINT_CHECK(n >= 1 && n <= pass_->batch(), "{} pictures for a model of {} at a time", n, pass_->batch());
  expect_shape("masked", masked, generator_->in_shape(n), dtype());
  expect_shape("fake", fake, {n, hidden, hidden, image_channel()}, dtype());
  upload(ctx_, masked, batch_.tensor(masked.shape, dtype()));
  Tensor painted =
      generator_->forward(ctx_, *params_, batch_.tensor(generator_->in_shape(pass_->batch()), dtype()),
                          Statistics::kRunning, *pass_);
  painted.shape = fake.shape;
  download(ctx_, painted, fake);
}

}  // namespace inpaint
