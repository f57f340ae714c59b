// Errors. A broken contract is an Error (exit code 2); a fault of the user's input is a UserError
// (exit code 1) whose message is one line: what is wrong, where, and how to mend it.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>

namespace inpaint {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class UserError : public Error {
 public:
  using Error::Error;
};

// The machine would not give this much memory: exit code 1, the message holds the bytes asked for.
class OutOfMemory : public UserError {
 public:
  using UserError::UserError;
};

// A tensor whose shape, type or device is not what an op or a layer promised to take.
class ShapeError : public Error {
 public:
  using Error::Error;
};

namespace detail {
[[noreturn]] void throw_check_failed(const char* expression, const char* file, int line,
                                     const std::string& message);
}  // namespace detail

// Throws Error with the expression, the place and a formatted message that shows the values involved.
#define INPAINT_CHECK(condition, ...)                                                                    \
  do {                                                                                                   \
    if (!(condition))                                                                                    \
      ::inpaint::detail::throw_check_failed(#condition, __FILE__, __LINE__, ::fmt::format(__VA_ARGS__)); \
  } while (false)

// UserError with a formatted message.
template <typename... Args>
[[noreturn]] void user_error(fmt::format_string<Args...> format, Args&&... args) {
  throw UserError(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace inpaint
