// The discriminator of whole pictures: it says of every patch whether it looks like one of a true picture.
//
//   x [N, S, S, C + 1]        a picture in [-1, 1], then the mask (1 = missing)
//   y [N, S / 8, S / 8, 1]    a score for each patch, above 0 for a true one
//
//   hidden1 to hidden3   conv 4 x 4 stride 2, to b, 2 b and 4 b channels, with bias and leaky ReLU
//   hidden4              conv 3 x 3 to one channel, with bias
//
// Every weight is divided by its spectral norm (nn/layers/spectral_conv2d.h). S is a multiple of 8.
//
// Sources: Isola et al. 2017 (arXiv:1611.07004) for patches, Miyato et al. 2018 (arXiv:1802.05957) for norms.
#pragma once

#include <vector>

#include "kernels/loss/hole_patches.h"
#include "nn/network.h"

namespace inpaint {

struct PatchDiscriminatorOptions {
  int64_t image_size = 64;  // S
  int64_t image_channel = 3;
  int64_t base_channels = 32;  // b

  friend bool operator==(const PatchDiscriminatorOptions&, const PatchDiscriminatorOptions&) = default;
};

Network make_patch_discriminator(const PatchDiscriminatorOptions& options);

// The hidden activations, behind their leaky ReLUs, from the first layer on.
std::vector<Value> patch_features(const Network& discriminator);

// The pixels that a score depends on: 38 x 38 of them, one patch every 8 pixels.
PatchField patch_field();

}  // namespace inpaint
