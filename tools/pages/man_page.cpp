#include "tools/pages/man_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

namespace inpaint {
namespace {

// A text as troff shows it: no escapes, no hyphens in the place of minus signs, no line that is a request.
std::string troff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if ((c == '.' || c == '\'') && out.empty())
      out += fmt::format("\\&{}", c);
    else
      out += c;
  }
  return out;
}

// A sentence: it begins with a capital letter and ends with a full stop.
std::string sentence(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text.ends_with('.') ? text : text + '.';
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; });
  return text;
}

std::string bold(std::string_view text) { return fmt::format("\\fB{}\\fR", troff(text)); }
std::string italic(std::string_view text) { return fmt::format("\\fI{}\\fR", troff(text)); }

std::string joined(std::span<const std::string> values) {
  std::string text;
  for (const std::string& value : values) text += fmt::format("{}{}", text.empty() ? "" : ", ", bold(value));
  return text;
}

std::string option_text(const OptionEntry& option) {
  std::string name = bold("--" + option.name);
  if (option.takes != Takes::kNothing) name += fmt::format("={}", italic(option.placeholder));
  if (option.negatable) name += fmt::format(", {}", bold("--no" + option.name));
  std::string text = fmt::format(".TP\n{}\n{}\n", name, troff(sentence(option.help)));
  const bool listed = option.placeholder.find('|') != std::string::npos;  // the values, in their place
  if (!option.values.empty() && !listed)
    text +=
        fmt::format("{}: {}.\n", option.takes == Takes::kPath ? "Words" : "Values", joined(option.values));
  else if (!option.allowed.empty())
    text += fmt::format("Allowed: {}.\n", troff(option.allowed));
  if (!option.default_value.empty()) {
    const std::string other =
        option.other_default.empty() ? "" : fmt::format("; {}", troff(option.other_default));
    text += fmt::format("Default: {}{}.\n", bold(option.default_value), other);
  }
  return text;
}

std::string options_text(const CommandTable& command, bool has_version) {
  std::string text, group;
  for (const OptionEntry& argument : command.arguments)
    text += fmt::format(".TP\n{}\n{}\n", italic(argument.name), troff(sentence(argument.help)));
  for (const OptionEntry& option : command.options) {
    if (option.group != group) text += fmt::format(".SS {}\n", troff(option.group));
    group = option.group;
    text += option_text(option);
  }
  if (!group.empty()) text += ".SS Help\n";
  text += fmt::format(".TP\n{}, {}\nPrint the options and stop.\n", bold("-h"), bold("--help"));
  if (has_version) text += fmt::format(".TP\n{}\nPrint the version and stop.\n", bold("--version"));
  return text;
}

std::string synopsis(const std::string& words, const CommandTable& command) {
  std::string line = fmt::format("{} [{}]...", bold(words), italic("OPTION"));
  for (const OptionEntry& argument : command.arguments) line += fmt::format(" {}", italic(argument.name));
  return line + "\n";
}

}  // namespace

std::string man_page(const ProgramTable& program, const std::string& version) {
  const std::string& name = program.main.name;
  std::string summary = program.main.help.substr(0, program.main.help.find_last_not_of('.') + 1);
  summary[0] =
      summary[0] >= 'A' && summary[0] <= 'Z' ? static_cast<char>(summary[0] - 'A' + 'a') : summary[0];

  std::string text =
      fmt::format(".\\\" Made from the program's own options.\n.TH {} 1 \"\" \"inpaint {}\" \"inpaint\"\n",
                  upper(name), version);
  text += fmt::format(".SH NAME\n{} \\- {}\n.SH SYNOPSIS\n", troff(name), troff(summary));
  if (program.commands.empty()) text += synopsis(name, program.main);
  for (const CommandTable& command : program.commands) {
    text += synopsis(name + " " + command.name, command);
    if (&command != &program.commands.back()) text += ".br\n";
  }
  text += fmt::format(
      ".SH DESCRIPTION\n{}\n.PP\nAn option is given as \\-\\-NAME=VALUE or \\-\\-NAME VALUE; in a name, \\- "
      "and "
      "_ are alike. Of equal options the last one counts, but for those that may be repeated.\n",
      troff(program.main.help));
  text += ".SH OPTIONS\n" + options_text(program.main, true);
  if (!program.commands.empty()) {
    text += ".SH COMMANDS\n";
    for (const CommandTable& command : program.commands)
      text += fmt::format(".SS {}\n{}\n", troff(name + " " + command.name), troff(sentence(command.help))) +
              options_text(command, false);
  }
  text += ".SH EXAMPLES\n";
  for (const Example& example : program.examples)
    text +=
        fmt::format(".PP\n{}\n.PP\n.RS\n.nf\n{}\n.fi\n.RE\n", troff(example.what), troff(example.command));
  text +=
      ".SH EXIT STATUS\n"
      ".TP\n0\nAll is done.\n"
      ".TP\n1\nThe input is at fault: an option, a file, a device. One line on standard error says which.\n"
      ".TP\n2\nAnything else went wrong.\n"
      ".TP\n128 + N\nSignal N has stopped the program.\n"
      ".SH SEE ALSO\n";
  std::string others;
  for (const char* other :
       {"inpaint_data", "inpaint_eval", "inpaint_export", "inpaint_fill", "inpaint_serve", "inpaint_train"})
    if (other != name) others += fmt::format("{}{}(1)", others.empty() ? "" : ", ", bold(other));
  return text + others + "\n";
}

}  // namespace inpaint
