// What the ranks of a training find out about each other before it begins.
#include "train/run/rank_agreement.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/base/error.h"
#include "tests/harness/thread_ranks.h"

using namespace inpaint;

namespace {

// What rank 1 of two says where these are the settings of both.
std::string error_of_second(const TrainSettings& first, const TrainSettings& second) {
  constexpr double kTimeout = 2;  // rank 0 waits for its end, which does not come to a thread
  return run_ranks(
             2,
             [&](Ranks& ranks) {
               try {
                 check_same_flags(ranks, ranks.rank() == 0 ? first : second);
               } catch (const UserError&) {
                 ranks.wait_for_all();
                 throw;
               }
             },
             kTimeout)
      .errors[1];
}

}  // namespace

TEST_CASE("rank agreement: other flags are named, with the values of both ranks") {
  const TrainSettings first;
  TrainSettings second;
  CHECK(error_of_second(first, second) == "");
  second.learning_rate = 0.25;
  CHECK(error_of_second(first, second) ==
        "learning_rate=0.25, and rank 0 has learning_rate=0.0002; give all ranks the same flags");
}

TEST_CASE("rank agreement: other pictures are named, with the counts of both ranks") {
  const auto errors = [](int64_t first, int64_t second) {
    return run_ranks(2,
                     [=](Ranks& ranks) {
                       check_same_pictures(ranks, ranks.rank() == 0 ? first : second, "data/a.bin");
                     })
        .errors;
  };
  CHECK(errors(6, 6) == std::vector<std::string>{"", ""});
  for (const std::string& error : errors(6, 5)) {
    CHECK(error.starts_with("data/a.bin: rank 1 ("));
    CHECK(error.ends_with(") sees 5 pictures there, and rank 0 sees 6; give all ranks the same data"));
  }
}
