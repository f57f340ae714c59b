// A trained model for use: it paints with the averages that training kept, without the memory of training.
#pragma once

#include <filesystem>
#include <memory>

#include "nn/network.h"
#include "train/holes/holes.h"
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

  // Paints as a Painter does (method.h), 1 <= n <= max_batch pictures of the size above. UserError where a
  // context encoder meets a hole that is no square of half the side.
  void paint(const Batch& batch, const Tensor& inpainted);

  // How a kind of model paints up to max_batch pictures.
  class Painting {
   public:
    virtual ~Painting() = default;
    virtual void paint(const Batch& batch, const Tensor& inpainted) = 0;
  };

 private:
  std::filesystem::path file_;
  TrainSettings settings_;
  int64_t step_ = 0, max_batch_;
  std::unique_ptr<Network> generator_;
  std::unique_ptr<Parameters> params_;
  std::unique_ptr<Painting> painting_;
};

}  // namespace inpaint
