#include "train/settings/flags_file.h"

#include <map>
#include <optional>

#include "core/base/error.h"
#include "core/base/nearest_name.h"
#include "core/file/text_file.h"
#include "train/settings/flag_values.h"
#include "train/settings/flags.h"

namespace inpaint {
namespace {
constexpr std::string_view kBlank = " \t";
constexpr int64_t kMaxFileBytes = 1 << 20;  // a hundred times any file of this kind

bool is_blank(char c) { return kBlank.find(c) != std::string_view::npos; }

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::string_view without_comment(std::string_view line) {
  for (size_t i = 0; i < line.size(); ++i)
    if (line[i] == '#' && (i == 0 || is_blank(line[i - 1]))) return line.substr(0, i);
  return line;
}

// The value that starts with the quote at text[0], and nothing but a comment behind it.
std::string unquoted(std::string_view text, const std::string& where) {
  std::string value;
  size_t i = 1;
  for (; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] == '\\') {
      if (i + 1 == text.size() || (text[i + 1] != '"' && text[i + 1] != '\\'))
        user_error("{}: in a quoted value '\\' must be followed by '\"' or '\\'", where);
      ++i;
    }
    value += text[i];
  }
  if (i == text.size()) user_error("{}: the quoted value has no closing '\"'", where);
  if (!trimmed(without_comment(text.substr(i + 1))).empty())
    user_error("{}: text follows the closing '\"'; write \\\" for a quote inside the value", where);
  return value;
}

struct Assignment {
  std::string_view name;
  std::string value;
};

// The assignment in a line, or nothing when the line is blank or only a comment.
std::optional<Assignment> parse_line(std::string_view line, const std::string& where) {
  const std::string_view plain = trimmed(without_comment(line));
  if (plain.empty()) return std::nullopt;
  const size_t equals = plain.find('=');
  if (equals == std::string_view::npos)
    user_error("{}: '{}' has no '='; write one name=value per line", where, shown(plain));
  std::string_view name = trimmed(plain.substr(0, equals));
  if (name.starts_with("--")) name.remove_prefix(2);
  // A quoted value may hold what looks like a comment, so it is taken from the line as it was.
  const std::string_view raw = trimmed(line.substr(line.find('=') + 1));
  if (raw.starts_with('"')) return Assignment{name, unquoted(raw, where)};
  return Assignment{name, std::string(trimmed(plain.substr(equals + 1)))};
}

std::string quoted_where_needed(const std::string& value) {
  const bool plain = !value.starts_with('"') && trimmed(value) == value &&
                     without_comment("=" + value).size() == value.size() + 1;
  if (plain) return value;
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}
}  // namespace

void read_flags_file(const std::string& path, TrainSettings& settings) {
  const std::string text = read_written_text(path, kMaxFileBytes);
  std::map<std::string_view, int> lines;  // of the flags met so far
  int number = 0;
  for (const std::string_view line : lines_of(text)) {
    const std::string where = fmt::format("{}:{}", path, ++number);
    const std::optional<Assignment> assignment = parse_line(line, where);
    if (!assignment) continue;
    const Flag* flag = find_flag(assignment->name);
    if (flag == nullptr)
      user_error("{}: unknown flag '{}'{}; --help lists all flags", where, shown(assignment->name),
                 did_you_mean(flag_spelling(assignment->name), all_flag_names()));
    const auto [first, is_new] = lines.emplace(flag->name, number);
    if (!is_new)
      user_error("{}: {} was already given in line {}; remove one of the two", where, flag->name,
                 first->second);
    set_flag(settings, *flag, assignment->value, where);
  }
}

std::string to_run_cfg(const TrainSettings& settings) {
  std::string text;
  std::string_view group;
  for (const Flag& flag : all_flags()) {
    if (flag.group != group) text += fmt::format("{}# {}\n", group.empty() ? "" : "\n", flag.group);
    group = flag.group;
    text += fmt::format("{}={}\n", flag.name, quoted_where_needed(flag.print(settings)));
  }
  return text;
}

}  // namespace inpaint
