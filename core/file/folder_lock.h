// Keeps a folder for one process: an flock(2) on "<folder>/.lock", which the system gives up when the process
// ends, however it ends. The file stays; it holds the number of the last process that had the lock.
#pragma once

#include <filesystem>

#include "core/file/file.h"

namespace inpaint {

class FolderLock {
 public:
  // UserError naming the process that has the lock, or saying why the file system refuses.
  explicit FolderLock(const std::filesystem::path& folder);

 private:
  File file_;
};

}  // namespace inpaint
