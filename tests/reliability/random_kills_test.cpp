// Training that is killed again and again, at any moment.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <random>
#include <thread>

#include "tests/harness/nightly.h"
#include "tests/reliability/tiny_run.h"

using namespace inpaint;
namespace fs = std::filesystem;

TEST_CASE("random kills: no acknowledged checkpoint is lost, and the run comes to the same bytes") {
  using Clock = std::chrono::steady_clock;
  const char* asked = std::getenv("INPAINT_RANDOM_KILLS");
  const int wanted = asked != nullptr ? std::atoi(asked) : nightly() ? 1000 : kSanitized ? 10 : 100;
  constexpr int kSteps = 40 * kStepsPerEpoch;
  const auto start = Clock::now();
  const Undisturbed undisturbed(kSteps);
  const std::chrono::duration<double> whole = Clock::now() - start;
  std::mt19937 random(2024);
  std::uniform_real_distribution<double> moment(0, whole.count() / 2);
  int kills = 0, runs = 0, resumed = 0;
  for (; kills < wanted; ++runs) {
    const TemporaryFolder folder, streams;
    put_tiny_data(folder.path());
    int64_t acknowledged = -1;
    while (true) {
      Program program(INPAINT_TRAIN, tiny_flags(kSteps), folder.path(), streams.path());
      std::this_thread::sleep_for(std::chrono::duration<double>(moment(random)));
      acknowledged = std::max(acknowledged, acknowledged_step(folder.path()));
      program.kill();
      const Ending ending = program.wait();
      CAPTURE(kills);
      if (ending.signal != SIGKILL) {
        INFO(ending.err);
        REQUIRE(ending.exit_code == 0);
        break;
      }
      ++kills;
      const int64_t newest = newest_whole_step(folder.path());
      CHECK(newest >= acknowledged);
      resumed += newest > 0;
    }
    undisturbed.check_equal(folder.path());
  }
  CHECK(resumed > kills / 3);  // else the moments say nothing of saves
  MESSAGE("killed at ", kills, " random moments in ", runs, " runs of ", kSteps, " steps; ", resumed,
          " times there was a checkpoint to go on from");
}
