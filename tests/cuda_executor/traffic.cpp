#include "tests/cuda_executor/traffic.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tests/cuda_executor/executor.h"
#include "tests/cuda_executor/violation.h"

namespace inpaint::executor {
namespace {

constexpr uintptr_t kSector = 32;

// A basic block that a lane begins, or an access that it makes.
struct Event {
  const void* code;
  uintptr_t address;
  size_t bytes;  // 0: a basic block begins
  Access kind;
};
using Path = std::vector<Event>;  // of a thread, since the last barrier

struct Counts {
  std::vector<Path> paths;                               // of the threads of the block
  std::array<std::unordered_set<uintptr_t>, 3> sectors;  // of the launch, by kind
  Traffic launch;
  std::vector<std::pair<const void*, Traffic>> kernels;
};

Counts& counts() {
  static Counts all;
  return all;
}

size_t place_of(Access kind) { return static_cast<size_t>(kind); }

Traffic::Accesses& of_kind(Traffic& traffic, Access kind) {
  return kind == Access::kRead ? traffic.reads : kind == Access::kWrite ? traffic.writes : traffic.atomics;
}

constexpr std::array kKinds = {Access::kRead, Access::kWrite, Access::kAtomic};

void add(Traffic::Accesses& to, const Traffic::Accesses& more) {
  to.bytes += more.bytes;
  to.of_threads += more.of_threads;
  to.of_warps += more.of_warps;
  to.sectors += more.sectors;
  to.different_sectors += more.different_sectors;
}

Path& path_of(int thread) {
  auto& paths = counts().paths;
  if (paths.size() <= static_cast<size_t>(thread)) paths.resize(static_cast<size_t>(thread) + 1);
  return paths[static_cast<size_t>(thread)];
}

// One access of a warp: that of all lanes which come to one instruction together.
struct WarpAccess {
  const void* code;
  Access kind;
  std::vector<uintptr_t> sectors;

  void add(const Event& event) {
    for (uintptr_t s = event.address / kSector; s <= (event.address + event.bytes - 1) / kSector; ++s)
      if (std::find(sectors.rbegin(), sectors.rend(), s) == sectors.rend()) sectors.push_back(s);
  }
};

void count(const WarpAccess& access) {
  Traffic::Accesses& to = of_kind(counts().launch, access.kind);
  ++to.of_warps;
  to.sectors += static_cast<int64_t>(access.sectors.size());
  counts().sectors[place_of(access.kind)].insert(access.sectors.begin(), access.sectors.end());
}

// The lanes of a warp walk their paths. Nodes are the basic blocks that any of them runs through.
class WarpWalk {
 public:
  WarpWalk(const Path* paths, size_t lanes) : steps_(lanes), at_(lanes) {
    for (size_t lane = 0; lane < lanes; ++lane) add_steps(paths[lane], steps_[lane]);
    successors_.resize(nodes_.size() + kFirstNode);
    std::vector<size_t> all;
    for (size_t lane = 0; lane < lanes; ++lane) {
      for (size_t k = 0; k + 1 < steps_[lane].size(); ++k)
        successors_[steps_[lane][k].node].insert(steps_[lane][k + 1].node);
      all.push_back(lane);
    }
    walk(all, kEnd);
  }

 private:
  static constexpr size_t kStart = 0, kEnd = 1, kFirstNode = 2;
  struct Step {
    size_t node;
    const Event *first, *last;  // its accesses
  };

  // What stands before the first basic block belongs to the one in which the lane waited at the barrier.
  void add_steps(const Path& path, std::vector<Step>& steps) {
    const Event* event = path.data();
    const Event* const end = event + path.size();
    const auto accesses_end = [&] {
      return std::find_if(event, end, [](const Event& e) { return e.bytes == 0; });
    };
    steps.push_back({kStart, event, accesses_end()});
    while ((event = steps.back().last) != end) {
      const size_t node = nodes_.try_emplace(event->code, nodes_.size() + kFirstNode).first->second;
      ++event;
      steps.push_back({node, event, accesses_end()});
    }
    steps.push_back({kEnd, end, end});
  }

  size_t node_of(size_t lane) const { return steps_[lane][at_[lane]].node; }

  // From the node at which all these lanes stand to `stop`.
  void walk(const std::vector<size_t>& lanes, size_t stop) {
    for (size_t node = node_of(lanes.front()); node != stop; node = node_of(lanes.front())) {
      count_node(lanes);
      std::map<size_t, std::vector<size_t>> ways;
      for (const size_t lane : lanes) ways[node_of(lane)].push_back(lane);
      if (ways.size() == 1) continue;
      const size_t meeting = meeting_after(node);
      for (const auto& [next, mine] : ways) walk(mine, meeting);
    }
  }

  void count_node(const std::vector<size_t>& lanes) {
    std::vector<WarpAccess> accesses;
    for (const size_t lane : lanes) {
      const Step& step = steps_[lane][at_[lane]++];
      size_t next = 0;  // in a basic block all lanes make the same accesses, in the same order
      for (const Event* event = step.first; event != step.last; ++event) {
        while (next < accesses.size() && accesses[next].code != event->code) ++next;
        if (next == accesses.size()) accesses.push_back({event->code, event->kind, {}});
        accesses[next++].add(*event);
      }
    }
    for (const WarpAccess& access : accesses) count(access);
  }

  // The first node that all paths come to after this one: its immediate post-dominator.
  size_t meeting_after(size_t node) {
    if (dominators_.empty()) find_dominators();
    for (const size_t other : dominators_[node])
      if (other != node && dominators_[other].size() + 1 == dominators_[node].size()) return other;
    return kEnd;
  }

  // The nodes that all paths from a node to the end pass through, itself among them.
  void find_dominators() {
    std::set<size_t> everything;
    for (size_t node = 0; node < successors_.size(); ++node) everything.insert(node);
    dominators_.assign(successors_.size(), everything);
    dominators_[kEnd] = {kEnd};
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t node = successors_.size(); node-- > 0;) {
        if (node == kEnd) continue;
        std::set<size_t> common = everything;
        for (const size_t next : successors_[node])
          std::erase_if(common, [&](size_t n) { return !dominators_[next].contains(n); });
        common.insert(node);
        changed = changed || common != dominators_[node];
        dominators_[node] = std::move(common);
      }
    }
  }

  std::unordered_map<const void*, size_t> nodes_;  // by the address of the basic block
  std::vector<std::vector<Step>> steps_;           // of each lane
  std::vector<size_t> at_;
  std::vector<std::set<size_t>> successors_, dominators_;
};

}  // namespace

bool counts_traffic = false;

void count_basic_block(const void* code, int thread) {
  path_of(thread).push_back({code, 0, 0, Access::kRead});
}

void count_access(Access kind, const void* pointer, size_t bytes, const void* code, int thread) {
  Traffic::Accesses& to = of_kind(counts().launch, kind);
  ++to.of_threads;
  to.bytes += static_cast<int64_t>(bytes);
  path_of(thread).push_back({code, reinterpret_cast<uintptr_t>(pointer), bytes, kind});
}

void count_barrier() {
  auto& paths = counts().paths;
  for (size_t first = 0; first < paths.size(); first += 32)
    WarpWalk(&paths[first], std::min<size_t>(32, paths.size() - first));
  for (Path& path : paths) path.clear();
}

void count_launch(const void* kernel, size_t shared_bytes) {
  count_barrier();
  Counts& all = counts();
  auto place =
      std::find_if(all.kernels.begin(), all.kernels.end(), [&](const auto& k) { return k.first == kernel; });
  if (place == all.kernels.end()) place = all.kernels.insert(place, {kernel, {}});
  Traffic& to = place->second;
  ++to.launches;
  to.dynamic_shared_bytes = std::max(to.dynamic_shared_bytes, static_cast<int64_t>(shared_bytes));
  for (const Access kind : kKinds) {
    Traffic::Accesses& accesses = of_kind(all.launch, kind);
    accesses.different_sectors = static_cast<int64_t>(all.sectors[place_of(kind)].size());
    all.sectors[place_of(kind)].clear();
    add(of_kind(to, kind), accesses);
  }
  all.launch = {};
}

void set_traffic_count(bool on) {
  counts() = {};
  counts_traffic = on;
}

std::vector<Traffic> take_traffic() {
  std::vector<Traffic> all;
  for (auto& [kernel, traffic] : counts().kernels) {
    traffic.kernel = source_line(kernel);
    all.push_back(std::move(traffic));
  }
  counts().kernels.clear();
  return all;
}

}  // namespace inpaint::executor
