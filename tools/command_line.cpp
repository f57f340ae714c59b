#include "tools/command_line.h"

#include <cstdio>
#include <filesystem>
#include <vector>

#include "core/base/build_info.h"
#include "core/base/error.h"
#include "core/base/nearest_name.h"
#include "train/data/dataset_description.h"
#include "train/settings/flag_values.h"
#include "train/settings/flags.h"
#include "train/settings/flags_file.h"
#include "train/settings/folders.h"

namespace inpaint {
namespace {
constexpr std::string_view kWhere = "command line";
constexpr std::string_view kFlagsFile = "flags_file";

struct Assignment {
  const Flag* flag;
  std::string value;
};

struct Parsed {
  std::vector<std::string> flags_files;
  std::vector<Assignment> assignments;
  bool help = false;
  bool version = false;
};

// The switch that "noNAME" or "no_NAME" turns off, or nullptr.
const Flag* find_negated(const std::string& spelling) {
  if (!spelling.starts_with("no")) return nullptr;
  const Flag* flag = find_flag(spelling.substr(spelling.starts_with("no_") ? 3 : 2));
  return flag != nullptr && flag->kind == Flag::Kind::kSwitch ? flag : nullptr;
}

[[noreturn]] void refuse_unknown(std::string_view argument, const std::string& spelling) {
  std::vector<std::string> negated;
  for (const Flag& flag : all_flags())
    if (flag.kind == Flag::Kind::kSwitch) negated.push_back(fmt::format("no{}", flag.name));
  std::vector<std::string_view> known(all_flag_names().begin(), all_flag_names().end());
  known.insert(known.end(), {kFlagsFile, "help", "version"});
  known.insert(known.end(), negated.begin(), negated.end());
  const std::string_view nearest = nearest_name(spelling, known);
  user_error("{}: unknown flag {}{}; --help lists all flags", kWhere, argument,
             nearest.empty() ? "" : fmt::format(" (did you mean --{}?)", nearest));
}

std::string path_of(const std::string& given) {
  std::string path;
  const std::string wrong = parse_path(given, path);
  if (!wrong.empty()) user_error("{}: {}={} {}", kWhere, kFlagsFile, shown(given), wrong);
  return path;
}

class Parser {
 public:
  Parser(int argc, const char* const* argv) : arguments_(argv + std::min(argc, 1), argv + argc) {}

  Parsed run() {
    while (next_ < arguments_.size()) take(arguments_[next_++]);
    return std::move(parsed_);
  }

 private:
  void take(const std::string& argument) {
    if (argument == "-h") {
      parsed_.help = true;
      return;
    }
    if (!argument.starts_with("--") || argument.size() == 2)
      user_error("{}: unexpected '{}'; flags are given as --NAME=VALUE", kWhere, argument);
    const size_t equals = argument.find('=');
    const std::string written = argument.substr(0, equals);
    const std::string spelling = flag_spelling(written.substr(2));
    std::optional<std::string> value;
    if (equals != std::string::npos) value = argument.substr(equals + 1);

    if (spelling == "help" || spelling == "version") {
      if (value) user_error("{}: {} takes no value", kWhere, written);
      (spelling == "help" ? parsed_.help : parsed_.version) = true;
    } else if (spelling == kFlagsFile) {
      parsed_.flags_files.push_back(path_of(value ? *value : following_value(written, "the path of a file")));
    } else if (const Flag* flag = find_flag(spelling)) {
      if (!value && flag->kind == Flag::Kind::kSwitch) value = next_is_value() ? arguments_[next_++] : "true";
      if (!value) value = following_value(written, flag->allowed);
      parsed_.assignments.push_back({flag, *value});
    } else if (const Flag* negated = find_negated(spelling)) {
      if (value) user_error("{}: {} takes no value; write --{}={}", kWhere, written, negated->name, *value);
      parsed_.assignments.push_back({negated, "false"});
    } else {
      refuse_unknown(written, spelling);
    }
  }

  // There are no arguments but flags, so what does not look like one can only be a value.
  bool next_is_value() const { return next_ < arguments_.size() && !arguments_[next_].starts_with("--"); }

  std::string following_value(const std::string& written, const std::string& allowed) {
    if (!next_is_value()) user_error("{}: {} needs a value; allowed: {}", kWhere, written, allowed);
    return arguments_[next_++];
  }

  std::vector<std::string> arguments_;
  size_t next_ = 0;
  Parsed parsed_;
};

TrainSettings settings_of(const Parsed& parsed, TrainSettings settings) {
  for (const std::string& path : parsed.flags_files) read_flags_file(path, settings);
  for (const auto& [flag, value] : parsed.assignments) set_flag(settings, *flag, value, kWhere);
  return settings;
}

// Whether image_channel is given: then it is the same whatever its default is.
bool gives_channels(const Parsed& parsed) {
  TrainSettings grey, rgb;
  grey.image_channel = 1;
  rgb.image_channel = 3;
  return settings_of(parsed, grey).image_channel == settings_of(parsed, rgb).image_channel;
}

// The default with model=harmonic_unet, or "" where it is the same.
std::string unet_default(const Flag& flag) {
  const std::string unet = flag.print(TrainSettings::of_model(ModelKind::kHarmonicUnet));
  return flag.name == "model" || unet == flag.print({}) ? "" : unet;
}

std::string syntax_of(const Flag& flag) {
  if (flag.kind == Flag::Kind::kSwitch) return fmt::format("--[no]{}", flag.name);
  return fmt::format("--{}={}", flag.name, flag.placeholder);
}
}  // namespace

std::string help_text(const std::string& program) {
  std::string text = fmt::format(
      "Trains a model that paints the missing part of a picture, or scores one.\n"
      "\n"
      "Usage: {} [--flags-file FILE] [--NAME=VALUE ...]\n"
      "\n"
      "General\n"
      "  --flags-file=FILE           settings from name=value lines; the command line wins\n"
      "  --help, --version           print and stop\n",
      program);
  std::string_view group;
  for (const Flag& flag : all_flags()) {
    if (flag.group != group) text += fmt::format("\n{}\n", flag.group);
    group = flag.group;
    const std::string values =
        flag.kind == Flag::Kind::kSwitch ? std::string() : fmt::format("{}; ", flag.allowed);
    text += fmt::format("  {:26}  {}\n  {:26}  [{}default {}]\n", syntax_of(flag), flag.help, "", values,
                        flag.print({}));
    if (const std::string unet = unet_default(flag); !unet.empty())
      text += fmt::format("  {:26}  [default of harmonic_unet: {}]\n", "", unet);
  }
  return text;
}

ProgramTable train_table() {
  ProgramTable table{
      {.name = "inpaint_train",
       .help = "Trains a model that paints the missing part of a picture, or scores one.",
       .options = {{.group = "General",
                    .name = std::string(kFlagsFile),
                    .placeholder = "FILE",
                    .takes = Takes::kFile,
                    .help = "settings from name=value lines; the command line wins",
                    .repeatable = true}}},
      {},
      {{"Train for an hour on a data set that inpaint_data has made:",
        "inpaint_train --model harmonic_unet --dataname mine --minutes 60"},
       {"Train on a folder of pictures:",
        "inpaint_train --model harmonic_unet --dataname mine --data_dir ~/pictures --flip --random_crop"},
       {"Say what a run would take:", "inpaint_train --flags-file run.cfg --plan"}}};
  for (const Flag& flag : all_flags()) {
    const bool is_switch = flag.kind == Flag::Kind::kSwitch;
    const std::string unet = unet_default(flag);
    table.main.options.push_back(
        {.group = std::string(flag.group),
         .name = std::string(flag.name),
         .placeholder = flag.placeholder,
         .takes = is_switch ? Takes::kNothing : takes_named(flag.placeholder),
         .help = std::string(flag.help),
         .allowed = is_switch ? "" : flag.allowed,
         .default_value = flag.print({}),
         .other_default = unet.empty() ? "" : fmt::format("{} of harmonic_unet", unet),
         .values = {flag.values.begin(), flag.values.end()},
         .negatable = is_switch});
  }
  return table;
}

std::optional<TrainSettings> parse_command_line(int argc, const char* const* argv) {
  const std::string program = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "inpaint_train";
  const Parsed parsed = Parser(argc, argv).run();
  if (parsed.help || parsed.version) {
    fmt::print("{}", parsed.help ? help_text(program) : version_text(program));
    return std::nullopt;
  }
  // The model is read first: its defaults stand in for the flags that are not given.
  TrainSettings settings = settings_of(parsed, TrainSettings::of_model(settings_of(parsed, {}).model));
  if (settings.data_dir == TrainSettings::kNoFolder && !gives_channels(parsed))
    if (const auto described = read_description(data_file(settings)))
      settings.image_channel = static_cast<int>(described->image_channel);
  check_settings(settings);
  return settings;
}

}  // namespace inpaint
