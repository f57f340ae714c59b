// The checkpoints of a run, in a folder of their own:
//
//   model-<step>.safetensors   tensors, and the rest of the state as text (core/file/safetensors.h)
//   checkpoint                 one line: the name of the newest one
//   best                       one line: the name of the best one, once there is one
//   .lock                      held by the run that writes here (core/file/folder_lock.h)
//
// A checkpoint counts from the moment that `checkpoint` names it. Older ones go only after that, so whatever
// happens in between (a full disk, a killed process, a power cut), one that loads is there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/file/folder_lock.h"
#include "core/file/safetensors.h"

namespace inpaint {

enum class Standing {
  kNewest,
  kNewestAndBest,  // kept until a better one comes
};

class CheckpointStore {
 public:
  // Makes the folder, locks it until this object goes, and removes what killed processes left half-written.
  // keep: how many of the newest stay, >= 1. Throws UserError.
  CheckpointStore(std::filesystem::path folder, int keep);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path path_of(int64_t step) const;

  // Writes a checkpoint, reads it back from the disk, makes it the newest, removes older ones. Error when
  // a tensor holds a value that is not finite, naming the tensor and the element; UserError when the
  // system refuses something. In both cases the checkpoint before stays, and stays the newest. Takes
  // time: see CheckpointWriter.
  void save(int64_t step, std::span<const NamedTensor> tensors, Metadata metadata,
            Standing standing = Standing::kNewest);

  // Makes a checkpoint of this folder the best one. save() does so last of all: a run that goes on from one
  // that was the best has to do it again, in case that save was killed just before.
  void name_best(int64_t step);

 private:
  void remove_old(int64_t newest) const;

  std::filesystem::path folder_;
  int keep_;
  FolderLock lock_;
};

// What the metadata of each checkpoint hold besides the caller's: the version of all that is said here.
inline constexpr const char* kFormatVersionKey = "format_version";
inline const std::string kFormatVersion = "1";

// Opens a checkpoint, or the one that <folder>/best names, and compares its checksum and version; UserError
// saying what is wrong with it.
SafetensorsFile open_checkpoint(const std::filesystem::path& path);

enum class Fallback {
  kRefuse,  // a damaged or missing newest checkpoint is a UserError
  kAllow,   // then the one with the highest step that is good
};

struct FoundCheckpoint {
  SafetensorsFile file;
  std::vector<std::string> passed_over;  // a line for each one that was not good
};

// The newest checkpoint of a folder; nothing when it has none. Without the file `checkpoint` (a run killed at
// its first save, or a checkpoint copied here by hand) that is the one with the highest step. Needs no lock:
// others may read while a run writes.
std::optional<FoundCheckpoint> open_newest_checkpoint(const std::filesystem::path& folder,
                                                      Fallback fallback = Fallback::kRefuse);

// The best one; nothing when the folder names none.
std::optional<SafetensorsFile> open_best_checkpoint(const std::filesystem::path& folder);

}  // namespace inpaint
