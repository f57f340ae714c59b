// The order of the system calls of a save, by which a power cut leaves a whole checkpoint or none. Killing a
// process cannot show it: the system brings to the disk what a dead process wrote.
#include <doctest/doctest.h>
#include <sys/syscall.h>

#include <map>
#include <set>

#include "tests/reliability/tiny_run.h"
#include "tests/reliability/traced_program.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

// Follows the calls on the checkpoint folder: what is not on the disk yet, and what should have been.
class DiskOrder {
 public:
  std::vector<std::string> faults;
  int replaced = 0, removed = 0;

  void before(const SystemCall& call) {
    if (is_rename(call) && in_checkpoints(call.path)) {
      ++replaced;
      if (!written_.contains(call.from)) faults.push_back(call.path + " put in place unwritten");
      if (unsynced_.contains(call.from)) faults.push_back(call.path + " put in place before fsync");
    }
    if (call.number == SYS_unlink && call.path.ends_with(".safetensors")) {
      ++removed;
      for (const std::string& name : unsynced_names_)
        faults.push_back(call.path + " removed before fsync of the folder that names " + name);
    }
  }

  void after(const SystemCall& call, int64_t result) {
    if (result < 0) return;
    if (call.number == SYS_openat) open_[static_cast<int>(result)] = call.path;
    const std::string& file = open_[static_cast<int>(call.arguments[0])];
    if (call.number == SYS_write || call.number == SYS_ftruncate) {
      written_.insert(file);
      unsynced_.insert(file);
    }
    if (call.number == SYS_fsync) {
      unsynced_.erase(file);
      std::erase_if(unsynced_names_,
                    [&](const std::string& name) { return fs::path(name).parent_path() == file; });
    }
    if (is_rename(call) && in_checkpoints(call.path)) unsynced_names_.insert(call.path);
  }

  const std::set<std::string>& unsynced_names() const { return unsynced_names_; }

 private:
  static bool in_checkpoints(const std::string& path) { return path.starts_with("checkpoints/"); }
  static bool is_rename(const SystemCall& call) { return !call.from.empty(); }

  std::map<int, std::string> open_;
  std::set<std::string> written_, unsynced_, unsynced_names_;
};

}  // namespace

TEST_CASE("save order: bytes on the disk, then the name, the name on the disk, then the old one goes") {
  if (!tracing_works()) return report_skipped("this system does not let a process trace its child");
  const TemporaryFolder folder;
  put_tiny_data(folder.path());
  DiskOrder order;
  const Ending ending =
      run_traced(INPAINT_TRAIN, tiny_flags(3 * kStepsPerEpoch), folder.path(),
                 {.before =
                      [&](const SystemCall& call) {
                        order.before(call);
                        return Verdict::kLet;
                      },
                  .after = [&](const SystemCall& call, int64_t result) { order.after(call, result); }});
  REQUIRE(ending.exit_code == 0);
  CHECK(order.faults == std::vector<std::string>{});
  CHECK(order.unsynced_names().empty());
  CHECK(order.replaced >= 6);  // three checkpoints, and the file that names the newest, three times
  CHECK(order.removed >= 1);   // but for the newest and the best
}
