// The register tiles in vectors of 64 bytes: AVX-512 with its products of bf16 pairs.
#define INPAINT_TILE_BYTES 64
#define INPAINT_TILE_VECTORS 4
#define INPAINT_TILE_BF16_DOT
#include "kernels/cpu/tile_kernels.h"

namespace inpaint::cpu {

extern const TileSet kTilesAvx512Bf16;
const TileSet kTilesAvx512Bf16 = make_tile_set("avx512bf16");

}  // namespace inpaint::cpu
