// A trained generator for use: painting holes with the running averages, without the memory of training.
#pragma once

#include <filesystem>
#include <memory>

#include "nn/networks/context_encoder.h"
#include "train/settings/settings.h"

namespace inpaint {

class InferenceModel {
 public:
  // path: a checkpoint, or a folder of checkpoints, of which the newest is taken. Paints up to max_batch
  // pictures at a time. ctx must outlive this object. UserError when there is no usable checkpoint.
  InferenceModel(Context& ctx, const std::filesystem::path& path, int64_t max_batch);

  const std::filesystem::path& file() const { return file_; }
  const TrainSettings& settings() const { return settings_; }  // that it was trained with
  int64_t step() const { return step_; }                       // training steps it has had
  int64_t image_size() const { return settings_.image_size; }
  int64_t image_channel() const { return settings_.image_channel; }
  DType dtype() const { return params_->dtype(); }  // of masked and fake

  // masked [n, S, S, C], 0 in the hole; fake [n, S/2, S/2, C], overwritten; both in the host's memory;
  // 1 <= n <= max_batch.
  void paint(const Tensor& masked, const Tensor& fake);

 private:
  Context& ctx_;
  std::filesystem::path file_;
  TrainSettings settings_;
  int64_t step_ = 0;
  std::unique_ptr<Network> generator_;
  std::unique_ptr<Parameters> params_;
  std::unique_ptr<Pass> pass_;
  Buffer batch_;  // a whole batch, of which n pictures count
};

}  // namespace inpaint
