// How much of a long proof a run of the tests makes. The short form is for every change; the long one for the
// night: `tests/run.sh --nightly` sets INPAINT_NIGHTLY=1.
#pragma once

#include <cstdlib>
#include <string_view>

namespace inpaint {

#ifdef INPAINT_SANITIZED                  // tests/CMakeLists.txt
inline constexpr bool kSanitized = true;  // everything takes several times as long
#else
inline constexpr bool kSanitized = false;
#endif

inline bool nightly() {
  const char* value = std::getenv("INPAINT_NIGHTLY");
  return value != nullptr && std::string_view(value) == "1";
}

// A proof takes every nth of many equal points: `short_form` of them in the short form, fewer under
// sanitizers, all in the long one.
inline int stride(int short_form) { return nightly() ? 1 : kSanitized ? 8 * short_form : short_form; }

}  // namespace inpaint
