// Which register tiles this processor runs; contract in tile_cpu.h.
#include "kernels/cpu/tile_cpu.h"

#include "core/cpu/level.h"

namespace inpaint::cpu {

extern const TileSet kTilesPlain;
#ifdef __x86_64__
extern const TileSet kTilesAvx2, kTilesAvx512, kTilesAvx512Bf16;
#endif

const std::vector<const TileSet*>& tile_sets() {
  static const std::vector<const TileSet*> sets = [] {
    std::vector<const TileSet*> found;
#ifdef __x86_64__
    const bool v3 = cpu_level_allows(CpuLevel::kV3), v4 = cpu_level_allows(CpuLevel::kV4);
    if (v4 && __builtin_cpu_supports("avx512bf16")) found.push_back(&kTilesAvx512Bf16);
    if (v4 && __builtin_cpu_supports("avx512f")) found.push_back(&kTilesAvx512);
    if (v3 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&kTilesAvx2);
#endif
    found.push_back(&kTilesPlain);
    return found;
  }();
  return sets;
}

}  // namespace inpaint::cpu
