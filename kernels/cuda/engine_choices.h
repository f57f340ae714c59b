// Which algorithm of a library was measured to be the fastest for a product, remembered from one run to the
// next: so a run starts fast, and takes the same algorithms, with the same rounding, as the run before.
//
// One text file for each combination of GPU, driver and libraries (the identity), named by its CRC:
//
//   inpaint engine choices 1
//   <identity>
//   <product>\t<algorithm>      any number of lines, sorted
//   crc32c <8 hex digits>       of all bytes above
//
// What cannot be read, is damaged, or was written for another identity, is measured anew; what cannot be
// written is measured anew by the next run. Neither is an error: nothing but time is lost.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace inpaint {

class EngineChoices {
 public:
  // An empty folder: nothing is kept on disk. The identity is one line.
  EngineChoices(const std::filesystem::path& folder, std::string identity);

  // $XDG_CACHE_HOME/inpaint, else $HOME/.cache/inpaint, else empty.
  static std::filesystem::path default_folder();

  std::optional<std::string> find(const std::string& product) const;

  // Both without tabs and line breaks. Written at once; what another process has written meanwhile is kept.
  void remember(const std::string& product, const std::string& algorithm);
  void forget(const std::string& product);  // an algorithm that did not work; in this object only

  const std::filesystem::path& file() const { return file_; }

 private:
  std::filesystem::path file_;  // empty: none
  std::string identity_;
  std::map<std::string, std::string> choices_;
};

}  // namespace inpaint
