// A log of lines that only grows, and that a killed and resumed run continues without gaps or doubles: every
// line that the resumed run will write again is cut off first, and so is a last line that was not finished.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "core/file/file.h"

namespace inpaint {

class LineLog {
 public:
  // The number (step, epoch) that a line carries; nothing if it is no line of this log.
  using NumberOf = std::optional<int64_t> (*)(std::string_view line);

  static constexpr int64_t kMaxLine = int64_t{1} << 20;  // bytes, with the line's end

  // Opens the log, or makes it. What follows the last whole line whose number is at most `last` is cut off:
  // what came before in the file stays, also of an earlier run. last -1 empties the log. Throws UserError,
  // and leaves the file as it is, when that part holds a line longer than kMaxLine: not a log of ours.
  LineLog(const std::filesystem::path& path, int64_t last, NumberOf number_of);

  // Adds a line (without its end, which is added here). The system has it when the call returns: a killed
  // process loses none. When the system refuses it (UserError), no part of it stays.
  void append(std::string_view line);

  // The disk has every line. Before the checkpoint that follows them counts, so that a power cut takes none
  // of them.
  void sync() { file_.sync(); }

 private:
  File file_;
  int64_t bytes_ = 0;
};

std::optional<int64_t> step_of_json_line(std::string_view line);   // {"step": 12, ...}
std::optional<int64_t> epoch_of_loss_line(std::string_view line);  // "Epoch:  12, ..."

}  // namespace inpaint
