// Keeps a folder for one process: an flock(2) on "<folder>/.lock", which the system gives up when the process
// ends, however it ends. The file holds the number of the last process that had the lock; it stays unless the
// folder is empty otherwise.
#pragma once

#include <filesystem>

#include "core/file/file.h"

namespace inpaint {

class FolderLock {
 public:
  // UserError naming the process that has the lock, or saying why the file system refuses.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  std::filesystem::path folder_;
  File file_;
};

}  // namespace inpaint
