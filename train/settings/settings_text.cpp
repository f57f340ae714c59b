#include "train/settings/settings_text.h"

#include <algorithm>

#include "core/base/error.h"
#include "train/settings/flag_values.h"
#include "train/settings/flags.h"

namespace inpaint {
namespace {
constexpr std::string_view kPrefix = "flag.";
}  // namespace

std::string describe_settings(const TrainSettings& settings) {
  size_t width = 0;
  for (const std::string_view name : all_flag_names()) width = std::max(width, name.size());
  std::string text;
  for (const Flag& flag : all_flags())
    text += fmt::format("{:{}}  {}\n", flag.name, width, flag.print(settings));
  return text;
}

std::string to_configs_entry(const TrainSettings& settings) {
  std::string text;
  for (const Flag& flag : all_flags())
    if (flag.role == Flag::Role::kModel) text += fmt::format("{}:{}\n", flag.name, flag.print(settings));
  return text + '\n';
}

std::map<std::string, std::string> to_metadata(const TrainSettings& settings) {
  std::map<std::string, std::string> metadata;
  for (const Flag& flag : all_flags())
    metadata.emplace(fmt::format("{}{}", kPrefix, flag.name), flag.print(settings));
  return metadata;
}

TrainSettings settings_from_metadata(const std::map<std::string, std::string>& metadata,
                                     const std::string& where) {
  TrainSettings settings;
  bool any = false;
  for (const auto& [key, value] : metadata) {
    if (!key.starts_with(kPrefix)) continue;
    any = true;
    const std::string name = key.substr(kPrefix.size());
    const Flag* flag = find_flag(name);
    if (flag == nullptr)
      user_error(
          "{}: saved with the flag '{}', which this program does not know; use the program that wrote it, "
          "or a newer one",
          where, shown(name));
    set_flag(settings, *flag, value, where);
  }
  if (!any) user_error("{}: holds no settings; it is not a checkpoint of this program", where);
  return settings;
}

}  // namespace inpaint
