// Options of a command line, put on top of CLI11: values are read as the trainer reads its own, every fault
// is one line that names the option and what is allowed, and help shows the defaults.
//
//   --NAME=VALUE or --NAME VALUE    '-' and '_' are alike in a name; of equal options the last one counts
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
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
  // For a program, which has --help and --version besides. `help` is a sentence.
  Options(const std::string& program, const std::string& help);
  ~Options();
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;

  // Those of a command (inpaint_data convert); a program that has commands needs one. Lives as long as this.
  Options& command(const std::string& name, const std::string& help);

  // Reads the whole command line. False when --help or --version was printed. UserError for the first thing
  // that is none of the options, with the nearest name, and where the command is missing.
  bool parse(int argc, const char* const* argv);

  // Whether the command line, which has been parsed, had this command; this option.
  bool was_given() const;
  bool was_given(const std::string& name) const;

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

  // One of these numbers.
  template <typename Int>
  void whole_of(const std::string& name, const std::string& help, const std::vector<int64_t>& numbers,
                Int& value) {
    const std::string allowed = fmt::format("{}", fmt::join(numbers, ", "));
    add(name, "N", help, allowed, std::to_string(value), [&value, numbers](const std::string& given) {
      const WholeRange range{std::ranges::min(numbers), std::ranges::max(numbers)};
      int64_t parsed = 0;
      const std::string fault = parse_whole(given, range, parsed);
      if (!fault.empty()) return fault;
      if (std::ranges::find(numbers, parsed) == numbers.end()) return std::string("is none of these");
      value = static_cast<Int>(parsed);
      return std::string();
    }).allowed = allowed;
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

  // One of these texts.
  void choice(const std::string& name, const std::string& help, const std::vector<std::string_view>& names,
              std::string& value);

  // All of the above.
  CommandTable table() const;

 private:
  explicit Options(CLI::App& command);
  void check_command() const;
  void refuse_others() const;
  OptionEntry& add(const std::string& name, const std::string& placeholder, const std::string& help,
                   const std::string& allowed, const std::string& default_value,
                   std::function<std::string(const std::string&)> parse);

  std::unique_ptr<CLI::App> owned_;  // null for a command
  CLI::App& app_;
  std::vector<std::unique_ptr<Options>> commands_;
  std::vector<OptionEntry> arguments_, options_;
};

}  // namespace inpaint
