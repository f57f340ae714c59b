// A request that is refused: an HTTP status (RFC 9110, chapter 15) with the message.
#pragma once

#include <string>
#include <utility>

#include "core/base/error.h"

namespace inpaint {

class RequestFault : public UserError {
 public:
  RequestFault(int status, const std::string& message) : UserError(message), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

template <typename... Args>
[[noreturn]] void refuse(int status, fmt::format_string<Args...> format, Args&&... args) {
  throw RequestFault(status, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace inpaint
