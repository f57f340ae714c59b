// Thousands of signals to a run whose products are oneDNN's: its generated code must never meet a handler.
#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <random>
#include <sstream>
#include <thread>

#include "core/device/context.h"
#include "tests/harness/error_message.h"
#include "tests/harness/nightly.h"
#include "tests/reliability/tiny_run.h"
#include "train/datasets/procedural_pictures.h"
#include "train/run/verify_resume.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

constexpr int kPictures = 8;

void put_data(const fs::path& folder) {
  fs::create_directories(folder / "data");
  std::string bytes;
  for (int i = 0; i < kPictures; ++i) {
    const Image picture = procedural_picture(1, i, 128, 3);
    bytes.append(reinterpret_cast<const char*>(picture.bytes.data()), picture.bytes.size());
  }
  put_file(folder / "data/tiny128_train.bin", bytes);
}

// The network of the defaults in the long form, a smaller one in the short form.
std::vector<std::string> flags(int64_t steps) {
  std::vector<std::string> all = {"--dataname=tiny",
                                  "--image_size=128",
                                  "--image_channel=3",
                                  "--batch_size=2",
                                  "--threads=3",
                                  "--sample=1000000",
                                  "--ckpt=1000000",
                                  "--device=cpu",
                                  "--matrix_backend=onednn",
                                  "--epoch=1000000",
                                  "--max_steps=" + std::to_string(steps)};
  if (!nightly()) all.insert(all.end(), {"--base_channels=16", "--bottleneck=200"});
  return all;
}

fs::path checkpoints(const fs::path& folder) { return folder / "checkpoints/tiny128/gpu0"; }

std::vector<pid_t> threads_of(pid_t process) {
  std::vector<pid_t> threads;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(process) + "/task"))
    threads.push_back(std::stoi(entry.path().filename().string()));
  return threads;
}

// Sends one signal to the running program.
using Send = std::function<void(pid_t program, std::mt19937& random)>;

struct Handled {
  int64_t signals = 0;
  int64_t elsewhere = 0;  // on another thread than the first one
};

// A run gets `count` signals, one every 1 to 5 ms, and stops; it has come to what an undisturbed run
// comes to.
Handled disturb(int count, bool unblock, const Send& send) {
  const TemporaryFolder folder, streams, whole;
  put_data(folder.path());
  const fs::path counted = folder / "count";
  Program program(INPAINT_TRAIN, flags(1'000'000), folder.path(), streams.path(), [&] {
    setenv("LD_PRELOAD", SIGNAL_HANDLERS, 1);
    setenv("INPAINT_COUNT_SIGNALS", counted.c_str(), 1);
    if (unblock) setenv("INPAINT_UNBLOCK_SIGNALS", "1", 1);
  });
  while (!contains(file_contents(streams / "out"), "Batch:   0") && !program.ended())
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::mt19937 random(11);
  int sent = 0;
  for (; sent < count && !program.ended(); ++sent) {
    send(program.pid(), random);
    std::this_thread::sleep_for(std::chrono::microseconds(1000 + random() % 4000));
  }
  CHECK(sent == count);
  ::kill(program.pid(), SIGTERM);
  const Ending ending = program.wait();
  INFO("signal ", ending.signal, ", after ", sent, " signals: ", ending.err);
  REQUIRE(ending.exit_code == 128 + SIGTERM);
  Handled handled;
  std::istringstream(file_contents(counted)) >> handled.signals >> handled.elsewhere;
  CHECK(handled.signals > count / 4);  // to threads that block them, many wait for ever
  const std::string name = file_contents(checkpoints(folder.path()) / "checkpoint");
  const int64_t steps = std::stoll(name.substr(std::string("model-").size()));
  CHECK(steps > 3);

  put_data(whole.path());
  REQUIRE(train_tiny(whole.path(), flags(steps)).exit_code == 0);
  const std::string file = "model-" + std::to_string(steps) + ".safetensors";
  CHECK(first_difference(checkpoints(folder.path()) / file, checkpoints(whole.path()) / file).empty());
  MESSAGE(sent, " signals in ", steps, " steps: ", handled.signals, " handled, ", handled.elsewhere,
          " of them elsewhere");
  return handled;
}

// False, and says so, where the test cannot be made.
bool possible() {
  if (kSanitized) report_skipped("a sanitizer has to be the first library that is loaded");
  if (!Context::has_one_dnn()) report_skipped("built without oneDNN");
  return !kSanitized && Context::has_one_dnn();
}

}  // namespace

TEST_CASE("many signals: handlers of a preloaded library change nothing, whichever thread a signal is for") {
  if (!possible()) return;
  const Handled handled = disturb(nightly() ? 10'000 : 1'000, false, [](pid_t program, std::mt19937& random) {
    constexpr int kSignals[] = {SIGALRM, SIGPROF, SIGVTALRM, SIGUSR1, SIGUSR2, SIGCHLD, SIGWINCH, SIGCONT};
    const int signal = kSignals[random() % std::size(kSignals)];
    if (random() % 2 == 0) {
      ::kill(program, signal);
      return;
    }
    const std::vector<pid_t> threads = threads_of(program);
    ::syscall(SYS_tgkill, program, threads[random() % threads.size()], signal);
  });
  CHECK(handled.elsewhere == 0);
}

TEST_CASE(
    "many signals: where a library lets them through in threads that compute, handlers have a stack of their "
    "own") {
  if (!possible()) return;
  const Handled handled = disturb(nightly() ? 10'000 : 1'000, true, [](pid_t program, std::mt19937& random) {
    std::vector<pid_t> threads = threads_of(program);
    std::erase(threads, program);  // the first one: main, which started before the library could tell
    ::syscall(SYS_tgkill, program, threads[random() % threads.size()], SIGUSR2);
  });
  CHECK(handled.elsewhere > 100);
}
