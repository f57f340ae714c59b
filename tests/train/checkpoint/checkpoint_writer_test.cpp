#include "train/checkpoint/checkpoint_writer.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cerrno>
#include <cmath>

#include "core/base/error.h"
#include "tests/harness/fault_injection.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;
using faults::Injection;

namespace {

constexpr int64_t kCount = 50000;

std::vector<NamedTensor> layout() {
  NamedTensor weights{"w", {}};
  weights.tensor.shape = {kCount};
  NamedTensor more{"m", {}};
  more.tensor.shape = {3};
  more.tensor.dtype = DType::kU8;
  return {weights, more};
}

void fill(CheckpointSnapshot& snapshot, int64_t step) {
  snapshot.step = step;
  snapshot.metadata = {{"step", std::to_string(step)}};
  float* w = snapshot.tensors[0].tensor.as<float>();
  for (int64_t i = 0; i < kCount; ++i) w[i] = static_cast<float>(step + i);
  uint8_t* m = snapshot.tensors[1].tensor.as<uint8_t>();
  for (int64_t i = 0; i < 3; ++i) m[i] = static_cast<uint8_t>(step);
}

void check_newest(const std::filesystem::path& folder, int64_t step) {
  const auto found = open_newest_checkpoint(folder);
  REQUIRE(found.has_value());
  CHECK(found->file.metadata().at("step") == std::to_string(step));
  Buffer buffer(kCount * 4);
  const Tensor w = buffer.tensor({kCount}, DType::kF32);
  found->file.read("w", w);
  CHECK(w.as<float>()[0] == static_cast<float>(step));
  CHECK(w.as<float>()[kCount - 1] == static_cast<float>(step + kCount - 1));
}

}  // namespace

TEST_CASE("checkpoint writer: every snapshot arrives whole, in two buffers") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 100);
  std::set<void*> memory;
  {
    CheckpointWriter writer(store, layout());
    for (int64_t step = 1; step <= 20; ++step) {
      CheckpointSnapshot& snapshot = writer.next();
      CHECK(&snapshot == &writer.next());  // until it is submitted it is the same
      memory.insert(snapshot.tensors[0].tensor.data);
      fill(snapshot, step);
      writer.submit();
      if (step % 7 == 0) {
        writer.finish();
        check_newest(folder.path(), step);
      }
    }
  }  // waits
  CHECK(memory.size() <= 2);
  check_newest(folder.path(), 20);
  CHECK(folder.names().size() == 22);  // 20 checkpoints, `checkpoint` and the lock
}

TEST_CASE("checkpoint writer: submit does not wait for the disk") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 1);
  CheckpointWriter writer(store, layout());
  fill(writer.next(), 1);
  // The thread's opening of the temporary file waits until this test lets it go on.
  Injection injection(Injection::What::kHold, 1);
  writer.submit();
  fill(writer.next(), 2);  // the second buffer
  CHECK_FALSE(open_newest_checkpoint(folder.path()).has_value());
  injection.release();
  writer.submit();
  writer.finish();
  check_newest(folder.path(), 2);
}

TEST_CASE("checkpoint writer: a failure surfaces once, at the next call, and the next snapshot is written") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 1);
  CheckpointWriter writer(store, layout());
  fill(writer.next(), 1);
  writer.submit();
  writer.finish();
  {
    const Injection injection(Injection::What::kFail, 3, ENOSPC);
    fill(writer.next(), 2);
    writer.submit();
    CHECK_THROWS_WITH_AS(writer.finish(), doctest::Contains("No space left on device"), UserError);
  }
  CHECK_NOTHROW(writer.finish());
  check_newest(folder.path(), 1);
  fill(writer.next(), 3);
  writer.next().tensors[0].tensor.as<float>()[7] = NAN;
  writer.submit();
  // Sooner or later, by any of the calls.
  CHECK_THROWS_WITH_AS(
      [&] {
        for (int i = 0; i < 3; ++i) {
          fill(writer.next(), 4);
          writer.submit();
        }
        writer.finish();
      }(),
      doctest::Contains("tensor 'w' holds nan at element 7"), Error);
  fill(writer.next(), 5);
  writer.next().standing = Standing::kNewestAndBest;
  writer.submit();
  writer.finish();
  check_newest(folder.path(), 5);
  CHECK(open_best_checkpoint(folder.path())->metadata().at("step") == "5");
}

TEST_CASE("checkpoint writer: submit without a snapshot is a fault of the program") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 1);
  CheckpointWriter writer(store, layout());
  CHECK_THROWS_AS(writer.submit(), Error);
}
