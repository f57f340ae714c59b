#include "train/checkpoint/checkpoint_store.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

#include "core/base/error.h"
#include "core/device/buffer.h"
#include "core/file/replace_file.h"
#include "tests/harness/fault_injection.h"
#include "tests/harness/run_and_kill.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;
using faults::Injection;
namespace fs = std::filesystem;

namespace {

// A state of six floats and three bytes that all follow from the step.
struct State {
  explicit State(int64_t step) {
    for (int i = 0; i < 6; ++i)
      weights.tensor({6}, DType::kF32).as<float>()[i] = static_cast<float>(step * 10 + i);
    for (int i = 0; i < 3; ++i) static_cast<uint8_t*>(bytes.data())[i] = static_cast<uint8_t>(step + i);
  }
  Buffer weights{24}, bytes{3};
  std::vector<NamedTensor> tensors = {{"w", weights.tensor({2, 3}, DType::kF32)},
                                      {"b", bytes.tensor({3}, DType::kU8)}};
};

void save(CheckpointStore& store, int64_t step, Standing standing = Standing::kNewest) {
  const State state(step);
  store.save(step, state.tensors, {{"step", std::to_string(step)}}, standing);
}

// The step of a checkpoint whose every byte is as save() left it.
int64_t step_in(const SafetensorsFile& file) {
  const int64_t step = std::stoll(file.metadata().at("step"));
  const State expected(step), read(-1);
  for (const NamedTensor& named : read.tensors) file.read(named.name, named.tensor);
  CHECK(std::memcmp(read.weights.data(), expected.weights.data(), 24) == 0);
  CHECK(std::memcmp(read.bytes.data(), expected.bytes.data(), 3) == 0);
  return step;
}

int64_t newest_step(const fs::path& folder, Fallback fallback = Fallback::kRefuse) {
  const auto found = open_newest_checkpoint(folder, fallback);
  return found ? step_in(found->file) : -1;
}

void flip_last_byte(const fs::path& path) {
  std::string contents = file_contents(path);
  contents.back() ^= 1;
  put_file(path, contents);
}

using Names = std::set<std::string>;

}  // namespace

TEST_CASE("checkpoints: the newest is found, older ones go, nothing else lies about") {
  const TemporaryFolder folder;
  CHECK(newest_step(folder.path()) == -1);
  CHECK(newest_step(folder / "none") == -1);
  CheckpointStore store(folder / "a/b", 1);
  for (const int64_t step : {0, 9, 10}) {
    save(store, step);
    CHECK(newest_step(folder / "a/b") == step);
    Names names;
    for (const auto& entry : fs::directory_iterator(folder / "a/b")) names.insert(entry.path().filename());
    CHECK(names == Names{".lock", "checkpoint", "model-" + std::to_string(step) + ".safetensors"});
  }
  CHECK(file_contents(folder / "a/b/checkpoint") == "model-10.safetensors\n");
  CHECK(open_newest_checkpoint(folder / "a/b")->file.metadata().at("format_version") == "1");
}

TEST_CASE("checkpoints: other names are not looked at") {
  const TemporaryFolder folder;
  for (const char* name : {"model-007.safetensors", "model-7x.safetensors", "model-.safetensors",
                           "model-7.safetensors~", "model--7.safetensors", "model-+7.safetensors"})
    put_file(folder / name, "the user's");
  CHECK(newest_step(folder.path()) == -1);
}

TEST_CASE("checkpoints: a reader finds one at any time, while a run replaces them") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 1);
  save(store, 0);
  std::atomic<bool> done = false;
  std::thread run([&] {
    for (int64_t step = 1; step <= 300; ++step) save(store, step);
    done = true;
  });
  int64_t last = 0;
  int found = 0;
  std::string failure;
  while (!done && failure.empty()) {
    try {
      const int64_t step = newest_step(folder.path());
      if (step < last) failure = "went back";
      last = step;
      ++found;
    } catch (const std::exception& e) {
      failure = e.what();
    }
  }
  run.join();
  CHECK(failure == "");
  CHECK(found > 0);
}

TEST_CASE("checkpoints: keep, the best one, and what is not ours") {
  const TemporaryFolder folder;
  put_file(folder / "model-1.safetensors.bak", "the user's");
  put_file(folder / "model-01.safetensors", "the user's");
  CheckpointStore store(folder.path(), 2);
  save(store, 1, Standing::kNewestAndBest);
  for (const int64_t step : {2, 3, 4}) save(store, step);
  Names expected = {".lock", "best", "checkpoint", "model-1.safetensors.bak", "model-01.safetensors"};
  for (const char* name : {"model-1.safetensors", "model-3.safetensors", "model-4.safetensors"})
    expected.insert(name);
  CHECK(folder.names() == expected);
  CHECK(step_in(*open_best_checkpoint(folder.path())) == 1);
  save(store, 5, Standing::kNewestAndBest);  // the old best goes
  expected.erase("model-1.safetensors");
  expected.erase("model-3.safetensors");
  expected.insert("model-5.safetensors");
  CHECK(folder.names() == expected);
  CHECK(step_in(*open_best_checkpoint(folder.path())) == 5);
  CHECK_FALSE(open_best_checkpoint(folder / "none").has_value());
}

TEST_CASE("checkpoints: a run that went back leaves later ones alone, and its own is the newest") {
  const TemporaryFolder folder;
  {
    CheckpointStore store(folder.path(), 3);
    for (const int64_t step : {10, 20, 30}) save(store, step);
  }
  CheckpointStore store(folder.path(), 1);
  save(store, 15);
  CHECK(newest_step(folder.path()) == 15);
  CHECK(folder.names() ==
        Names{".lock", "checkpoint", "model-15.safetensors", "model-20.safetensors", "model-30.safetensors"});
}

TEST_CASE("checkpoints: two runs cannot share a folder, and what a dead one left half-written goes") {
  const TemporaryFolder folder;
  put_file(folder / ".inpaint-0123456789abcdef.tmp", "half a checkpoint");
  const CheckpointStore store(folder.path(), 1);
  CHECK(folder.names() == Names{".lock"});
  CHECK_THROWS_WITH_AS(CheckpointStore(folder.path(), 1),
                       doctest::Contains("another run is using this folder"), UserError);
}

TEST_CASE("checkpoints: values that are not finite are never saved over a good one") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 1);
  save(store, 1);
  const Names before = folder.names();
  for (const double bad :
       {std::nan(""), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
    const State state(2);
    state.weights.tensor({6}, DType::kF32).as<float>()[4] = static_cast<float>(bad);
    CHECK_THROWS_WITH_AS(store.save(2, state.tensors, {}), doctest::Contains("tensor 'w' holds"), Error);
    CHECK_THROWS_WITH_AS(store.save(2, state.tensors, {}), doctest::Contains("at element 4 of 6"), Error);
    Buffer buffer(80000);
    buffer.tensor({10000}, DType::kF64).as<double>()[9999] = bad;
    const std::vector<NamedTensor> tensors = {{"d", buffer.tensor({10000}, DType::kF64)}};
    CHECK_THROWS_WITH_AS(store.save(2, tensors, {}), doctest::Contains("element 9999 of 10000"), Error);
  }
  CHECK(folder.names() == before);
  CHECK(newest_step(folder.path()) == 1);
  // The largest finite values are values as any other.
  const State state(3);
  state.weights.tensor({6}, DType::kF32).as<float>()[0] = -std::numeric_limits<float>::max();
  CHECK_NOTHROW(store.save(3, state.tensors, {}));
}

TEST_CASE("checkpoints: a damaged newest one is named, and passed over only where that is allowed") {
  const TemporaryFolder folder;
  {
    CheckpointStore store(folder.path(), 3);
    for (const int64_t step : {1, 2, 3}) save(store, step);
  }
  flip_last_byte(folder / "model-3.safetensors");
  CHECK_THROWS_WITH_AS(open_newest_checkpoint(folder.path()),
                       doctest::Contains("model-3.safetensors: damaged: bytes"), UserError);
  CHECK(newest_step(folder.path(), Fallback::kAllow) == 2);
  const auto found = open_newest_checkpoint(folder.path(), Fallback::kAllow);
  REQUIRE(found->passed_over.size() == 1);
  CHECK(found->passed_over[0].find("model-3.safetensors: damaged") != std::string::npos);

  fs::remove(folder / "model-3.safetensors");  // named by `checkpoint`, and gone
  CHECK_THROWS_WITH_AS(open_newest_checkpoint(folder.path()),
                       doctest::Contains("model-3.safetensors: cannot open: No such file"), UserError);
  CHECK(newest_step(folder.path(), Fallback::kAllow) == 2);

  flip_last_byte(folder / "model-2.safetensors");
  CHECK(newest_step(folder.path(), Fallback::kAllow) == 1);
  flip_last_byte(folder / "model-1.safetensors");
  CHECK_THROWS_WITH_AS(open_newest_checkpoint(folder.path(), Fallback::kAllow),
                       doctest::Contains("no checkpoint here is good"), UserError);
}

TEST_CASE("checkpoints: without the file `checkpoint` the highest step counts, with a damaged one none") {
  const TemporaryFolder folder;
  {
    CheckpointStore store(folder.path(), 2);
    for (const int64_t step : {9, 10}) save(store, step);
  }
  fs::remove(folder / "checkpoint");
  CHECK(newest_step(folder.path()) == 10);
  for (const char* text :
       {"", "\n", "model-x.safetensors\n", "../model-9.safetensors\n", "model-9.safetensors.old\n",
        "model--9.safetensors\n", "model-99999999999999999999.safetensors"}) {
    CAPTURE(text);
    put_file(folder / "checkpoint", text);
    CHECK_THROWS_WITH_AS(open_newest_checkpoint(folder.path()),
                         doctest::Contains("checkpoint: names no checkpoint"), UserError);
    CHECK(newest_step(folder.path(), Fallback::kAllow) == 10);
  }
  put_file(folder / "checkpoint", std::string(101, 'x'));
  CHECK_THROWS_WITH_AS(open_newest_checkpoint(folder.path()), doctest::Contains("longer than the 100 bytes"),
                       UserError);
  put_file(folder / "checkpoint", "model-9.safetensors");
  CHECK(newest_step(folder.path()) == 9);
}

TEST_CASE("checkpoints: another format version is refused") {
  const TemporaryFolder folder;
  const State state(1);
  save_safetensors(folder / "a", state.tensors, {{"format_version", "2"}});
  CHECK_THROWS_WITH_AS(open_checkpoint(folder / "a"),
                       doctest::Contains("format version '2', and this program reads 1"), UserError);
  save_safetensors(folder / "a", state.tensors, {});
  CHECK_THROWS_WITH_AS(open_checkpoint(folder / "a"), doctest::Contains("format version ''"), UserError);
}

TEST_CASE("checkpoints: one without a checksum is refused") {
  const TemporaryFolder folder;
  const SafetensorsEntry tensor{"w", "F32", {1}, 0, 4};
  const std::string header = render_safetensors_header({tensor}, {{kFormatVersionKey, kFormatVersion}});
  const uint64_t length = header.size();
  const std::string file = std::string(reinterpret_cast<const char*>(&length), 8) + header + "1234";
  put_file(folder / "model-1.safetensors", file);
  REQUIRE_NOTHROW(SafetensorsFile(folder / "model-1.safetensors", SafetensorsFile::Checksum::kIfPresent));
  CHECK_THROWS_WITH_AS(open_checkpoint(folder / "model-1.safetensors"),
                       doctest::Contains("model-1.safetensors: no checksum at byte"), UserError);
}

TEST_CASE("checkpoints: whichever call of a save fails, the one before still loads and the next save works") {
  for (const auto what : {Injection::What::kFail, Injection::What::kFailAlways}) {
    for (const int error : {ENOSPC, EIO, EROFS}) {
      for (int nth = 1;; ++nth) {
        CAPTURE(error);
        CAPTURE(nth);
        const TemporaryFolder folder;
        CheckpointStore store(folder.path(), 1);
        save(store, 1);
        bool failed = false;
        {
          const Injection injection(what, nth, error);
          try {
            save(store, 2, Standing::kNewestAndBest);
          } catch (const UserError& failure) {
            failed = true;
            CHECK(std::string(failure.what()).find(strerror(error)) != std::string::npos);
          }
          if (injection.calls() < nth) break;
        }
        REQUIRE(failed);
        const int64_t newest = newest_step(folder.path());
        CHECK((newest == 1 || newest == 2));
        if (newest == 1) CHECK(fs::exists(folder / "model-1.safetensors"));
        save(store, 3);
        CHECK(newest_step(folder.path()) == 3);
        for (const std::string& name : folder.names()) CHECK_FALSE(name.ends_with(".tmp"));
      }
    }
  }
}

TEST_CASE("checkpoints: what the disk spoils is found before the old one goes") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 1);
  save(store, 1);
  for (const int nth : {1, 2, 3, 4, 5}) {  // length, header, two tensors, checksum
    const Injection injection(Injection::What::kSpoilWrite, nth);
    CHECK_THROWS_AS(save(store, 2), UserError);
  }
  CHECK(newest_step(folder.path()) == 1);
  CHECK(folder.names() == Names{".lock", "checkpoint", "model-1.safetensors"});
}

TEST_CASE(
    "checkpoints: killed before any call of the first save or a later one, no acknowledged one is lost") {
  int kills = 0;
  for (const bool first : {true, false}) {
    int64_t acknowledged = first ? -1 : 1;
    for (int nth = 1;; ++nth) {
      CAPTURE(first);
      CAPTURE(nth);
      const TemporaryFolder folder;
      if (!first) {
        CheckpointStore store(folder.path(), 1);
        save(store, 1);
      }
      const bool by_kill = killed([&] {
        CheckpointStore store(folder.path(), 1);
        const Injection injection(Injection::What::kKill, nth);
        save(store, 2);
      });
      const int64_t newest = newest_step(folder.path());
      CHECK((newest == 2 || newest == (first ? -1 : 1)));
      CHECK(newest >= acknowledged);  // never back to the older one at a later moment of the save
      acknowledged = newest;
      {
        CheckpointStore store(folder.path(), 1);  // the next start
        save(store, 2);
        CHECK(folder.names() == Names{".lock", "checkpoint", "model-2.safetensors"});
      }
      if (!by_kill) break;
      ++kills;
    }
    CHECK(acknowledged == 2);
  }
  CHECK(kills > 40);
  MESSAGE("moments of a save at which it was killed: ", kills);
}
