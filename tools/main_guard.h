// The one place where errors are caught: every program's main is
//
//   int main(int argc, char** argv) { return inpaint::run_main(argc, argv, body); }
#pragma once

namespace inpaint {

inline constexpr int kExitDone = 0;
inline constexpr int kExitUserError = 1;          // the user's input is at fault
inline constexpr int kExitFailure = 2;            // anything else
inline constexpr int kExitClosedPipe = 128 + 13;  // nobody reads standard output any longer: SIGPIPE's number

// Starts the thread that takes signals (core/base/signal_thread.h), runs the body and returns its exit code.
// An exception becomes one line "error: ..." on standard error and its exit code; so does standard output
// that could not be written. Where it is a pipe that was closed, no line is written.
int run_main(int argc, const char* const* argv, int (*body)(int argc, const char* const* argv));

}  // namespace inpaint
