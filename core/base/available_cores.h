// How many cores this process may use.
#pragma once

#include <filesystem>

namespace inpaint {

// The cores of its affinity mask, or fewer where a container may use less time than they have. At least 1.
int available_cores();

// The cores that a container's quota of CPU time amounts to, rounded up; 0 where there is none. It is the
// least of the process's control group and the groups around it: cpu.max (cgroup v2), or cpu.cfs_quota_us
// over cpu.cfs_period_us (v1). `groups` lists the process's groups as /proc/self/cgroup does; their files are
// below `mount`, /sys/fs/cgroup.
int quota_cores(const std::filesystem::path& groups, const std::filesystem::path& mount);

}  // namespace inpaint
