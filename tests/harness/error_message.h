// The message of the error that an action has to throw.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "core/base/error.h"

namespace inpaint {

// Runs the action, which has to throw an E (UserError: the user's input is at fault), and returns
// its message.
template <typename E = UserError, typename F>
std::string error_message(F&& action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  FAIL_CHECK("nothing was thrown");
  return {};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace inpaint
