#include "tools/options.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <utility>

#include "core/base/build_info.h"
#include "core/base/error.h"
#include "core/base/nearest_name.h"

namespace inpaint {
namespace {

// The command line, names with '_', last argument first: what CLI11 parses.
std::vector<std::string> arguments(int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  for (int i = argc - 1; i >= 1; --i) {
    std::string argument = argv[i];
    if (argument.starts_with("--")) {
      const size_t end = std::min(argument.find('='), argument.size());
      std::replace(argument.begin() + 2, argument.begin() + static_cast<std::ptrdiff_t>(end), '-', '_');
    }
    arguments.push_back(argument);
  }
  return arguments;
}

}  // namespace

Takes takes_named(std::string_view placeholder) {
  if (placeholder == "FILE" || placeholder == "PNG") return Takes::kFile;
  if (placeholder == "DIR") return Takes::kFolder;
  return placeholder == "PATH" ? Takes::kPath : Takes::kText;
}

Options::Options(const std::string& program, const std::string& help)
    : owned_(std::make_unique<CLI::App>(help, program)), app_(*owned_) {
  app_.set_version_flag("--version", [program] { return version_text(program); });
  app_.allow_extras();  // refuse_others has the better message
}

Options::Options(CLI::App& command) : app_(command) {}

Options::~Options() = default;

Options& Options::command(const std::string& name, const std::string& help) {
  CLI::App* const added = app_.add_subcommand(name, help);
  added->allow_extras();
  app_.require_subcommand(0, 1);  // what follows a first command's name is not a second one's
  return *commands_.emplace_back(new Options(*added));
}

bool Options::parse(int argc, const char* const* argv) {
  try {
    app_.parse(arguments(argc, argv));
  } catch (const CLI::Success& wanted) {  // --help and --version
    app_.exit(wanted);
    return false;
  } catch (const CLI::ParseError& error) {
    user_error("command line: {}; --help lists what there is", error.what());
  }
  if (commands_.empty())
    refuse_others();
  else
    check_command();
  return true;
}

void Options::check_command() const {
  for (const auto& command : commands_)
    if (command->was_given()) return command->refuse_others();
  std::vector<std::string> texts;
  for (const auto& command : commands_) texts.push_back(command->app_.get_name());
  const std::vector<std::string_view> names(texts.begin(), texts.end());
  const std::vector<std::string> others = app_.remaining();
  if (others.empty()) user_error("command line: nothing to do; give {}, or --help", list_of(names));
  user_error("command line: unexpected '{}'{}; give {}", shown(others.front()),
             did_you_mean(others.front(), names), list_of(names));
}

bool Options::was_given() const { return app_.parsed(); }

bool Options::was_given(const std::string& name) const { return app_.count("--" + name) > 0; }

void Options::argument(const std::string& name, Takes takes, const std::string& help, std::string& value,
                       bool required) {
  arguments_.push_back({.name = name, .placeholder = name, .takes = takes, .help = help});
  app_.add_option(name, value, help)->required(required);
}

void Options::text(const std::string& name, const std::string& placeholder, const std::string& help,
                   std::string& value) {
  const bool is_path = placeholder != "NAME";
  add(name, placeholder, help, "a text without control characters", value,
      [&value, is_path](const std::string& given) {
        return is_path ? parse_path(given, value) : parse_text(given, value);
      });
}

void Options::real(const std::string& name, const std::string& help, RealRange range, double& value) {
  add(name, "X", help, range.text(), print_real(value), [&value, range](const std::string& given) {
    return parse_real(given, range, value);
  }).allowed = range.text();
}

void Options::truth(const std::string& name, const std::string& help, bool& value) {
  options_.push_back({.name = name, .takes = Takes::kNothing, .help = help});
  app_.add_flag("--" + name, value, help);
}

void Options::list(const std::string& name, const std::string& placeholder, const std::string& help,
                   const std::string& allowed, std::function<std::string(const std::string&)> parse) {
  options_.push_back({.name = name,
                      .placeholder = placeholder,
                      .takes = takes_named(placeholder),
                      .help = help,
                      .repeatable = true});
  const auto take = [name, allowed, parse = std::move(parse)](const std::vector<std::string>& given) {
    for (const std::string& one : given) {
      const std::string fault = parse(one);
      if (!fault.empty())
        user_error("command line: --{}={} {}; allowed: {}", name, shown(one), fault, allowed);
    }
  };
  app_.add_option_function<std::vector<std::string>>("--" + name, take, help)
      ->type_name(placeholder)
      ->allow_extra_args(false);
}

OptionEntry& Options::add(const std::string& name, const std::string& placeholder, const std::string& help,
                          const std::string& allowed, const std::string& default_value,
                          std::function<std::string(const std::string&)> parse) {
  const std::string full_help =
      default_value.empty() ? help : fmt::format("{} [default {}]", help, default_value);
  const auto take = [name, allowed, parse = std::move(parse)](const std::string& given) {
    const std::string fault = parse(given);
    if (!fault.empty())
      user_error("command line: --{}={} {}; allowed: {}", name, shown(given), fault, allowed);
  };
  app_.add_option_function<std::string>("--" + name, take, full_help)->type_name(placeholder)->take_last();
  return options_.emplace_back(OptionEntry{.name = name,
                                           .placeholder = placeholder,
                                           .takes = takes_named(placeholder),
                                           .help = help,
                                           .default_value = default_value});
}

void Options::choice(const std::string& name, const std::string& help,
                     const std::vector<std::string_view>& names, std::string& value) {
  add(name, fmt::format("{}", fmt::join(names, "|")), help, list_of(names), value,
      [&value, names](const std::string& given) {
        size_t position = 0;
        const std::string fault = parse_choice(given, names, position);
        if (fault.empty()) value = given;
        return fault;
      })
      .values.assign(names.begin(), names.end());
}

void Options::refuse_others() const {
  const std::vector<std::string> others = app_.remaining();
  if (others.empty()) return;
  const std::string written = others.front().substr(0, others.front().find('='));
  std::vector<std::string> names;
  for (const OptionEntry& option : options_) names.push_back("--" + option.name);
  const std::vector<std::string_view> known(names.begin(), names.end());
  user_error("command line: unexpected '{}'{}; --help lists what there is", shown(written),
             did_you_mean(written, known));
}

CommandTable Options::table() const {
  return {
      .name = app_.get_name(), .help = app_.get_description(), .arguments = arguments_, .options = options_};
}

}  // namespace inpaint
