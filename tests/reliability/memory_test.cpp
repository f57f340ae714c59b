// inpaint_train without enough memory.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/harness/error_message.h"
#include "tests/harness/nightly.h"
#include "tests/reliability/tiny_run.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

constexpr int kBefore = kStepsPerEpoch, kSteps = 3 * kStepsPerEpoch;

// oneDNN makes its products' code while it runs and does not look whether it got the memory for that: out
// of memory just there, it ends the process (SIGSEGV), and nothing of ours can report it. Here all products
// are Eigen's.
std::vector<std::string> flags(int steps, const std::vector<std::string>& more = {}) {
  std::vector<std::string> all = tiny_flags(steps, more);
  all.push_back("--matrix_backend=eigen");
  return all;
}

// A run that went out of memory says so in one line, and has lost nothing.
void check_out_of_memory(const Ending& ending, const fs::path& folder, const Undisturbed& undisturbed) {
  INFO(ending.err);
  CHECK(ending.signal == 0);
  if (ending.exit_code != 0) {
    // 1 where the system refused what the user can ask less of, 2 elsewhere
    CHECK((ending.exit_code == 2 || (ending.exit_code == 1 && contains(ending.err, "memory"))));
    CHECK(ending.err.starts_with("error: "));
    CHECK(ending.err.find('\n') == ending.err.size() - 1);
  }
  CHECK(newest_whole_step(folder) >= kBefore);
  const Ending next = train_tiny(folder, flags(kSteps));
  INFO(next.err);
  REQUIRE(next.exit_code == 0);
  undisturbed.check_equal(folder);
}

}  // namespace

TEST_CASE("memory: whichever allocation fails, nothing is lost") {
  if (kSanitized) return report_skipped("a sanitizer's allocations cannot be made to fail");
  const Undisturbed undisturbed(kSteps, {"--matrix_backend=eigen"});
  const TemporaryFolder earlier;
  put_tiny_data(earlier.path());
  REQUIRE(train_tiny(earlier.path(), flags(kBefore)).exit_code == 0);
  // The run from kBefore to kSteps with the nth allocation failing, in a copy of the folder.
  const auto run = [&](const fs::path& folder, int64_t nth, const fs::path& count) {
    fs::copy(earlier.path(), folder, fs::copy_options::recursive);
    return train_tiny(folder, flags(kSteps), [&] {
      setenv("LD_PRELOAD", FAIL_ALLOCATION, 1);
      setenv("INPAINT_FAIL_ALLOCATION", std::to_string(nth).c_str(), 1);
      setenv("INPAINT_COUNT_ALLOCATIONS", count.c_str(), 1);
    });
  };
  const TemporaryFolder whole;
  REQUIRE(run(whole / "run", 0, whole / "count").exit_code == 0);
  const int64_t allocations = std::stoll(file_contents(whole / "count"));
  CHECK(allocations > 1000);
  const int64_t points = nightly() ? allocations : 60;
  int64_t refused = 0;
  for (int64_t point = 0; point < points; ++point) {
    const int64_t nth = 1 + point * allocations / points;
    CAPTURE(nth);
    const TemporaryFolder place;
    const Ending ending = run(place / "run", nth, place / "count");
    if (ending.exit_code != 0) CHECK(contains(ending.err, "memory"));
    check_out_of_memory(ending, place / "run", undisturbed);
    refused += ending.exit_code != 0;
  }
  CHECK(refused > points / 2);
  MESSAGE("failed ", points, " of ", allocations, " allocations: ", refused, " runs refused, nothing lost");
}

TEST_CASE("memory: whatever the limit of the address space, nothing is lost") {
  if (kSanitized) return report_skipped("a sanitizer needs all of the address space");
  constexpr int64_t kMiB = int64_t{1} << 20;
  const Undisturbed undisturbed(kSteps, {"--matrix_backend=eigen"});
  const TemporaryFolder earlier;
  put_tiny_data(earlier.path());
  REQUIRE(train_tiny(earlier.path(), flags(kBefore)).exit_code == 0);
  const auto with_limit = [](int64_t bytes) {
    return [bytes] {
      const rlimit limit{static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
      if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(123);
    };
  };
  // What the program needs to start at all is the system's matter.
  int64_t least = kMiB;
  while (train_tiny(earlier.path(), {"--version"}, with_limit(least)).exit_code != 0) least += kMiB;
  int refused = 0, done = 0;
  for (int64_t limit = least; done < 3; limit += stride(2) * kMiB) {
    CAPTURE(limit);
    const TemporaryFolder place;
    fs::copy(earlier.path(), place / "run", fs::copy_options::recursive);
    const Ending ending = train_tiny(place / "run", flags(kSteps, {"--threads=3"}), with_limit(limit));
    check_out_of_memory(ending, place / "run", undisturbed);
    ++(ending.exit_code == 0 ? done : refused);
    REQUIRE(refused < 1000);
  }
  CHECK(refused > 3);
  MESSAGE("limits of the address space from ", least / kMiB, " MiB on: ", refused,
          " runs refused, nothing lost");
}
