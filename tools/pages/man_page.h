// The man page of a program, in the macros of man(7).
#pragma once

#include <string>

#include "tools/program_table.h"

namespace inpaint {

std::string man_page(const ProgramTable& program, const std::string& version);

}  // namespace inpaint
