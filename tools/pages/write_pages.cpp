// Writes the man pages and completions of all programs into a folder, from the tables that the programs read
// their command lines by:
//
//   write_pages FOLDER VERSION
//
//   FOLDER/man/NAME.1, FOLDER/bash/NAME, FOLDER/zsh/_NAME, FOLDER/fish/NAME.fish
#include <filesystem>

#include "core/base/error.h"
#include "core/file/replace_file.h"
#include "tools/command_line.h"
#include "tools/data_options.h"
#include "tools/eval_options.h"
#include "tools/export_options.h"
#include "tools/fill_options.h"
#include "tools/main_guard.h"
#include "tools/pages/completions.h"
#include "tools/pages/man_page.h"
#include "tools/serve_options.h"

int main(int argc, char** argv) {
  return inpaint::run_main(argc, argv, [](int count, const char* const* arguments) {
    using namespace inpaint;
    if (count != 3) user_error("usage: write_pages FOLDER VERSION");
    const std::filesystem::path folder = arguments[1];
    for (const char* kind : {"man", "bash", "zsh", "fish"})
      std::filesystem::create_directories(folder / kind);
    for (const ProgramTable& program :
         {data_table(), eval_table(), export_table(), fill_table(), serve_table(), train_table()}) {
      const std::string& name = program.main.name;
      replace_file(folder / "man" / (name + ".1"), man_page(program, arguments[2]));
      replace_file(folder / "bash" / name, bash_completion(program));
      replace_file(folder / "zsh" / ("_" + name), zsh_completion(program));
      replace_file(folder / "fish" / (name + ".fish"), fish_completion(program));
    }
    return kExitDone;
  });
}
