#include "train/report/run_history.h"

#include <fcntl.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/file/mapped_file.h"
#include "train/settings/folders.h"

namespace inpaint {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

// Takes the numbers of an object, and not those inside of its lists. No tree of values is made.
class FigureReader : public nlohmann::json_sax<Json> {
 public:
  explicit FigureReader(LogFigures& figures) : figures_(figures) {}

  bool null() override { return true; }
  bool boolean(bool value) override { return take(value ? 1 : 0); }
  bool number_integer(number_integer_t value) override { return take(static_cast<double>(value)); }
  bool number_unsigned(number_unsigned_t value) override { return take(static_cast<double>(value)); }
  bool number_float(number_float_t value, const string_t&) override { return take(value); }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return ++depth_ == 1; }
  bool key(string_t& name) override {
    name_ = name;
    return true;
  }
  bool end_object() override { return --depth_ == 0; }
  bool start_array(size_t) override { return ++depth_ > 1; }
  bool end_array() override { return --depth_ > 0; }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool take(double value) {
    if (depth_ == 0) return false;
    if (depth_ == 1) figures_[name_] = value;
    return true;
  }

  LogFigures& figures_;
  std::string name_;
  int depth_ = 0;
};

// Adds the line's figures if it is a line of a log.
void add_line(std::string_view line, std::vector<LogFigures>& lines) {
  LogFigures figures;
  FigureReader reader(figures);
  if (Json::sax_parse(line.begin(), line.end(), &reader) && figure(figures, "step"))
    lines.push_back(std::move(figures));
}

std::vector<LogFigures> read_lines(const fs::path& path, int64_t most_lines) {
  const MappedFile file(File(path, O_RDONLY));
  file.check_not_shrunk();
  std::string_view text(reinterpret_cast<const char*>(file.bytes()), static_cast<size_t>(file.size()));
  const size_t end = text.rfind('\n');
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);  // a line that is still being written does not count
  const size_t stride = text.size() / static_cast<size_t>(most_lines);
  const size_t last = text.rfind('\n', text.size() - 2) + 1;  // where the last line begins; npos + 1 is 0
  std::vector<LogFigures> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t next = text.find('\n', at) + 1;
    add_line(text.substr(at, next - 1 - at), lines);
    if (at == last) break;
    // The first line that begins a stride further on, and at last the last one.
    const size_t further = at + std::max<size_t>(stride, 1) - 1;
    at = further < last ? std::max(next, text.find('\n', further) + 1) : last;
  }
  return lines;
}

}  // namespace

std::optional<double> figure(const LogFigures& figures, std::string_view name) {
  const auto found = figures.find(name);
  return found == figures.end() ? std::nullopt : std::optional(found->second);
}

std::optional<RunHistory> read_history(const fs::path& log_folder, int64_t most_lines) {
  if (!fs::exists(log_folder / "train_log.jsonl")) return std::nullopt;
  RunHistory history{read_lines(log_folder / "train_log.jsonl", most_lines), {}};
  if (fs::exists(log_folder / "validation_log.jsonl"))
    history.validations = read_lines(log_folder / "validation_log.jsonl", most_lines);
  return history;
}

std::optional<fs::path> log_folder_of(const fs::path& checkpoint, const TrainSettings& settings) {
  const fs::path folder = checkpoint_folder(settings).lexically_normal();
  std::error_code error;
  const fs::path place = fs::weakly_canonical(checkpoint, error).parent_path();
  if (error) return std::nullopt;
  if (fs::equivalent(place, folder, error)) return log_folder(settings);
  if (folder.is_absolute() || fs::path(settings.log_root).is_absolute()) return std::nullopt;
  // The folders' names from the last one on; what is left is where the run was started.
  fs::path base = place;
  for (auto name = folder.end(); name != folder.begin();) {
    if (*--name != base.filename() || base == base.root_path()) return std::nullopt;
    base = base.parent_path();
  }
  return (base / log_folder(settings)).lexically_normal();
}

}  // namespace inpaint
