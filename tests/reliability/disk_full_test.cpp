// inpaint_train on disks that are full, broken or read-only.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "tests/harness/error_message.h"
#include "tests/harness/nightly.h"
#include "tests/harness/run_and_kill.h"
#include "tests/reliability/tiny_run.h"
#include "tests/reliability/traced_program.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

constexpr int kBefore = kStepsPerEpoch, kSteps = 3 * kStepsPerEpoch;

// A folder with data and a run of kBefore steps, its checkpoint acknowledged.
void put_earlier_run(const fs::path& folder) {
  put_tiny_data(folder);
  REQUIRE(train_tiny(folder, tiny_flags(kBefore)).exit_code == 0);
}

// One line that tells the user what to do, and the exit code of what is not the program's fault.
void check_refusal(const Ending& ending) {
  CHECK(ending.exit_code == 1);
  CHECK(ending.err.starts_with("error: "));
  CHECK(ending.err.find('\n') == ending.err.size() - 1);
}

// Whatever happened: a whole checkpoint, not older than the one before, and with the disk mended the
// same end.
void check_nothing_lost(const fs::path& folder, const Undisturbed& undisturbed) {
  CHECK(newest_whole_step(folder) >= kBefore);
  const Ending next = train_tiny(folder, tiny_flags(kSteps));
  INFO(next.err);
  REQUIRE(next.exit_code == 0);
  undisturbed.check_equal(folder);
}

void write_text(const char* path, const std::string& text) {
  const int file = ::open(path, O_WRONLY);
  if (file < 0) return;  // the mount will tell
  static_cast<void>(!::write(file, text.data(), text.size()));
  ::close(file);
}

// A disk of `bytes` of this process and its children alone. False: the system does not allow that.
bool mount_disk(const fs::path& folder, int64_t bytes) {
  const uid_t user = getuid();
  const gid_t group = getgid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) {
    write_text("/proc/self/setgroups", "deny");
    write_text("/proc/self/uid_map", fmt::format("0 {} 1", user));
    write_text("/proc/self/gid_map", fmt::format("0 {} 1", group));
  } else if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return false;
  }
  return mount("inpaint", folder.c_str(), "tmpfs", 0, fmt::format("size={}", bytes).c_str()) == 0;
}

// Runs on in a process that has a disk of `bytes` at `folder`; an exception in `body` fails the test.
void with_disk(const fs::path& folder, int64_t bytes, const std::function<void()>& body) {
  killed([&] {
    if (!mount_disk(folder, bytes)) throw std::runtime_error("mount");
    body();
  });
}

bool disks_can_be_mounted() {
  const TemporaryFolder folder;
  const pid_t child = fork();
  if (child == 0) _exit(mount_disk(folder.path(), 1 << 20) ? 0 : 1);
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// What a disk needs to hold a folder.
int64_t bytes_on_disk(const fs::path& folder) {
  constexpr int64_t kPage = 4096;
  int64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      bytes += (static_cast<int64_t>(entry.file_size()) + kPage - 1) / kPage * kPage;
  return bytes;
}

// Not to the terminal's streams, nor into a pipe, as the sanitizers do to see whether memory can be read.
bool writes_a_file(const SystemCall& call) {
  if (call.arguments[0] <= 2) return false;
  std::error_code none;
  const fs::path to = fs::read_symlink(fmt::format("/proc/{}/fd/{}", call.thread, call.arguments[0]), none);
  return to.is_absolute();
}

}  // namespace

TEST_CASE("disk full: in 64 sizes, from no byte to three checkpoints, nothing is lost") {
  if (!disks_can_be_mounted())
    return report_skipped("this system does not let a test mount a disk of its own");
  const Undisturbed undisturbed(kSteps);
  const TemporaryFolder earlier;
  put_earlier_run(earlier.path());
  const int64_t used = bytes_on_disk(earlier.path());
  const int64_t three = 3 * static_cast<int64_t>(fs::file_size(tiny_checkpoint(earlier.path(), kBefore)));
  int refused = 0, done = 0;
  for (int size = 0; size < 64; size += stride(1)) {
    CAPTURE(size);
    const TemporaryFolder disk, after;
    with_disk(disk.path(), used + three * size / 63, [&] {
      fs::copy(earlier.path(), disk / "run", fs::copy_options::recursive);
      const Ending ending = train_tiny(disk / "run", tiny_flags(kSteps));
      fs::copy(disk / "run", after / "run", fs::copy_options::recursive);
      put_file(after / "exit_code", std::to_string(ending.exit_code));
      put_file(after / "err", ending.err);
    });
    Ending ending;
    ending.exit_code = std::stoi(file_contents(after / "exit_code"));
    ending.err = file_contents(after / "err");
    INFO(ending.err);
    if (ending.exit_code != 0) {
      check_refusal(ending);
      CHECK((contains(ending.err, "No space left on device") || contains(ending.err, "free")));
    }
    ++(ending.exit_code == 0 ? done : refused);
    check_nothing_lost(after / "run", undisturbed);
  }
  CHECK(refused > 20 / stride(1));
  CHECK(done > 5 / stride(1));
  MESSAGE("sizes of a disk: ", refused, " runs refused, ", done, " done, nothing lost");
}

TEST_CASE("disk full: ENOSPC, EIO or EROFS of any call that writes, nothing is lost") {
  if (!tracing_works()) return report_skipped("this system does not let a process trace its child");
  const Undisturbed undisturbed(kSteps);
  const TemporaryFolder earlier;
  put_earlier_run(earlier.path());
  const std::set<long> writing = {SYS_openat, SYS_write,     SYS_fsync, SYS_close,
                                  SYS_rename, SYS_ftruncate, SYS_mkdir, SYS_unlink};
  constexpr int kErrors[] = {ENOSPC, EIO, EROFS};
  int failed_calls = 0, refused = 0;
  // In the short form every other call meets one of the errors.
  for (const int shift : nightly() ? std::vector<int>{0, 1, 2} : std::vector<int>{0}) {
    for (int nth = 1;; nth += stride(2)) {
      const int error = kErrors[(nth / stride(2) + shift) % 3];
      CAPTURE(nth);
      CAPTURE(error);
      const TemporaryFolder place;
      const fs::path folder = place / "run";
      fs::copy(earlier.path(), folder, fs::copy_options::recursive);
      bool begun = false;
      int calls = 0;
      SystemCall failed{};
      const Ending ending = run_traced(INPAINT_TRAIN, tiny_flags(kSteps), folder,
                                       {.before =
                                            [&](const SystemCall& call) {
                                              begun |= call.path.starts_with("checkpoints");
                                              if (!begun || !writing.contains(call.number))
                                                return Verdict::kLet;
                                              if (call.number == SYS_write && !writes_a_file(call))
                                                return Verdict::kLet;
                                              if (++calls != nth) return Verdict::kLet;
                                              failed = call;
                                              return Verdict::kFail;
                                            },
                                        .error = error});
      INFO("call ", failed.number, " ", failed.path, ": ", ending.err);
      if (ending.exit_code != 0) {
        check_refusal(ending);
        CHECK(contains(ending.err, std::strerror(error)));
        ++refused;
      } else {
        const bool reported = failed.number == SYS_write || failed.number == SYS_fsync ||
                              failed.number == SYS_rename || failed.number == SYS_ftruncate;
        // A report that cannot be written ends no run, and is told of all the same.
        CHECK((!reported || contains(ending.out, "saved, but has no report: ")));
      }
      check_nothing_lost(folder, undisturbed);
      if (calls < nth) break;
      ++failed_calls;
    }
  }
  CHECK(failed_calls > 400 / stride(2));
  CHECK(refused > failed_calls / 2);
  MESSAGE(failed_calls, " failed calls: ", refused, " runs refused, nothing lost");
}
