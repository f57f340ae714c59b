// Compiled as the rest of the program is.
#include "core/cpu/instruction_sets.h"

namespace inpaint {

#define INPAINT_TEXT(...) #__VA_ARGS__
#define INPAINT_IS_DEFINED(macro, name) INPAINT_TEXT(macro)[0] == '1',
#define INPAINT_EXPANDED(macro, name) INPAINT_IS_DEFINED(macro, name)

constexpr bool kCompiledWith[] = {INPAINT_INSTRUCTION_SETS(INPAINT_EXPANDED)};

}  // namespace inpaint
