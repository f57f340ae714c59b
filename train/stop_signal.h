// SIGINT and SIGTERM: the first asks the run to finish its step, save and exit with 130 or 143; the second
// ends the process at once.
#pragma once

namespace inpaint {

class StopSignal {
 public:
  StopSignal();   // installs the handlers; one object at a time
  ~StopSignal();  // puts the old ones back
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // The signal that came, or 0.
  int received() const;
  int exit_code() const { return 128 + received(); }
};

}  // namespace inpaint
