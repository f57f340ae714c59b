// A trained model for use: it paints with the averages that training kept, without the memory of training.
#pragma once

#include <filesystem>
#include <memory>

#include "train/checkpoint/trained_generator.h"
#include "train/holes/holes.h"

namespace inpaint {

class InferenceModel {
 public:
  // path: a checkpoint, or a folder of checkpoints, of which the newest is taken. Paints up to max_batch
  // pictures at a time. ctx must outlive this object. UserError when there is no usable checkpoint.
  InferenceModel(Context& ctx, const std::filesystem::path& path, int64_t max_batch);
  InferenceModel(Context& ctx, TrainedGenerator generator, int64_t max_batch);

  const std::filesystem::path& file() const { return generator_->file; }
  const TrainSettings& settings() const { return generator_->settings; }  // that it was trained with
  int64_t step() const { return generator_->step; }                       // training steps it has had
  int64_t image_size() const { return settings().image_size; }
  int64_t image_channel() const { return settings().image_channel; }

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
  int64_t max_batch_;
  std::unique_ptr<const TrainedGenerator> generator_;
  std::unique_ptr<Painting> painting_;
};

}  // namespace inpaint
