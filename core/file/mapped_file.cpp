#include "core/file/mapped_file.h"

#include <sys/mman.h>

#include <cerrno>
#include <utility>

#include "core/base/error.h"

namespace inpaint {

MappedFile::MappedFile(File file) : file_(std::move(file)), size_(file_.size()) {
  if (size_ == 0) return;  // mmap refuses it
  void* mapped = ::mmap(nullptr, static_cast<size_t>(size_), PROT_READ, MAP_SHARED, file_.fd(), 0);
  if (mapped == MAP_FAILED) throw_file_error("map", file_.path(), errno);
  bytes_ = static_cast<const uint8_t*>(mapped);
}

MappedFile::~MappedFile() {
  if (bytes_ != nullptr) ::munmap(const_cast<uint8_t*>(bytes_), static_cast<size_t>(size_));
}

void MappedFile::check_not_shrunk() const {
  if (file_.size() < size_)
    user_error("{}: shrank from {} to {} bytes while it was in use; make it again and start anew",
               path().string(), size_, file_.size());
}

}  // namespace inpaint
