// Files through POSIX calls, every one checked. A failed call is a UserError whose one line names the file,
// what was tried, the system's reason and how to mend it. Interrupted calls are repeated, short writes go on.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace inpaint {

// "<path>: cannot <action>: <reason>; <how to mend it>". `error` is an errno value.
[[noreturn]] void throw_file_error(std::string_view action, const std::filesystem::path& path, int error);

// A descriptor with an owner. Not for several threads at once, read_at excepted.
class File {
 public:
  File() = default;

  // open(2); O_CLOEXEC is added. Messages name `shown` where it is given, else `path`.
  File(const std::filesystem::path& path, int flags, mode_t mode = 0666,
       const std::filesystem::path& shown = {});
  // A file without a place on a disk that holds these bytes, to be read; messages name `shown`.
  static File in_memory(std::span<const std::byte> bytes, const std::filesystem::path& shown);
  ~File();
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;

  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  const std::filesystem::path& path() const { return path_; }  // the one that messages name
  int64_t size() const;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);

  // Fills `bytes` from `offset` on; a file that ends before is a UserError that gives its size.
  void read_at(int64_t offset, std::span<std::byte> bytes) const;

  void truncate(int64_t bytes);
  void sync();  // fsync: returns when the disk has it

  // An exclusive flock(2), which ends when the file is closed or the process dies. False: another one
  // holds it.
  bool try_lock();

 private:
  int fd_ = -1;
  std::filesystem::path path_;
};

// The whole of a small text file or pipe; a UserError if it is larger than `limit` bytes.
std::string read_text_file(const std::filesystem::path& path, int64_t limit);

// Makes a folder and the missing ones above it, durably. One that exists is left as it is.
void make_folders(const std::filesystem::path& folder);

// The names in a folder, without "." and "..", sorted. (The standard library's directory iterators end the
// process where they find no memory for a name.)
std::vector<std::string> names_in_folder(const std::filesystem::path& folder);

// fsync of a folder: the names in it are on the disk. File systems that do not know it are passed over.
void sync_folder(const File& folder);

}  // namespace inpaint
