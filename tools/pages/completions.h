// Completions of a program's command line for three shells. They know every option, its values, and where a
// file or a folder is meant. zsh and fish show the help texts as well.
#pragma once

#include <string>

#include "tools/program_table.h"

namespace inpaint {

std::string bash_completion(const ProgramTable& program);  // file NAME
std::string zsh_completion(const ProgramTable& program);   // file _NAME
std::string fish_completion(const ProgramTable& program);  // file NAME.fish

}  // namespace inpaint
