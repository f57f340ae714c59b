// patch_match on the CPU; contract in patch_match.h.
#include <algorithm>
#include <array>

#include "kernels/fill/patch_match_schedule.h"

namespace inpaint::cpu {
namespace {

struct Runner {
  const Context& ctx;

  template <typename Step>
  void each(const char*, int64_t count, const Step& step) const {
    constexpr int64_t kBlock = 512;
    ctx.parallel_blocks(count, kBlock, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) step(i);
    });
  }

  void cost_scales(const PatchLevel& level, const uint32_t* matches, float* inverse_scale,
                   int64_t pictures) const {
    const int64_t targets = level.targets.pixels();
    ctx.parallel(pictures, [&](int64_t n, int) {
      std::array<int64_t, kCostBins> bins{};
      int64_t count = 0;
      for (int64_t i = n * targets; i < (n + 1) * targets; ++i) {
        if (matches[i] == kNoMatch) continue;
        ++bins[static_cast<size_t>(cost_bin(level.cost[i]))];
        ++count;
      }
      int64_t below = 0;
      int bin = 0;
      while (bin < kCostBins - 1 && (below += bins[static_cast<size_t>(bin)]) * 4 < count * 3) ++bin;
      inverse_scale[n] = inverse_scale_of(bin);
    });
  }
};

}  // namespace

void patch_match(const Context& ctx, const PatchMatchOptions& options, const Tensor& mask,
                 const Tensor& pictures) {
  const int64_t bytes = plan_patch_match(options, pictures.shape, nullptr).bytes;
  const PatchPlan plan =
      plan_patch_match(options, pictures.shape, static_cast<std::byte*>(ctx.workspace(bytes)));
  PatchMatchSchedule<Device::kCpu, Runner>(Runner{ctx}, options, plan)
      .run(mask.as<uint8_t>(), pictures.as<float>());
}

}  // namespace inpaint::cpu
