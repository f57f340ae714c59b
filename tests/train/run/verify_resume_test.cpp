#include "train/run/verify_resume.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "tests/train/run/small_run.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

// The process's TMPDIR, for as long as this lives.
class TemporaryRoot {
 public:
  explicit TemporaryRoot(const fs::path& path) {
    if (const char* old = std::getenv("TMPDIR")) old_ = old;
    ::setenv("TMPDIR", path.c_str(), 1);
  }
  ~TemporaryRoot() { old_.empty() ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", old_.c_str(), 1); }

 private:
  std::string old_;
};

}  // namespace

TEST_CASE("verify_resume: proves exactness with the user's settings, and leaves the user's run alone") {
  const TemporaryFolder folder, temporary;
  const TemporaryRoot root(temporary.path());
  TrainSettings s = small_run(folder.path());
  s.shuffle = s.weight_clip = true;
  s.epoch = 1;  // of two steps: the proof takes more all the same
  s.max_steps = 1;
  run_quietly(s);
  const std::string before = file_contents(checkpoint(s, 1));
  const std::string log = file_contents(log_folder(s) / "train_log.jsonl");
  std::string printed;
  {
    const Captured out(stdout);
    CHECK(verify_resume(s) == 0);
    printed = out.text();
  }
  CHECK(contains(printed, "Verifying in " + temporary.path().string()));
  CHECK(contains(printed, "Resuming is exact: all "));
  CHECK(temporary.names().empty());
  CHECK(file_contents(checkpoint(s, 1)) == before);
  CHECK(file_contents(log_folder(s) / "train_log.jsonl") == log);
}

TEST_CASE("verify_resume: a difference of one bit, or in the state, is found and named") {
  const TemporaryFolder a_folder, b_folder;
  TrainSettings a = small_run(a_folder.path()), b = small_run(b_folder.path());
  a.max_steps = b.max_steps = 2;
  run_quietly(a);
  run_quietly(b);
  CHECK(first_difference(checkpoint(a, 2), checkpoint(b, 2)).empty());

  const SafetensorsFile file(checkpoint(a, 2));
  std::vector<Buffer> memory;
  std::vector<NamedTensor> tensors;
  for (const SafetensorsEntry& entry : file.tensors()) {
    memory.emplace_back(entry.bytes());
    tensors.push_back({entry.name, memory.back().tensor({entry.bytes() / 4}, DType::kF32)});
    file.read(entry, {static_cast<std::byte*>(memory.back().data()), static_cast<size_t>(entry.bytes())});
  }
  static_cast<uint8_t*>(memory.back().data())[5] ^= 1;
  save_safetensors(b_folder / "flipped", tensors, file.metadata());
  CHECK(first_difference(checkpoint(a, 2), b_folder / "flipped") ==
        fmt::format("tensor '{}' differs from byte 5 on", tensors.back().name));
  static_cast<uint8_t*>(memory.back().data())[5] ^= 1;
  Metadata metadata = file.metadata();
  metadata["state.generator_updates"] = "17";
  save_safetensors(b_folder / "counted", tensors, metadata);
  CHECK(first_difference(checkpoint(a, 2), b_folder / "counted") == "state.generator_updates is 4 and 17");
}
