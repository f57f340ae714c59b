#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/pages/completions.h"

namespace inpaint {
namespace {

// A text inside the single quotes of a specification of _arguments, where brackets and colons have a meaning.
std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else if (c == '[' || c == ']' || c == ':' || c == '\\')
      out += fmt::format("\\{}", c);
    else
      out += c;
  }
  return out;
}

std::string action(const OptionEntry& entry) {
  const std::string words = fmt::format("{}", fmt::join(entry.values, " "));
  switch (entry.takes) {
    case Takes::kNothing:
    case Takes::kText:
      return words.empty() ? " " : fmt::format("({})", words);
    case Takes::kFolder:
      return "_files -/";
    case Takes::kFile:
      return "_files";
    case Takes::kPath:
      return words.empty()
                 ? "_files"
                 : fmt::format("{{_alternative \"words\\:word\\:({})\" \"files\\:file\\:_files\"}}", words);
  }
  return " ";
}

std::string specifications(const CommandTable& command, bool has_version) {
  std::string text;
  for (const OptionEntry& option : command.options) {
    if (option.takes == Takes::kNothing) {
      text += fmt::format("    '--{}[{}]' \\\n", option.name, quoted(option.help));
      if (option.negatable)
        text += fmt::format("    '--no{}[not\\: {}]' \\\n", option.name, quoted(option.help));
    } else {
      text += fmt::format("    '{}--{}=[{}]:{}:{}' \\\n", option.repeatable ? "*" : "", option.name,
                          quoted(option.help), quoted(option.placeholder), action(option));
    }
  }
  for (const OptionEntry& argument : command.arguments)
    text += fmt::format("    ':{}:{}' \\\n", quoted(argument.help), action(argument));
  text += "    '(- *)'{-h,--help}'[print the options and stop]'";
  if (has_version) text += " \\\n    '(- *)--version[print the version and stop]'";
  return text;
}

}  // namespace

std::string zsh_completion(const ProgramTable& program) {
  const std::string& name = program.main.name;
  std::string text = fmt::format(
      "#compdef {0}\n# Completion of {0} for zsh; made from the program's own options.\n\n", name);
  for (const CommandTable& command : program.commands)
    text += fmt::format("_{}_{}() {{\n  _arguments \\\n{}\n}}\n\n", name, command.name,
                        specifications(command, false));
  text += fmt::format("_{}() {{\n", name);
  if (program.commands.empty())
    return text +
           fmt::format("  _arguments \\\n{}\n}}\n\n_{} \"$@\"\n", specifications(program.main, true), name);

  std::string commands;
  for (const CommandTable& command : program.commands)
    commands += fmt::format("      '{}:{}'\n", command.name, quoted(command.help));
  return text + fmt::format(
                    "  local state line\n"
                    "  local -a commands\n"
                    "  _arguments -C \\\n{0} \\\n"
                    "    '1:command:->command' \\\n"
                    "    '*::argument:->argument' && return\n"
                    "  case $state in\n"
                    "    command)\n"
                    "      commands=(\n{1}      )\n"
                    "      _describe command commands\n"
                    "      ;;\n"
                    "    argument) (( $+functions[_{2}_$line[1]] )) && _{2}_$line[1] ;;\n"
                    "  esac\n"
                    "}}\n\n"
                    "_{2} \"$@\"\n",
                    specifications(program.main, true), commands, name);
}

}  // namespace inpaint
