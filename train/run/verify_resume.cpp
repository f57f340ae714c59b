#include "train/run/verify_resume.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <vector>

#include "core/file/file.h"
#include "train/checkpoint/checkpoint_store.h"
#include "train/log/progress.h"
#include "train/run/training_run.h"
#include "train/settings/folders.h"

namespace inpaint {
namespace {
namespace fs = std::filesystem;

class TemporaryRuns {
 public:
  TemporaryRuns() {
    std::string pattern = (fs::temp_directory_path() / "inpaint-verify-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw_file_error("make a folder", pattern, errno);
    path_ = pattern;
  }
  ~TemporaryRuns() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  TemporaryRuns(const TemporaryRuns&) = delete;
  TemporaryRuns& operator=(const TemporaryRuns&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

TrainSettings settings_in(const fs::path& folder, const TrainSettings& wanted) {
  TrainSettings s = wanted;
  s.verify_resume = false;
  s.checkpoint_root = folder / "checkpoints";
  s.log_root = folder / "logs";
  s.sample_root = folder / "samples";
  s.resume = "auto";
  s.keep = 1;
  s.schedule_steps = kVerifiedSteps;
  s.minutes = 0;
  s.patience = 0;                                // nothing but the number of steps ends these runs
  s.epoch = s.start_epoch + kVerifiedSteps + 1;  // an epoch has a step at least
  return s;
}

// The exit code; what the run says goes nowhere.
int run_to(TrainSettings s, int64_t steps) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> nowhere(std::fopen("/dev/null", "w"), std::fclose);
  if (nowhere == nullptr) throw_file_error("open", "/dev/null", errno);
  s.max_steps = steps;
  return run_training(s, nowhere.get());
}

}  // namespace

int verify_resume(const TrainSettings& wanted) {
  Progress out(stdout);
  const TemporaryRuns folder;
  out.line(fmt::format("Verifying in {} (TMPDIR moves it): {} steps in one go", folder.path().string(),
                       kVerifiedSteps));
  const TrainSettings whole = settings_in(folder.path() / "whole", wanted),
                      halves = settings_in(folder.path() / "halves", wanted);
  if (const int code = run_to(whole, kVerifiedSteps)) return code;
  out.line(fmt::format("{} steps, a checkpoint, and from it {} more", kVerifiedSteps / 2,
                       kVerifiedSteps - kVerifiedSteps / 2));
  if (const int code = run_to(halves, kVerifiedSteps / 2)) return code;
  if (const int code = run_to(halves, kVerifiedSteps)) return code;
  const auto a = open_newest_checkpoint(checkpoint_folder(whole)),
             b = open_newest_checkpoint(checkpoint_folder(halves));
  INPAINT_CHECK(a && b, "a run left no checkpoint");
  if (const std::string difference = first_difference(a->file.path(), b->file.path()); !difference.empty())
    throw Error(fmt::format("a resumed run does not go on exactly on this machine: {}", difference));
  int64_t bytes = 0;
  for (const SafetensorsEntry& tensor : a->file.tensors()) bytes += tensor.bytes();
  out.line(fmt::format("Resuming is exact: all {} bytes of {} tensors and the rest of the state are equal",
                       bytes, a->file.tensors().size()));
  return 0;
}

std::string first_difference(const fs::path& a_path, const fs::path& b_path) {
  const SafetensorsFile a = open_checkpoint(a_path), b = open_checkpoint(b_path);
  if (a.tensors().size() != b.tensors().size())
    return fmt::format("{} and {} tensors", a.tensors().size(), b.tensors().size());
  for (const SafetensorsEntry& tensor : a.tensors()) {
    const SafetensorsEntry* other = b.find(tensor.name);
    if (other == nullptr || other->bytes() != tensor.bytes())
      return fmt::format("tensor '{}' is not the same in both", tensor.name);
    std::vector<std::byte> x(static_cast<size_t>(tensor.bytes())), y(x.size());
    a.read(tensor, x);
    b.read(*other, y);
    const auto [at, ignored] = std::mismatch(x.begin(), x.end(), y.begin());
    if (at != x.end()) return fmt::format("tensor '{}' differs from byte {} on", tensor.name, at - x.begin());
  }
  for (const auto& [key, value] : a.metadata()) {
    if (!key.starts_with("state.")) continue;
    const auto other = b.metadata().find(key);
    if (other == b.metadata().end() || other->second != value)
      return fmt::format("{} is {} and {}", key, value,
                         other == b.metadata().end() ? "missing" : other->second);
  }
  return {};
}

}  // namespace inpaint
