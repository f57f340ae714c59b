#include "train/settings/rank_device.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/ranks/open_device_link.h"
#ifdef INPAINT_CUDA
#include "core/ranks/gpu_address.h"
#endif
#include "train/settings/run_device.h"

namespace inpaint {
namespace {

// What a rank knows of its GPU.
struct RankGpu {
  int gpus = 0;         // that it sees
  int local_count = 0;  // ranks of its machine
  bool has_nccl = false;
  char machine[64] = {};  // that it is on
  char address[32] = {};  // of its GPU; empty: there is none for it
};

RankGpu mine(const Ranks& ranks) {
  RankGpu it{.gpus = Context::gpu_count(), .local_count = ranks.local_count(), .has_nccl = has_nccl()};
  ranks.machine().copy(it.machine, sizeof(it.machine) - 1);
#ifdef INPAINT_CUDA
  if (const int number = gpu_of(ranks); number < it.gpus)
    gpu_address(number).copy(it.address, sizeof(it.address) - 1);
#endif
  return it;
}

// Why these ranks cannot use GPUs, with the way out; empty: they can. The same on all ranks.
std::string obstacle(const Ranks& ranks, const std::vector<RankGpu>& all) {
  if (std::ranges::any_of(all, [](const RankGpu& r) { return !r.has_nccl; }))
    return "several ranks on GPUs need NCCL, and this program was built without it; install libnccl-dev and "
           "build again";
  for (size_t rank = 0; rank < all.size(); ++rank) {
    const RankGpu& it = all[rank];
    if (it.gpus == 0) return fmt::format("{} sees no GPU", ranks.name_of(static_cast<int>(rank)));
    const bool is_taken = std::any_of(all.data(), all.data() + rank, [&](const RankGpu& other) {
      return std::strcmp(other.machine, it.machine) == 0 && std::strcmp(other.address, it.address) == 0;
    });
    if (it.address[0] == 0 || is_taken)
      return fmt::format(
          "{} has {} GPU{} for its {} ranks, and each needs one of its own; start {} there (mpirun --map-by "
          "ppr:{}:node)",
          it.machine, it.gpus, it.gpus == 1 ? "" : "s", it.local_count,
          it.gpus == 1 ? "one" : fmt::format("{}", it.gpus), it.gpus);
  }
  return "";
}

}  // namespace

int gpu_of(const Ranks& ranks) { return Context::gpu_count() == 1 ? 0 : ranks.local_rank(); }

TrainSettings with_device(const TrainSettings& settings, Ranks& ranks, std::string& why_cpu) {
  if (!ranks.are_several()) return with_device(settings);
  TrainSettings s = settings;
  if (s.device == DeviceChoice::kAuto && s.precision == Precision::kFp64) s.device = DeviceChoice::kCpu;
  if (s.device == DeviceChoice::kCpu) return with_device(s);
  const std::vector<RankGpu> all = ranks.gather(mine(ranks));
  const std::string why_not = obstacle(ranks, all);
  if (s.device == DeviceChoice::kAuto) {
    s.device = why_not.empty() ? DeviceChoice::kCuda : DeviceChoice::kCpu;
    if (std::ranges::any_of(all, [](const RankGpu& r) { return r.gpus > 0; })) why_cpu = why_not;
  }
  if (s.device == DeviceChoice::kCpu) return with_device(s);
  if (!why_not.empty()) user_error("device=cuda: {}, or give device=cpu", why_not);
  if (settings.gpu != 0)
    user_error("gpu={}: several ranks take the GPUs of a machine from 0 on, one each; leave gpu out",
               settings.gpu);
  s.gpu = gpu_of(ranks);
  s = with_device(s);
  s.gpu = settings.gpu;  // names folders
  const std::vector<Precision> precisions = ranks.gather(s.precision);
  if (std::ranges::count(precisions, precisions.front()) != std::ssize(precisions))
    user_error("precision=auto: some of the GPUs compute in bf16, and others cannot; give precision=fp32");
  return s;
}

}  // namespace inpaint
