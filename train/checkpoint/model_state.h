// A model's tensors as a checkpoint names and lays them out (PyTorch's names and layouts), and back.
//
//   <network>.hidden<k>.weight           convolution [out, in, 4, 4], transposed convolution [in, out, 4, 4],
//                                        linear [out, in]
//   <network>.hidden<k>.bias, .bn.weight, .bn.bias, .bn.running_mean, .bn.running_var    [channels]
//   adam.<tensor>.m, adam.<tensor>.v     Adam's moments of every tensor but the running averages
//   average.<tensor>                     the moving averages of the generator's parameters, of a model that
//                                        has them
// harmonic_unet names its layers encoder<k>, innermost and decoder<k> instead (nn/networks/harmonic_unet.h).
// Its discriminator, of a run with texture, has hidden<k> with weight, bias and the running vector u
// of [channels].
#pragma once

#include <span>
#include <vector>

#include "core/file/safetensors.h"
#include "train/model/model.h"

namespace inpaint {

Shape checkpoint_shape(const ParameterInfo& info);

// Names, shapes and types of a training state's tensors in a checkpoint, without memory. dtype:
// the parameters'.
std::vector<NamedTensor> checkpoint_layout(const ModelOptions& model, const Network& generator,
                                           const Network& discriminator, DType dtype);

// Copies the state into host tensors of that layout, in its order.
void capture_model(const Context& ctx, const Model& model, std::span<const NamedTensor> tensors);

// Copies one tensor of a network into a host tensor of its shape in a checkpoint.
void capture_parameter(const Context& ctx, const Parameters& params, ParameterId id, const Tensor& host);

// Fills the model from a checkpoint: values and running averages, and for a model made for training the
// moments. UserError naming the tensor when one is missing or has another shape or type. A whole-picture
// model may have trained without a discriminator so far: then this one's values are those that initialize()
// draws from the seed, its moments are 0, and the answer is false.
bool load_model(const Context& ctx, const SafetensorsFile& file, Model& model, uint64_t seed);

// The generator's values and running averages alone: what painting needs. Of a model with moving averages it
// takes those.
void load_generator(const Context& ctx, const SafetensorsFile& file, const Parameters& generator_params);

// A network's values and running averages from a file of others, whose names lack the first `cut` characters
// of ours ("hidden1.weight": those of "generator."). UserError as load_model.
void load_state_dict(const Context& ctx, const SafetensorsFile& file, const Parameters& params, size_t cut);

}  // namespace inpaint
