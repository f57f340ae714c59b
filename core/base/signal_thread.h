// One thread of the process takes all signals, so that no handler runs on a thread that computes. oneDNN's
// generated code uses the stack pointer for data: a handler that interrupts it writes over whatever the
// pointer happens to name.
#pragma once

namespace inpaint {

// Blocks signals in the calling thread, and with it in every thread that it starts later, and starts the
// thread that takes them. main calls it before it starts any other thread; later calls do nothing. Faults
// (SIGSEGV, SIGFPE, ...) stay with the thread that causes them. Throws std::system_error when the system
// refuses a thread.
//
//   SIGINT, SIGTERM, SIGPIPE    ask for a stop, also where the parent process has them ignored
//   SIGHUP, SIGXCPU             ask for a stop, but where the parent process has them ignored (nohup)
//   any other                   has its handler or its usual effect, on the signal thread
//
// The first one that asks for a stop goes to the living StopSignal; without one it ends the process.
// After that a SIGINT or a SIGTERM ends the process at once, unless it comes within 0.1 s of the first:
// some programs send a signal twice. SIGHUP, SIGXCPU and SIGPIPE repeat by themselves, and never count as
// a second.
void start_signal_thread();

// Asks whoever computes to stop: while it lives, the first signal that asks for a stop is kept here.
class StopSignal {
 public:
  StopSignal();  // after start_signal_thread; one object at a time
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // The signal that came, or 0.
  int received() const;
  // What a process ends with that a signal has stopped, as a shell reports it.
  int exit_code() const { return 128 + received(); }
};

}  // namespace inpaint
