// A model's tensors as a checkpoint names and lays them out (PyTorch's names and layouts), and back.
//
//   <network>.hidden<k>.weight           convolution [out, in, 4, 4], transposed convolution [in, out, 4, 4],
//                                        linear [out, in]
//   <network>.hidden<k>.bias, .bn.weight, .bn.bias, .bn.running_mean, .bn.running_var    [channels]
//   adam.<tensor>.m, adam.<tensor>.v     Adam's moments of every tensor but the running averages
#pragma once

#include <span>
#include <vector>

#include "core/safetensors.h"
#include "train/model.h"

namespace inpaint {

// A copy of the whole training state in host memory, so that a file can be written from it while training
// goes on. Allocated once, captured as often as needed.
class ModelSnapshot {
 public:
  explicit ModelSnapshot(const Model& model);

  void capture(const Context& ctx, const Model& model);
  std::span<const NamedTensor> tensors() const { return tensors_; }

 private:
  Buffer buffer_;
  std::vector<NamedTensor> tensors_;
};

// Fills the model from a checkpoint: values and running averages, and for a model made for training the
// moments. UserError naming the tensor when one is missing or has another shape or type.
void load_model(const Context& ctx, const SafetensorsFile& file, Model& model);

// The generator's values and running averages alone: what painting needs.
void load_generator(const Context& ctx, const SafetensorsFile& file, const Parameters& generator_params);

}  // namespace inpaint
