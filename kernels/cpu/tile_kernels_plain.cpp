// The register tiles in vectors of 16 bytes: no instruction set in particular.
#define INPAINT_TILE_BYTES 16
#ifdef __aarch64__
#define INPAINT_TILE_VECTORS 4  // 32 registers
#else
#define INPAINT_TILE_VECTORS 2
#endif
#include "kernels/cpu/tile_kernels.h"

namespace inpaint::cpu {

extern const TileSet kTilesPlain;
const TileSet kTilesPlain = make_tile_set("plain");

}  // namespace inpaint::cpu
