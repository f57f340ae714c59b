// What the ranks of a training find out about each other before it begins.
#include "train/run/rank_agreement.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/base/error.h"
#include "tests/harness/thread_ranks.h"
#include "train/settings/flags.h"

using namespace inpaint;

namespace {

// What two ranks with these settings say. The one whose error ends the run is waited for: it comes, too.
std::vector<std::string> errors_of(const TrainSettings& first, const TrainSettings& second) {
  return run_ranks(2,
                   [&](Ranks& ranks) {
                     try {
                       check_same_flags(ranks, ranks.rank() == 0 ? first : second);
                     } catch (const UserError&) {
                       ranks.wait_for_all();
                       throw;
                     }
                   })
      .errors;
}

}  // namespace

TEST_CASE("rank agreement: other flags are named, with the values of both ranks") {
  const TrainSettings first;
  TrainSettings second;
  CHECK(errors_of(first, second) == std::vector<std::string>{"", ""});
  second.matrix_backend = MatrixChoice::kEigen;  // the last flag: rank 0 asks for no other behind it
  REQUIRE(all_flags().back().name == "matrix_backend");
  CHECK(errors_of(first, second)[1] ==
        "matrix_backend=eigen, and rank 0 has matrix_backend=auto; give all ranks the same flags");
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
