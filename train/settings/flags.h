// The one table of flags: name, group, range, unit, documentation, and how each value is read and printed.
// --help, flags files, run.cfg, configs.txt, the settings printed at the start and a checkpoint's metadata
// are all made from it; defaults are those of TrainSettings.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "train/settings/settings.h"

namespace inpaint {

struct Flag {
  // What the weights come from, or how and where the run that makes them is carried out.
  enum class Role { kModel, kRun };
  enum class Kind { kSwitch, kValue };  // a switch is true when it is only named

  std::string_view group;
  std::string_view name;
  Kind kind;
  Role role;
  std::string placeholder;  // "N", "DIR", "PATH" (a file or a folder), ...; empty for a switch
  std::string allowed;      // with its unit: "1 to 1000000 images"
  std::string_view help;
  std::function<std::string(const TrainSettings&)> print;
  // Stores the value, or leaves the settings alone and returns what is wrong; see flag_values.h.
  std::function<std::string(TrainSettings&, std::string_view text)> parse;
  std::vector<std::string_view> values = {};  // words among what is allowed, for shells to offer
};

// All flags, group by group.
std::span<const Flag> all_flags();
std::span<const std::string_view> all_flag_names();

// The name with every '-' as '_': both spellings of a flag are known.
std::string flag_spelling(std::string_view name);
const Flag* find_flag(std::string_view name);  // nullptr when there is none

// Stores the value of a flag. Throws UserError "<where>: <flag>=<text> <what is wrong>; allowed: <range>".
void set_flag(TrainSettings& settings, const Flag& flag, std::string_view text, std::string_view where);

}  // namespace inpaint
