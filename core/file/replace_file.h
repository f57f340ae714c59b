// A file that appears whole or not at all. The bytes go into a temporary file in the same folder; commit()
// brings them to the disk, lets the caller look at them, renames, and brings the folder to the disk. Whatever
// fails or dies before the rename leaves the old file as it was.
//
// A temporary file (".inpaint-<16 hex digits>.tmp") stays locked (flock) while its writer lives, so that
// those of dead processes can be told apart, on any machine that shares the folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

#include "core/file/file.h"

namespace inpaint {

class ReplaceFile {
 public:
  enum class Existing {
    kReplace,  // keeps its permissions; a link is followed; what is not a regular file is refused
    kRefuse,   // a file of that name is a UserError, at once and again, free of races, at commit
  };
  using Verify = std::function<void(const std::filesystem::path& temporary)>;

  // Throws UserError, as every other call here, when the system refuses something.
  explicit ReplaceFile(const std::filesystem::path& target, Existing existing = Existing::kReplace);
  ~ReplaceFile();  // without commit: the temporary file is removed
  ReplaceFile(const ReplaceFile&) = delete;
  ReplaceFile& operator=(const ReplaceFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);

  // Once, and last. `verify` reads the temporary file, as far as possible from the disk and not from the
  // system's cache, and throws if it is not good. Nothing has changed when commit throws, unless the message
  // says that the file is in place.
  void commit(const Verify& verify = {});

 private:
  void put_in_place();

  std::filesystem::path target_, temporary_;
  Existing existing_;
  File folder_, file_;
};

// The whole of it in one call.
void replace_file(const std::filesystem::path& target, std::string_view contents);

// Removes what killed processes left in `folder`; returns how many files. Files being written stay.
int remove_stale_temporaries(const std::filesystem::path& folder);

}  // namespace inpaint
