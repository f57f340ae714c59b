#include "core/file/text_file.h"

#include "core/base/error.h"
#include "core/file/file.h"

namespace inpaint {
namespace {

// "UTF-16" with a byte order mark, "UTF-16LE" or "UTF-16BE" without; "" for what is not.
std::string_view utf16_name(std::string_view text) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) return "UTF-16";
  if (text.size() < 4 || (text[0] == 0) == (text[1] == 0)) return "";  // two first characters of ASCII
  if (text[0] != 0) return text[2] != 0 && text[3] == 0 ? "UTF-16LE" : "";
  return text[2] == 0 && text[3] != 0 ? "UTF-16BE" : "";
}

}  // namespace

std::string read_written_text(const std::filesystem::path& path, int64_t limit) {
  std::string text = read_text_file(path, limit);
  if (const std::string_view name = utf16_name(text); !name.empty())
    user_error("{}: UTF-16 text, and UTF-8 is read here; save it as UTF-8, or: iconv -f {} -t UTF-8 {} > NEW",
               path.string(), name, path.string());
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  return text;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
  }
  return lines;
}

}  // namespace inpaint
