#include "kernels/cuda/engine_choices.h"

#include <cstdlib>
#include <span>
#include <string_view>

#include "core/base/crc32c.h"
#include "core/base/error.h"
#include "core/file/file.h"
#include "core/file/replace_file.h"

namespace inpaint {
namespace {
namespace fs = std::filesystem;

constexpr std::string_view kFirstLine = "inpaint engine choices 1\n";
constexpr int64_t kLargestFile = 1 << 20;

std::string crc_line(std::string_view text) {
  return fmt::format("crc32c {:08x}\n", crc32c(std::as_bytes(std::span(text.data(), text.size()))));
}

std::string to_text(const std::string& identity, const std::map<std::string, std::string>& choices) {
  std::string text = fmt::format("{}{}\n", kFirstLine, identity);
  for (const auto& [product, algorithm] : choices) text += fmt::format("{}\t{}\n", product, algorithm);
  return text + crc_line(text);
}

// Empty when the text is not what to_text makes for this identity.
std::map<std::string, std::string> parse(std::string_view text, const std::string& identity) {
  const std::string head = fmt::format("{}{}\n", kFirstLine, identity);
  const size_t crc_bytes = crc_line({}).size();
  if (!text.starts_with(head) || text.size() < head.size() + crc_bytes) return {};
  const std::string_view checked = text.substr(0, text.size() - crc_bytes);
  if (text.substr(checked.size()) != crc_line(checked)) return {};
  std::map<std::string, std::string> choices;
  for (std::string_view rest = checked.substr(head.size()); !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    const size_t tab = line.find('\t');
    if (tab == std::string_view::npos) return {};
    choices[std::string(line.substr(0, tab))] = line.substr(tab + 1);
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return choices;
}

std::map<std::string, std::string> load(const fs::path& file, const std::string& identity) {
  std::error_code error;
  if (file.empty() || !fs::is_regular_file(file, error)) return {};
  try {
    return parse(read_text_file(file, kLargestFile), identity);
  } catch (const UserError&) {
    return {};
  }
}

}  // namespace

EngineChoices::EngineChoices(const fs::path& folder, std::string identity) : identity_(std::move(identity)) {
  INPAINT_CHECK(identity_.find('\n') == std::string::npos, "a line break in '{}'", identity_);
  if (folder.empty()) return;
  file_ = folder / fmt::format("engines-{:08x}.txt", crc32c(std::as_bytes(std::span(identity_))));
  choices_ = load(file_, identity_);
}

fs::path EngineChoices::default_folder() {
  const auto absolute = [](const char* name) -> fs::path {
    const char* const value = std::getenv(name);
    return value != nullptr && *value == '/' ? value : "";
  };
  if (const fs::path cache = absolute("XDG_CACHE_HOME"); !cache.empty()) return cache / "inpaint";
  if (const fs::path home = absolute("HOME"); !home.empty()) return home / ".cache" / "inpaint";
  return {};
}

std::optional<std::string> EngineChoices::find(const std::string& product) const {
  const auto place = choices_.find(product);
  if (place == choices_.end()) return std::nullopt;
  return place->second;
}

void EngineChoices::remember(const std::string& product, const std::string& algorithm) {
  for (const std::string& text : {product, algorithm})
    INPAINT_CHECK(text.find_first_of("\t\n") == std::string::npos, "a tab or line break in '{}'", text);
  choices_[product] = algorithm;
  if (file_.empty()) return;
  for (const auto& [other, its_algorithm] : load(file_, identity_))
    choices_.try_emplace(other, its_algorithm);
  try {
    make_folders(file_.parent_path());
    replace_file(file_, to_text(identity_, choices_));
  } catch (const UserError&) {  // no place to write to: see above
  }
}

void EngineChoices::forget(const std::string& product) { choices_.erase(product); }

}  // namespace inpaint
