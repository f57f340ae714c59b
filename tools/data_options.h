// The command line of inpaint_data.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tools/program_table.h"
#include "train/datasets/data_conversion.h"
#include "train/datasets/data_generation.h"

namespace inpaint {

struct ConvertCommand {
  std::filesystem::path folder;
  std::vector<PictureList> lists;  // none: all of the folder
  ConversionOptions options;
  int threads = 0;
};

struct GenerateCommand {
  GenerationOptions options;
  int threads = 0;
};

// What a data set holds; and the same written beside it, for all programs to see.
struct CheckCommand {
  enum class Then { kNothing, kDescribe };

  std::filesystem::path file;
  int image_size = 0, image_channel = 0;  // 0: as its description says; without one 128 and 1
  Then then = Then::kNothing;
  std::filesystem::path contact_sheet;  // empty: none
  int64_t sheet_images = 64;
};

using DataCommand = std::variant<ConvertCommand, GenerateCommand, CheckCommand>;

// What to do, or nothing after --help or --version, which print to standard output. Throws UserError.
std::optional<DataCommand> parse_data_options(int argc, const char* const* argv);

ProgramTable data_table();

}  // namespace inpaint
