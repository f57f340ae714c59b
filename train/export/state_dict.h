// The way back: a PyTorch state_dict, as a safetensors file, becomes a checkpoint of this program at step 0.
//
// Tensors are F32 in PyTorch's layouts, which are those of a checkpoint (train/checkpoint/model_state.h): no
// value changes. Their names are those of a checkpoint ("generator.hidden1.weight"), or the generator's alone
// ("hidden1.weight"). PyTorch's num_batches_tracked is passed over. What the file does not hold starts
// afresh: the discriminator with initial values, Adam's moments at 0, moving averages at what the
// generator has.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace inpaint {

// Flags of inpaint_train, by name, that say what the network is.
using NetworkFlags = std::map<std::string, std::string>;

// Writes the checkpoint into `folder`, which is made when missing and must hold no checkpoint; returns its
// path. flags: need not say what the file's metadata say ("flag.model", ... as in a checkpoint). UserError
// for a flag that contradicts the metadata, and for tensors that are missing, of another shape or type, not
// finite, or of no use.
std::filesystem::path checkpoint_from_state_dict(const std::filesystem::path& file, const NetworkFlags& flags,
                                                 const std::filesystem::path& folder);

}  // namespace inpaint
