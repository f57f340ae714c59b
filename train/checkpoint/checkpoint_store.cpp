#include "train/checkpoint/checkpoint_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>
#include <utility>

#include "core/base/error.h"
#include "core/file/replace_file.h"
#include "train/checkpoint/non_finite.h"

namespace inpaint {
namespace {
namespace fs = std::filesystem;

constexpr const char* kNewestName = "checkpoint";
constexpr const char* kBestName = "best";
constexpr std::string_view kPrefix = "model-", kSuffix = ".safetensors";

std::string name_of(int64_t step) { return fmt::format("{}{}{}", kPrefix, step, kSuffix); }

std::optional<int64_t> step_of(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  const std::string_view digits = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  int64_t step = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  // Only a name that save() gives: no sign, no leading zero, nothing behind.
  if (error != std::errc{} || step < 0 || name_of(step) != name) return std::nullopt;
  return step;
}

// The steps of the checkpoints in a folder, the highest first.
std::vector<int64_t> steps_in(const fs::path& folder) {
  std::vector<int64_t> steps;
  std::error_code error;
  if (!fs::exists(folder, error) && !error) return steps;
  for (const std::string& name : names_in_folder(folder))
    if (const auto step = step_of(name)) steps.push_back(*step);
  std::sort(steps.begin(), steps.end(), std::greater<>());
  return steps;
}

// The step that `checkpoint` or `best` names; nothing when that file is not there.
std::optional<int64_t> named_step(const fs::path& folder, const char* pointer) {
  const fs::path path = folder / pointer;
  std::error_code error;
  if (!fs::exists(path, error) && !error) return std::nullopt;
  const std::string text = read_text_file(path, 100);
  const auto step = step_of(std::string_view(text).substr(0, text.find('\n')));
  if (!step)
    user_error("{}: names no checkpoint ('{}'); remove it to go on from the one with the highest step",
               path.string(), printable(text));
  return step;
}

}  // namespace

CheckpointStore::CheckpointStore(fs::path folder, int keep)
    : folder_(std::move(folder)), keep_(keep), lock_((make_folders(folder_), folder_)) {
  INPAINT_CHECK(keep >= 1, "keep {}", keep);
  remove_stale_temporaries(folder_);
}

fs::path CheckpointStore::path_of(int64_t step) const { return folder_ / name_of(step); }

void CheckpointStore::save(int64_t step, std::span<const NamedTensor> tensors, Metadata metadata,
                           Standing standing) {
  INPAINT_CHECK(step >= 0, "step {}", step);
  if (const auto bad = first_non_finite(tensors))
    throw Error(to_string(*bad) + ": not saved, the last checkpoint stays");
  metadata[kFormatVersionKey] = kFormatVersion;
  save_safetensors(path_of(step), tensors, metadata);
  replace_file(folder_ / kNewestName, name_of(step) + "\n");
  if (standing == Standing::kNewestAndBest) name_best(step);
  remove_old(step);
}

void CheckpointStore::name_best(int64_t step) { replace_file(folder_ / kBestName, name_of(step) + "\n"); }

// Only what is older: a run that went back to an earlier step leaves later ones alone.
void CheckpointStore::remove_old(int64_t newest) const {
  const auto best = named_step(folder_, kBestName);
  int kept = 0;
  for (const int64_t step : steps_in(folder_)) {
    if (step > newest || kept++ < keep_ || step == best) continue;
    const fs::path path = folder_ / name_of(step);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw_file_error("remove", path, errno);
  }
}

SafetensorsFile open_checkpoint(const fs::path& path) {
  if (path.filename() == kBestName && fs::is_regular_file(path)) {
    if (auto best = open_best_checkpoint(path.parent_path())) return std::move(*best);
  }
  SafetensorsFile file(path, SafetensorsFile::Checksum::kRequired);
  const auto version = file.metadata().find(kFormatVersionKey);
  if (version == file.metadata().end() || version->second != kFormatVersion)
    user_error(
        "{}: a checkpoint of format version '{}', and this program reads {}; use the version that wrote it",
        path.string(), version == file.metadata().end() ? "" : printable(version->second), kFormatVersion);
  return file;
}

std::optional<FoundCheckpoint> open_newest_checkpoint(const fs::path& folder, Fallback fallback) {
  std::vector<std::string> passed_over;
  std::optional<int64_t> newest;
  try {
    newest = named_step(folder, kNewestName);
    if (!newest) {
      const std::vector<int64_t> steps = steps_in(folder);
      if (steps.empty()) return std::nullopt;
      newest = steps.front();
    }
    return FoundCheckpoint{open_checkpoint(folder / name_of(*newest)), {}};
  } catch (const UserError& failure) {
    // A run that is writing here may have put a newer one in its place meanwhile.
    if (newest && named_step(folder, kNewestName).value_or(*newest) != *newest)
      return open_newest_checkpoint(folder, fallback);
    if (fallback == Fallback::kRefuse) throw;
    passed_over.push_back(failure.what());
  }
  for (const int64_t step : steps_in(folder)) {
    if (step == newest) continue;
    try {
      return FoundCheckpoint{open_checkpoint(folder / name_of(step)), std::move(passed_over)};
    } catch (const UserError& failure) {
      passed_over.push_back(failure.what());
    }
  }
  user_error("{}: no checkpoint here is good; {}", folder.string(), fmt::join(passed_over, "; "));
}

std::optional<SafetensorsFile> open_best_checkpoint(const fs::path& folder) {
  const auto best = named_step(folder, kBestName);
  if (!best) return std::nullopt;
  return open_checkpoint(folder / name_of(*best));
}

}  // namespace inpaint
