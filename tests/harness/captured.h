// What an action writes to standard output or standard error.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "tests/harness/temporary_folder.h"

namespace inpaint {

// While it lives, the stream writes to a file (one of its own unless another is named).
class Captured {
 public:
  explicit Captured(std::FILE* stream, const char* path = nullptr)
      : stream_(stream), path_(path != nullptr ? std::filesystem::path(path) : folder_ / "captured") {
    std::fflush(stream_);
    kept_ = dup(fileno(stream_));
    const int file = open(path_.c_str(), O_WRONLY | O_CREAT, 0600);
    if (kept_ < 0 || file < 0 || dup2(file, fileno(stream_)) < 0)
      throw std::runtime_error("cannot capture a stream");
    close(file);
  }
  ~Captured() {
    std::fflush(stream_);
    std::clearerr(stream_);
    dup2(kept_, fileno(stream_));
    close(kept_);
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

  std::string text() const {
    std::fflush(stream_);
    return file_contents(path_);
  }

 private:
  TemporaryFolder folder_;
  std::FILE* stream_;
  std::filesystem::path path_;
  int kept_;
};

}  // namespace inpaint
