#include "core/base/error.h"

namespace inpaint::detail {

void throw_check_failed(const char* expression, const char* file, int line, const std::string& message) {
  throw Error(fmt::format("{}:{}: check failed: {}: {}", file, line, expression, message));
}

}  // namespace inpaint::detail
