#include "core/base/available_cores.h"

#include <doctest/doctest.h>
#include <sched.h>

#include "tests/harness/temporary_folder.h"

using namespace inpaint;

namespace {

struct Groups {
  TemporaryFolder folder;

  // The file of a group, and the folders above it.
  void put(const std::string& group, const std::string& file, const std::string& text) const {
    std::filesystem::create_directories(folder / ("fs/" + group));
    put_file(folder / ("fs/" + group + "/" + file), text);
  }
  int cores(const std::string& groups) const {
    put_file(folder / "groups", groups);
    return quota_cores(folder / "groups", folder / "fs");
  }
};

}  // namespace

TEST_CASE("available cores: cgroup v2, the least quota of the groups around the process, rounded up") {
  const Groups g;
  CHECK(g.cores("0::/a/b\n") == 0);
  g.put("", "cpu.max", "max 100000\n");
  CHECK(g.cores("0::/a/b\n") == 0);
  g.put("a", "cpu.max", "250000 100000\n");
  g.put("a/b", "cpu.max", "800000 100000\n");
  CHECK(g.cores("0::/a/b\n") == 3);
  CHECK(g.cores("0::/a\n") == 3);
  CHECK(g.cores("0::/\n") == 0);
  g.put("a/b", "cpu.max", "50000 100000\n");
  CHECK(g.cores("0::/a/b\n") == 1);
  g.put("", "cpu.max", "200000 100000\n");  // of a container, whose process is named as the host sees it
  CHECK(g.cores("0::/kubepods/pod1/c2\n") == 2);
  CHECK(g.cores("0::/\n") == 2);
}

TEST_CASE("available cores: cgroup v1") {
  const Groups g;
  g.put("cpu/docker/1", "cpu.cfs_quota_us", "-1\n");
  g.put("cpu/docker/1", "cpu.cfs_period_us", "100000\n");
  const std::string groups =
      "12:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n3:cpuset:/docker/1\n0::/docker/1\n";
  CHECK(g.cores(groups) == 0);
  g.put("cpu/docker/1", "cpu.cfs_quota_us", "400000\n");
  CHECK(g.cores(groups) == 4);
  CHECK(g.cores("3:cpuset:/docker/1\n") == 0);
  g.put("cpu", "cpu.cfs_quota_us", "150000\n");
  g.put("cpu", "cpu.cfs_period_us", "100000\n");
  CHECK(g.cores(groups) == 2);
}

TEST_CASE("available cores: files that are not there or make no sense set no limit") {
  const Groups g;
  CHECK(quota_cores(g.folder / "none", g.folder / "fs") == 0);
  for (const char* text : {"", "max", "x y", "0 0", "-5 100000", "100000", "100000 0"}) {
    g.put("", "cpu.max", text);
    CAPTURE(text);
    CHECK(g.cores("0::/\n") == 0);
  }
  CHECK(g.cores("nonsense\n\n::\n") == 0);
}

TEST_CASE("available cores: at least one, and no more than the affinity mask has") {
  cpu_set_t set;
  REQUIRE(sched_getaffinity(0, sizeof(set), &set) == 0);
  CHECK(available_cores() >= 1);
  CHECK(available_cores() <= CPU_COUNT(&set));
}
