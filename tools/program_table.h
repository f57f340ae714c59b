// What a program's command line takes, as data: its man page and its completions are made from it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace inpaint {

// What an option's value is, as far as a shell can help with it.
enum class Takes {
  kNothing,
  kText,  // or a number
  kFile,
  kFolder,
  kPath,  // a file or a folder
};

// Placeholders say it in help texts: FILE and PNG, DIR, PATH; all others stand for a text.
Takes takes_named(std::string_view placeholder);

// An option, or an argument that is known by its position.
struct OptionEntry {
  std::string group = {};        // may be empty
  std::string name = {};         // without "--"; for an argument its placeholder
  std::string placeholder = {};  // "N", "PATH"
  Takes takes = Takes::kText;
  std::string help = {};
  std::string allowed = {};              // "0 to 255"; empty where help or values say it
  std::string default_value = {};        // empty: none
  std::string other_default = {};        // "0.001 of harmonic_unet"; may be empty
  std::vector<std::string> values = {};  // that a shell can offer; with kPath besides paths
  bool negatable = false;                // --noNAME exists too
  bool repeatable = false;               // every one counts, not the last alone
};

struct CommandTable {
  std::string name = {};
  std::string help = {};  // a sentence
  std::vector<OptionEntry> arguments = {};
  std::vector<OptionEntry> options = {};  // --help is in all and in no table; likewise --version of a program
};

struct Example {
  std::string what = {};  // "Fill the white part of a mask:"
  std::string command = {};
};

struct ProgramTable {
  CommandTable main;
  std::vector<CommandTable> commands = {};  // may be empty
  std::vector<Example> examples = {};
};

}  // namespace inpaint
