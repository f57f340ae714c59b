#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/pages/completions.h"

namespace inpaint {
namespace {

// The words that fill COMPREPLY for a value of this entry.
std::string value_action(const OptionEntry& entry) {
  const std::string words = entry.values.empty() ? "" : fmt::format(" -W '{}'", fmt::join(entry.values, " "));
  switch (entry.takes) {
    case Takes::kNothing:
    case Takes::kText:
      return words.empty() ? "" : fmt::format("mapfile -t COMPREPLY < <(compgen{} -- \"$cur\")", words);
    case Takes::kFolder:
      return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")";
    case Takes::kFile:
    case Takes::kPath:
      return fmt::format("compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f{} -- \"$cur\")", words);
  }
  return "";
}

// The lines that complete a command: the value of an option, an option's name, or an argument.
std::string command_lines(const CommandTable& command, std::string_view more_options) {
  std::string text = "  case $option in\n", names;
  for (const OptionEntry& option : command.options) {
    names += fmt::format("--{} ", option.name);
    if (option.negatable) names += fmt::format("--no{} ", option.name);
    if (option.takes == Takes::kNothing) continue;
    const std::string action = value_action(option);
    text += fmt::format("    --{})\n      {}{}return\n      ;;\n", option.name, action,
                        action.empty() ? "" : "\n      ");
  }
  text += "  esac\n";
  const std::string argument = command.arguments.empty() ? "" : value_action(command.arguments.front());
  text += fmt::format(
      "  if [[ $cur == -* ]]; then\n    mapfile -t COMPREPLY < <(compgen -W '{}--help{}' -- \"$cur\")\n",
      names, more_options);
  if (!argument.empty()) text += fmt::format("  else\n    {}\n", argument);
  return text + "  fi\n";
}

}  // namespace

std::string bash_completion(const ProgramTable& program) {
  const std::string& name = program.main.name;
  std::string text = fmt::format(
      "# Completion of {0} for bash; made from the program's own options.\n"
      "\n"
      "_{0}() {{\n"
      "  local cur=${{COMP_WORDS[COMP_CWORD]}} option=${{COMP_WORDS[COMP_CWORD - 1]}}\n"
      "  # bash cuts --NAME=VALUE into three words.\n"
      "  if [[ $cur == = ]]; then\n"
      "    cur=\n"
      "  elif [[ $option == = ]]; then\n"
      "    option=${{COMP_WORDS[COMP_CWORD - 2]}}\n"
      "  fi\n"
      "  if [[ $option == --* ]]; then\n"
      "    option=${{option:2}}\n"
      "    option=--${{option//-/_}}\n"
      "  fi\n"
      "  COMPREPLY=()\n",
      name);
  if (!program.commands.empty()) {
    std::string names;
    for (const CommandTable& command : program.commands) names += command.name + " ";
    names.pop_back();
    text += fmt::format(
        "  local word command=\n"
        "  for word in \"${{COMP_WORDS[@]:1:COMP_CWORD - 1}}\"; do\n"
        "    if [[ ' {0} ' == *\" $word \"* ]]; then\n"
        "      command=$word\n"
        "      break\n"
        "    fi\n"
        "  done\n"
        "  if [[ -n $command ]]; then\n"
        "    \"_{1}_$command\"\n"
        "    return\n"
        "  fi\n"
        "  if [[ $cur != -* ]]; then\n"
        "    mapfile -t COMPREPLY < <(compgen -W '{0}' -- \"$cur\")\n"
        "    return\n"
        "  fi\n",
        names, name);
  }
  text += command_lines(program.main, " --version") + "}\n";
  // They read the variables of the function that calls them.
  for (const CommandTable& command : program.commands)
    text += fmt::format("\n_{}_{}() {{\n{}}}\n", name, command.name, command_lines(command, ""));
  return text + fmt::format("\ncomplete -F _{0} {0}\n", name);
}

}  // namespace inpaint
