// Runs of the real inpaint_train on a network so small that hundreds of them fit into a test.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tests/harness/temporary_folder.h"
#include "tests/reliability/program.h"

namespace inpaint {

// 11 pictures in batches of 2: a validation and a checkpoint every 5 steps.
inline constexpr int kStepsPerEpoch = 5;

// Flags of a run of `steps` steps in all; `more` comes last and wins.
std::vector<std::string> tiny_flags(int steps, const std::vector<std::string>& more = {});

// Puts the pictures to train and to validate with into `folder`/data.
void put_tiny_data(const std::filesystem::path& folder);

std::filesystem::path tiny_checkpoints(const std::filesystem::path& folder);
std::filesystem::path tiny_checkpoint(const std::filesystem::path& folder, int step);

// Runs inpaint_train in `folder` to its end.
Ending train_tiny(const std::filesystem::path& folder, const std::vector<std::string>& flags,
                  const std::function<void()>& prepare = {});

// A folder after a run that nothing disturbed: what every other run has to come to.
class Undisturbed {
 public:
  explicit Undisturbed(int steps, const std::vector<std::string>& more = {});
  int steps() const { return steps_; }
  const std::filesystem::path& folder() const { return folder_.path(); }

  // Fails the test where the runs in `other` have come to anything else: the last checkpoint's bytes, the
  // logs (but for the speed), the names in the checkpoint folder, temporary files anywhere.
  void check_equal(const std::filesystem::path& other) const;

 private:
  int steps_;
  TemporaryFolder folder_;
};

// The step of the newest checkpoint, which is read to its last byte; -1: there is none.
int64_t newest_whole_step(const std::filesystem::path& folder);

// The step that the file `checkpoint` names: what the run has acknowledged; -1: none.
int64_t acknowledged_step(const std::filesystem::path& folder);

// Prints the line by which ctest calls a test skipped.
void report_skipped(const std::string& why);

}  // namespace inpaint
