// A file mapped for reading: opening is instant at any size, and the system's cache does the rest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "core/file/file.h"

namespace inpaint {

class MappedFile {
 public:
  explicit MappedFile(File file);  // open for reading; an empty one gives no bytes
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return file_.path(); }
  int64_t size() const { return size_; }  // when it was opened
  const uint8_t* bytes() const { return bytes_; }

  // UserError when the file has become shorter since it was opened: touching the lost part would end the
  // process (SIGBUS). Costs one system call; callers ask before they read.
  void check_not_shrunk() const;

 private:
  File file_;
  int64_t size_ = 0;
  const uint8_t* bytes_ = nullptr;
};

}  // namespace inpaint
