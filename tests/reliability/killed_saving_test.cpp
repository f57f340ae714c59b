// inpaint_train killed before every system call of its saves.
#include <doctest/doctest.h>
#include <sys/syscall.h>

#include <algorithm>
#include <csignal>

#include "tests/harness/nightly.h"
#include "tests/reliability/tiny_run.h"
#include "tests/reliability/traced_program.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

// Counts the calls of the thread that saves, from the opening of its first temporary file on.
class SaverCalls {
 public:
  bool is_one(const SystemCall& call) {
    if (saver_ == 0 && !call.first_thread && call.number == SYS_openat &&
        call.path.find("checkpoints/") != std::string::npos && call.path.ends_with(".tmp"))
      saver_ = call.thread;
    return call.thread == saver_;
  }

 private:
  pid_t saver_ = 0;
};

// Kills runs at the 1st, 2nd, ... call of their saves until one comes to its end.
void kill_at_calls(const Undisturbed& undisturbed, int saved_before, const std::string& what) {
  TemporaryFolder before;
  put_tiny_data(before.path());
  if (saved_before > 0) REQUIRE(train_tiny(before.path(), tiny_flags(saved_before)).exit_code == 0);
  int kills = 0;
  for (bool killed = true; killed;) {
    CAPTURE(kills);
    const TemporaryFolder place;
    const fs::path folder = place / "run";
    fs::copy(before.path(), folder, fs::copy_options::recursive);
    SaverCalls saver;
    int calls = 0;
    int64_t acknowledged = saved_before > 0 ? saved_before : -1;
    std::string last_call;
    const Ending ending = run_traced(
        INPAINT_TRAIN, tiny_flags(undisturbed.steps()), folder,
        {.before =
             [&](const SystemCall& call) {
               return saver.is_one(call) && ++calls == 1 + stride(1) * kills ? Verdict::kKill : Verdict::kLet;
             },
         .after =
             [&](const SystemCall& call, int64_t result) {
               if (result == 0 && call.path.ends_with("/checkpoint"))  // it has been put in place
                 acknowledged = std::max<int64_t>(acknowledged, 0) + kStepsPerEpoch;
             }});
    killed = ending.signal == SIGKILL;
    REQUIRE((killed || ending.exit_code == 0));
    CHECK(acknowledged == acknowledged_step(folder));
    const int64_t newest = newest_whole_step(folder);
    CHECK(newest >= acknowledged);
    const Ending next = train_tiny(folder, tiny_flags(undisturbed.steps()));
    INFO(next.err);
    REQUIRE(next.exit_code == 0);
    undisturbed.check_equal(folder);
    kills += killed;
  }
  CHECK(kills > 100 / stride(1));
  MESSAGE(what, ": killed at ", kills, " system calls, no acknowledged checkpoint lost");
}

}  // namespace

TEST_CASE("killed while saving: before every system call of the first save") {
  if (!tracing_works()) return report_skipped("this system does not let a process trace its child");
  kill_at_calls(Undisturbed(kStepsPerEpoch), 0, "first save");
}

TEST_CASE("killed while saving: before every system call of a save over an older one") {
  if (!tracing_works()) return report_skipped("this system does not let a process trace its child");
  kill_at_calls(Undisturbed(2 * kStepsPerEpoch), kStepsPerEpoch, "later save");
}
