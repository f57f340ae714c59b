// The whole-picture network: it reads the harmonic fill and the mask, and paints a residual that is added to
// the fill in the hole. Its last layer starts at zero, so that training starts at the harmonic fill.
//
//   x [N, H, W, C + 1]      the filled picture in [-1, 1], then the mask (1 = missing)
//   y [N, H, W, C]          the residual
//
// An encoder and a decoder of convolutions with additive skips; level k works at 1 / 2^k of the size:
//
//   level 0       conv 3 x 3, N
//   level k       conv 4 x 4 stride 2, N; its residual blocks
//   innermost     its blocks have dilation 1, 2, 4, 1, 1, 2, ...; then N
//   back to k     transposed conv 4 x 4 stride 2, N with the output of level k added; its residual blocks
//   last          conv 3 x 3 from level 0 with a bias, zero at first
//
// N is group norm (16 channels a group) with leaky ReLU. A residual block: x + b + conv(N(conv(x))), both
// 3 x 3, the first dilated. A convolution in front of a group norm has no bias. All channels are multiples
// of 16; H and W are multiples of 2^(levels - 1).
#pragma once

#include <vector>

#include "nn/network.h"

namespace inpaint {

struct HarmonicUnetOptions {
  struct Level {
    int64_t channels;
    int encoder_blocks, decoder_blocks;  // the innermost level has no decoder

    friend bool operator==(const Level&, const Level&) = default;
  };

  int64_t image_size = 64;  // the size it is trained at; it paints others too
  int64_t image_channel = 3;
  std::vector<Level> levels = {{16, 0, 0}, {48, 0, 1}, {96, 1, 0}, {128, 4, 0}};

  // Rows and columns of a picture must be multiples of it.
  int64_t multiple() const { return int64_t{1} << (levels.size() - 1); }
};

Network make_harmonic_unet(const HarmonicUnetOptions& options);

}  // namespace inpaint
