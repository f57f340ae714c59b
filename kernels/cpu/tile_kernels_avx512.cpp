// The register tiles in vectors of 64 bytes: AVX-512.
#define INPAINT_TILE_BYTES 64
#define INPAINT_TILE_VECTORS 4
#include "kernels/cpu/tile_kernels.h"

namespace inpaint::cpu {

extern const TileSet kTilesAvx512;
const TileSet kTilesAvx512 = make_tile_set("avx512");

}  // namespace inpaint::cpu
