// The register tiles in vectors of 32 bytes: AVX2 and FMA.
#define INPAINT_TILE_BYTES 32
#define INPAINT_TILE_VECTORS 2
#include "kernels/cpu/tile_kernels.h"

namespace inpaint::cpu {

extern const TileSet kTilesAvx2;
const TileSet kTilesAvx2 = make_tile_set("avx2");

}  // namespace inpaint::cpu
