// The two networks: the context encoder that paints the hole (generator) and the discriminator.
//
// One rule gives every feature map: side 4 * 2^k has max(base_channels, 8 * base_channels >> k) channels.
// With S = 128 and base_channels = 64 (the source program's network):
//   generator     S x S x C -> conv 64, 64, 128, 256, 512 (to 4 x 4) -> linear bottleneck -> linear 8192 as
//                 4 x 4 x 512 -> transposed conv 256, 128, 64, C (to S/2 x S/2); batch norm + ReLU everywhere
//                 but behind the last, which has tanh
//   discriminator S/2 x S/2 x C -> conv 64, 128, 256, 512, each batch norm + leaky ReLU -> linear 1 (a logit)
// S = 64 and 256 drop and add the layers with the largest maps. Layers are named hidden1, hidden2, ...
//
// Source: Pathak et al. 2016 (arXiv:1604.07379), with a fully connected bottleneck.
#pragma once

#include "nn/network.h"

namespace inpaint {

struct ContextEncoderOptions {
  int64_t image_size = 128;  // S: a power of two, 16 at least
  int64_t image_channel = 1;
  int64_t base_channels = 64;
  int64_t bottleneck = 4000;  // features between the two linear layers
};

Network make_generator(const ContextEncoderOptions& options);
Network make_discriminator(const ContextEncoderOptions& options);

}  // namespace inpaint
