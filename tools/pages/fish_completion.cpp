#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/pages/completions.h"

namespace inpaint {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

// The options of `complete` that say what a value is.
std::string value_options(const OptionEntry& entry) {
  const std::string words = fmt::format("{}", fmt::join(entry.values, " "));
  switch (entry.takes) {
    case Takes::kNothing:
    case Takes::kText:
      return words.empty() ? " -x" : fmt::format(" -x -a '{}'", words);
    case Takes::kFolder:
      return " -x -a '(__fish_complete_directories)'";
    case Takes::kFile:
    case Takes::kPath:
      return words.empty() ? " -r -F" : fmt::format(" -r -F -a '{}'", words);
  }
  return "";
}

std::string option_lines(const std::string& start, const CommandTable& command) {
  std::string text;
  for (const OptionEntry& option : command.options) {
    text += fmt::format("{} -l {}{} -d {}\n", start, option.name,
                        option.takes == Takes::kNothing ? "" : value_options(option), quoted(option.help));
    if (option.negatable)
      text += fmt::format("{} -l no{} -d {}\n", start, option.name, quoted("not: " + option.help));
  }
  return text + fmt::format("{} -s h -l help -d 'print the options and stop'\n", start);
}

// Files are offered for an argument that is one, and nothing for programs without arguments.
std::string argument_line(const std::string& start, const CommandTable& command) {
  if (command.arguments.empty()) return "";
  const OptionEntry& argument = command.arguments.front();
  return fmt::format("{}{}\n", start,
                     argument.takes == Takes::kFolder ? " -a '(__fish_complete_directories)'" : " -F");
}

}  // namespace

std::string fish_completion(const ProgramTable& program) {
  const std::string& name = program.main.name;
  const std::string start = "complete -c " + name;
  std::string text =
      fmt::format("# Completion of {} for fish; made from the program's own options.\n{} -f\n", name, start);
  const std::string main_start = program.commands.empty() ? start : start + " -n __fish_use_subcommand";
  text += argument_line(main_start, program.main) + option_lines(main_start, program.main);
  text += fmt::format("{} -l version -d 'print the version and stop'\n", main_start);
  for (const CommandTable& command : program.commands) {
    const std::string seen = fmt::format("{} -n '__fish_seen_subcommand_from {}'", start, command.name);
    text += fmt::format("{} -a {} -d {}\n", main_start, command.name, quoted(command.help));
    text += argument_line(seen, command) + option_lines(seen, command);
  }
  return text;
}

}  // namespace inpaint
