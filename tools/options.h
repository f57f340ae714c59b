// Options of a command line, put on top of CLI11: values are read as the trainer reads its own, every fault
// is one line that names the option and what is allowed, and help shows the defaults.
//
//   --NAME=VALUE or --NAME VALUE    '-' and '_' are alike in a name; of equal options the last one counts
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/program_table.h"
#include "train/settings/flag_values.h"
#include "train/settings/settings.h"

namespace CLI {
class App;
}

namespace inpaint {

class Options {
 public:
  explicit Options(CLI::App& app) : app_(app) {}

  // The command line, names with '_', last argument first: what CLI11 parses.
  static std::vector<std::string> arguments(int argc, const char* const* argv);

  // Reads the whole command line of a program without subcommands. False when --help or --version was
  // printed. UserError as below, and for what is none of these options.
  bool parse(int argc, const char* const* argv);

  // An argument that is known by its position.
  void argument(const std::string& name, Takes takes, const std::string& help, std::string& value,
                bool required);

  // Each takes the value's place, which has to live until the command line is parsed, and its default
  // from there. A text is a path unless its placeholder is NAME.
  void text(const std::string& name, const std::string& placeholder, const std::string& help,
            std::string& value);
  void real(const std::string& name, const std::string& help, RealRange range, double& value);
  void truth(const std::string& name, const std::string& help, bool& value);  // true when given

  template <typename Int>
  void whole(const std::string& name, const std::string& help, WholeRange range, Int& value) {
    add(name, "N", help, range.text(), std::to_string(value), [&value, range](const std::string& given) {
      int64_t parsed = 0;
      const std::string fault = parse_whole(given, range, parsed);
      if (fault.empty()) value = static_cast<Int>(parsed);
      return fault;
    }).allowed = range.text();
  }

  // Several values, each handed to `parse`, which returns what is wrong with it.
  void list(const std::string& name, const std::string& placeholder, const std::string& help,
            const std::string& allowed, std::function<std::string(const std::string&)> parse);

  // One of an enumeration's names (names_of).
  template <typename Enum>
  void choice(const std::string& name, const std::string& help, Enum& value) {
    const std::span<const std::string_view> names = names_of(value);
    add(name, fmt::format("{}", fmt::join(names, "|")), help, list_of(names), to_string(value),
        [&value, names](const std::string& given) {
          size_t position = 0;
          const std::string fault = parse_choice(given, names, position);
          if (fault.empty()) value = static_cast<Enum>(position);
          return fault;
        })
        .values.assign(names.begin(), names.end());
  }

  // UserError for the first thing on the command line that is none of these options; hints at the
  // nearest name.
  void refuse_others(const std::vector<std::string>& others) const;

  // All of the above.
  CommandTable table() const;

 private:
  OptionEntry& add(const std::string& name, const std::string& placeholder, const std::string& help,
                   const std::string& allowed, const std::string& default_value,
                   std::function<std::string(const std::string&)> parse);

  CLI::App& app_;
  std::vector<OptionEntry> arguments_, options_;
};

}  // namespace inpaint
