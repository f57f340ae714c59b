#include "train/log/line_log.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "core/base/error.h"

namespace inpaint {
namespace {

// Takes the value of "step" of the outermost object, and keeps nothing else.
class StepReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::optional<int64_t> step;

  bool key(string_t& name) override {
    here_ = depth_ == 1 && name == "step";
    return true;
  }
  bool number_integer(number_integer_t value) override { return take(value); }
  bool number_unsigned(number_unsigned_t value) override {
    return std::in_range<int64_t>(value) ? take(static_cast<int64_t>(value)) : other();
  }
  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool number_float(number_float_t, const string_t&) override { return other(); }
  bool string(string_t&) override { return other(); }
  bool binary(binary_t&) override { return other(); }
  bool start_object(std::size_t) override { return enter(); }
  bool start_array(std::size_t) override { return depth_ > 0 && enter(); }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  bool take(int64_t value) {
    if (here_) step = value;
    here_ = false;
    return depth_ > 0;
  }
  bool other() {
    if (here_) step = std::nullopt;
    here_ = false;
    return depth_ > 0;
  }
  bool enter() {
    other();
    ++depth_;
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }

  int64_t depth_ = 0;
  bool here_ = false;
};

// The size of what stays: up to the end of the last line that counts. Reads backwards, as far as needed.
int64_t kept_bytes(const File& file, int64_t last, LineLog::NumberOf number_of) {
  int64_t begin = file.size();
  std::string text;  // the file from `begin` on, without the lines that have been passed over
  while (true) {
    // The last end of a line, and the one before it.
    const size_t end = text.rfind('\n');
    const size_t before =
        end == std::string::npos || end == 0 ? std::string::npos : text.rfind('\n', end - 1);
    const bool whole_line = end != std::string::npos && (before != std::string::npos || begin == 0);
    if (whole_line) {
      const size_t start = before == std::string::npos ? 0 : before + 1;
      const auto number = number_of(std::string_view(text).substr(start, end - start));
      if (number && *number <= last) return begin + static_cast<int64_t>(end) + 1;
      text.resize(start);
      continue;
    }
    if (begin == 0) return 0;
    if (static_cast<int64_t>(text.size()) > LineLog::kMaxLine)
      user_error(
          "{}: a line of more than {} bytes before byte {}: not a log of this program; move the file away",
          file.path().string(), LineLog::kMaxLine, begin + static_cast<int64_t>(text.size()));
    constexpr int64_t kPiece = int64_t{1} << 16;
    const int64_t piece = std::min(kPiece, begin);
    begin -= piece;
    std::string earlier(static_cast<size_t>(piece), '\0');
    file.read_at(begin, std::as_writable_bytes(std::span(earlier)));
    text.insert(0, earlier);
  }
}

}  // namespace

LineLog::LineLog(const std::filesystem::path& path, int64_t last, NumberOf number_of)
    : file_(path, O_RDWR | O_CREAT | O_APPEND) {
  bytes_ = kept_bytes(file_, last, number_of);
  if (bytes_ < file_.size()) file_.truncate(bytes_);
}

void LineLog::append(std::string_view line) {
  INPAINT_CHECK(line.find('\n') == std::string_view::npos && static_cast<int64_t>(line.size()) < kMaxLine,
                "a line of {} bytes", line.size());
  const std::string text = std::string(line) + '\n';
  try {
    file_.write(text);
  } catch (const UserError&) {
    file_.truncate(bytes_);
    throw;
  }
  bytes_ += static_cast<int64_t>(text.size());
}

std::optional<int64_t> step_of_json_line(std::string_view line) {
  StepReader reader;
  if (!nlohmann::json::sax_parse(line, &reader)) return std::nullopt;
  return reader.step;
}

std::optional<int64_t> epoch_of_loss_line(std::string_view line) {
  constexpr std::string_view kStart = "Epoch:";
  if (!line.starts_with(kStart)) return std::nullopt;
  line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ', kStart.size())));
  int64_t epoch = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), epoch);
  if (error != std::errc{} || (end != line.data() + line.size() && *end != ',')) return std::nullopt;
  return epoch;
}

}  // namespace inpaint
