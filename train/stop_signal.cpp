#include "train/stop_signal.h"

#include <csignal>

namespace inpaint {
namespace {

volatile std::sig_atomic_t received_signal = 0;
struct sigaction old_interrupt, old_terminate;

void on_signal(int signal) {
  received_signal = signal;
  // The next one of either kind takes the default way out: at once.
  struct sigaction at_once {};
  at_once.sa_handler = SIG_DFL;
  sigaction(SIGINT, &at_once, nullptr);
  sigaction(SIGTERM, &at_once, nullptr);
}

}  // namespace

StopSignal::StopSignal() {
  received_signal = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &old_interrupt);
  sigaction(SIGTERM, &action, &old_terminate);
}

StopSignal::~StopSignal() {
  sigaction(SIGINT, &old_interrupt, nullptr);
  sigaction(SIGTERM, &old_terminate, nullptr);
}

int StopSignal::received() const { return received_signal; }

}  // namespace inpaint
