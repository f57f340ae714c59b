#include "core/base/available_cores.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

namespace inpaint {
namespace {
namespace fs = std::filesystem;

// The share of a core that the group's own files allow; nothing where they set no limit.
std::optional<double> quota_of(const fs::path& group) {
  double quota = 0, period = 0;
  if (std::ifstream both(group / "cpu.max"); both >> quota >> period) {  // "max 100000" is no number
    if (quota > 0 && period > 0) return quota / period;
    return std::nullopt;
  }
  std::ifstream quota_file(group / "cpu.cfs_quota_us"), period_file(group / "cpu.cfs_period_us");
  if (quota_file >> quota && period_file >> period && quota > 0 && period > 0) return quota / period;
  return std::nullopt;
}

// The least of the group at `path` below the mount and of the groups around it. In a container the path may
// be the host's, which is not there: then the mount is the group.
std::optional<double> least_quota(const fs::path& mount, const std::string& path) {
  std::optional<double> least;
  for (fs::path at = fs::path(path).relative_path();; at = at.parent_path()) {
    const auto quota = quota_of(mount / at);
    if (quota && (!least || *quota < *least)) least = quota;
    if (at.empty()) return least;
  }
}

}  // namespace

int quota_cores(const fs::path& groups, const fs::path& mount) {
  std::optional<double> least;
  std::ifstream list(groups);
  for (std::string line; std::getline(list, line);) {  // "0::/path" is v2's, "4:cpu,cpuacct:/path" is v1's
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    const std::string path = line.substr(second + 1);
    std::optional<double> quota;
    if (controllers == ",,")
      quota = least_quota(mount, path);
    else if (controllers.find(",cpu,") != std::string::npos)
      quota = least_quota(fs::exists(mount / "cpu") ? mount / "cpu" : mount / "cpu,cpuacct", path);
    if (quota && (!least || *quota < *least)) least = quota;
  }
  return least ? std::max(1, static_cast<int>(std::ceil(std::min(*least, 1e6)))) : 0;
}

int available_cores() {
  cpu_set_t set;
  const bool is_known = sched_getaffinity(0, sizeof(set), &set) == 0;
  const int cores =
      std::max(1, is_known ? CPU_COUNT(&set) : static_cast<int>(std::thread::hardware_concurrency()));
  const int quota = quota_cores("/proc/self/cgroup", "/sys/fs/cgroup");
  return quota == 0 ? cores : std::min(cores, quota);
}

}  // namespace inpaint
