// Fills with a trained model, the user's or the built-in one, or harmonically.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "train/fill/hole_filler.h"
#include "train/settings/settings.h"

namespace inpaint {

class ModelFiller final : public HoleFiller {
 public:
  // checkpoint: a file, or a folder whose newest counts; empty: the built-in model; "none": no model.
  // device, gpu: what the model paints on; all else is work of the CPU. UserError when there is no usable
  // checkpoint or GPU.
  ModelFiller(const std::filesystem::path& checkpoint, DeviceChoice device, int gpu, int threads);

  void fill(Image& picture, const Image& mask, Finish finish) override;
  // Without the model, and without a finish.
  void fill_harmonically(Image& picture, const Image& mask);
  std::string model_name() const;  // the checkpoint's name without its folder; "harmonic" without a model

 private:
  Context cpu_;
  std::optional<Context> gpu_;
  std::optional<InferenceModel> model_;
};

}  // namespace inpaint
