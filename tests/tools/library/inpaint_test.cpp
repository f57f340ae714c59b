// The shared library through its C interface, beside the same code linked into this program.
#include "tools/library/inpaint.h"

#include <doctest/doctest.h>
#include <pthread.h>
#include <signal.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "tests/train/run/small_run.h"
#include "train/fill/model_filler.h"

using namespace inpaint;

namespace {

struct Free {
  void operator()(inpaint_model* model) const { inpaint_free(model); }
};
using Loaded = std::unique_ptr<inpaint_model, Free>;

Loaded load(const std::string& checkpoint, int threads = 2) {
  Loaded model(inpaint_load(checkpoint.c_str(), "cpu", threads));
  REQUIRE_MESSAGE(model != nullptr, inpaint_last_error());
  return model;
}

// A small whole-picture model that has learnt a little.
struct Trained {
  Trained() {
    TrainSettings s = small_run(folder.path());
    s.model = ModelKind::kHarmonicUnet;
    s.holes = HoleForm::kMixed;
    s.learning_rate = 0.01;
    s.warm_up = 0;
    s.max_steps = 3;
    run_quietly(s);
    checkpoint = checkpoint_folder(s).string();
  }

  TemporaryFolder folder;
  std::string checkpoint;
};

constexpr int64_t kWidth = 90, kHeight = 70;

Image picture_of(int channels) { return resize(procedural_picture(7, 3, 64, channels), kHeight, kWidth); }

Image mask_of(const PixelBox& box) {
  Image mask(kHeight, kWidth, 1);
  for (int64_t row = box.top; row < box.bottom(); ++row)
    std::fill_n(mask.pixel(row, box.left), box.width, uint8_t{200});
  return mask;
}

const PixelBox kBox{20, 30, 25, 18};

// A picture in memory as a caller has it: with bytes between the rows, and with alpha where step is 4.
struct Rows {
  Rows(const Image& image, int pixel_bytes, int64_t between)
      : step(pixel_bytes), stride(image.width * pixel_bytes + between) {
    for (int64_t k = 0; k < image.height * stride; ++k) bytes.push_back(static_cast<uint8_t>(k * 7));
    for (int64_t row = 0; row < image.height; ++row)
      for (int64_t column = 0; column < image.width; ++column)
        std::copy_n(image.pixel(row, column), image.channels, at(row, column));
  }

  uint8_t* at(int64_t row, int64_t column) { return bytes.data() + row * stride + column * step; }

  int step;
  int64_t stride;
  std::vector<uint8_t> bytes;
};

int fill_rgb(inpaint_model* model, Image& picture, const Image& mask,
             const inpaint_options* options = nullptr) {
  return inpaint_fill_rgb8(model, picture.bytes.data(), picture.width, picture.height, 0, mask.bytes.data(),
                           0, options);
}

}  // namespace

TEST_CASE("library: fills as the programs do, and known pixels, alpha and bytes between rows stay") {
  const Trained trained;
  const Loaded model = load(trained.checkpoint);
  ModelFiller filler(trained.checkpoint, DeviceChoice::kCpu, 0, 2);
  const Image mask = mask_of(kBox);
  Rows mask_rows(mask, 1, 5);
  for (const Finish finish : {Finish::kNone, Finish::kPatches})
    for (const int step : {1, 3, 4}) {
      CAPTURE(step);
      const int channels = step == 1 ? 1 : 3;
      Image expected = picture_of(channels);
      filler.fill(expected, mask, finish);
      REQUIRE(expected.bytes != picture_of(channels).bytes);
      Rows rows(picture_of(channels), step, 11), wanted = rows;
      for (int64_t row = kBox.top; row < kBox.bottom(); ++row)
        for (int64_t column = kBox.left; column < kBox.right(); ++column)
          std::copy_n(expected.pixel(row, column), channels, wanted.at(row, column));
      inpaint_options options = INPAINT_OPTIONS_INIT;
      options.finish = finish == Finish::kNone ? INPAINT_FINISH_NONE : INPAINT_FINISH_PATCHES;
      const auto fill = step == 1 ? inpaint_fill_grey8 : step == 3 ? inpaint_fill_rgb8 : inpaint_fill_rgba8;
      CHECK(fill(model.get(), rows.bytes.data(), kWidth, kHeight, rows.stride, mask_rows.bytes.data(),
                 mask_rows.stride, &options) == INPAINT_OK);
      CHECK(rows.bytes == wanted.bytes);
    }
}

#ifdef INPAINT_CUDA_EXECUTOR
TEST_CASE("library: paints on a GPU, from any thread") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.max_steps = 2;
  run_quietly(s);
  const std::string checkpoint = checkpoint_folder(s).string();
  const Image mask = mask_of(kBox);
  Image expected = picture_of(3), picture = expected;
  ModelFiller(checkpoint, DeviceChoice::kCuda, 0, 2).fill(expected, mask, Finish::kNone);
  const Loaded model(inpaint_load(checkpoint.c_str(), "cuda:0", 2));
  REQUIRE_MESSAGE(model != nullptr, inpaint_last_error());
  const inpaint_options none = {sizeof none, INPAINT_FINISH_NONE, 0};
  std::thread([&] { CHECK(fill_rgb(model.get(), picture, mask, &none) == INPAINT_OK); }).join();
  CHECK(picture == expected);
  CHECK(inpaint_load(checkpoint.c_str(), "cuda:7", 2) == nullptr);
  CHECK(contains(inpaint_last_error(), "there is no GPU 7"));
}
#endif

TEST_CASE("library: a grown hole, and a hole without pixels, by the built-in model and by none") {
  std::vector<Image> filled;
  for (const char* const checkpoint : {"", "none"}) {
    const Loaded model = load(checkpoint);
    ModelFiller filler(checkpoint, DeviceChoice::kCpu, 0, 1);
    Image expected = picture_of(3),
          grown_mask = mask_of({kBox.top - 4, kBox.left - 4, kBox.height + 8, kBox.width + 8});
    filler.fill(expected, grown_mask, Finish::kPatches);
    Image picture = picture_of(3);
    const inpaint_options options = {sizeof options, INPAINT_FINISH_PATCHES, 4};
    CHECK(fill_rgb(model.get(), picture, mask_of(kBox), &options) == INPAINT_OK);
    CHECK(picture == expected);
    filled.push_back(picture);

    picture = picture_of(3);
    CHECK(fill_rgb(model.get(), picture, Image(kHeight, kWidth, 1)) == INPAINT_OK);
    CHECK(picture == picture_of(3));
  }
  CHECK(filled[0] != filled[1]);
}

TEST_CASE("library: what is wrong is said, and the picture stays") {
  const Loaded model = load("");
  Image picture = picture_of(3);
  const Image mask = mask_of(kBox), everything = mask_of({0, 0, kHeight, kWidth});
  const auto complaint = [](int status) {
    CHECK(status == INPAINT_BAD_INPUT);
    return std::string(inpaint_last_error());
  };
  uint8_t* const pixels = picture.bytes.data();
  const uint8_t* const hole = mask.bytes.data();
  const auto fill = inpaint_fill_rgb8;
  CHECK(complaint(fill(nullptr, pixels, 9, 9, 0, hole, 0, nullptr)) == "model is NULL");
  CHECK(complaint(fill(model.get(), nullptr, 9, 9, 0, hole, 0, nullptr)) == "pixels is NULL");
  CHECK(complaint(fill(model.get(), pixels, 9, 9, 0, nullptr, 0, nullptr)) == "mask is NULL");
  for (const auto& [width, height] : {std::pair<int64_t, int64_t>{0, 9},
                                      {9, -1},
                                      {1 << 20, 1 << 20},
                                      {INT64_MAX, INT64_MAX},
                                      {1, INT64_MAX}})
    CHECK(contains(complaint(fill(model.get(), pixels, width, height, 0, hole, 0, nullptr)), "width="));
  CHECK(contains(complaint(fill(model.get(), pixels, 9, 9, 26, hole, 0, nullptr)),
                 "stride=26; allowed: 0, or at least 27"));
  CHECK(contains(complaint(fill(model.get(), pixels, 9, 9, -27, hole, 0, nullptr)), "stride=-27"));
  CHECK(contains(complaint(fill(model.get(), pixels, 9, 9, 0, hole, 8, nullptr)), "mask_stride=8"));
  CHECK(contains(complaint(fill_rgb(model.get(), picture, everything)), "every pixel"));
  inpaint_options options = {sizeof options, 7, 0};
  CHECK(contains(complaint(fill_rgb(model.get(), picture, mask, &options)), "options.finish=7"));
  options = {sizeof options, INPAINT_FINISH_NONE, 1001};
  CHECK(contains(complaint(fill_rgb(model.get(), picture, mask, &options)), "options.grow=1001"));
  options.size = 0;
  CHECK(contains(complaint(fill_rgb(model.get(), picture, mask, &options)), "options.size=0"));
  CHECK(picture == picture_of(3));
  CHECK(fill_rgb(model.get(), picture, mask) == INPAINT_OK);
  CHECK(std::string(inpaint_last_error()) == "");
}

TEST_CASE("library: what cannot be loaded is NULL with a reason") {
  const TemporaryFolder folder;
  std::ofstream(folder / "bad\n.safetensors") << "this is no checkpoint";
  const auto complaint = [](const std::string& checkpoint, const char* device, int threads) {
    CHECK(inpaint_load(checkpoint.c_str(), device, threads) == nullptr);
    return std::string(inpaint_last_error());
  };
  CHECK(contains(complaint((folder / "bad\n.safetensors").string(), "cpu", 1), "bad\\n.safetensors"));
  CHECK(contains(complaint((folder / "none").string(), "cpu", 1), "none"));
  CHECK(contains(complaint(folder.path().string(), "cpu", 1), "no checkpoint here"));
  for (const char* device : {"gpu", "cuda:", "cuda:x", "cuda:256", "CPU"})
    CHECK(contains(complaint("", device, 1), "allowed: auto, cpu, cuda or cuda:N"));
  CHECK(contains(complaint("", "cpu", -1), "threads=-1"));
  CHECK(contains(complaint("", "cpu", 1025), "threads=1025"));
  CHECK(std::strlen(inpaint_version()) >= 5);
  inpaint_free(nullptr);
}

TEST_CASE("library: options of an older and of a newer caller") {
  const Loaded model = load("");
  const Image mask = mask_of(kBox);
  Image whole = picture_of(3), older = whole, newer = whole, unknown = whole;
  const inpaint_options none = {sizeof none, INPAINT_FINISH_NONE, 0};
  REQUIRE(fill_rgb(model.get(), whole, mask, &none) == INPAINT_OK);

  const inpaint_options without_grow = {offsetof(inpaint_options, grow), INPAINT_FINISH_NONE, 999};
  CHECK(fill_rgb(model.get(), older, mask, &without_grow) == INPAINT_OK);
  CHECK(older == whole);

  struct {
    inpaint_options known;
    int64_t more;
  } later = {{sizeof later, INPAINT_FINISH_NONE, 0}, 0};
  CHECK(fill_rgb(model.get(), newer, mask, &later.known) == INPAINT_OK);
  CHECK(newer == whole);
  later.more = 1;
  CHECK(fill_rgb(model.get(), unknown, mask, &later.known) == INPAINT_BAD_INPUT);
  CHECK(contains(inpaint_last_error(), "does not know"));
}

TEST_CASE("library: one model and several, used by several threads, and each thread has its own last error") {
  const Trained trained;
  const Loaded shared = load(trained.checkpoint), other = load(trained.checkpoint, 1);
  const Image mask = mask_of(kBox);
  const inpaint_options none = {sizeof none, INPAINT_FINISH_NONE, 0};
  Image expected = picture_of(3);
  REQUIRE(fill_rgb(shared.get(), expected, mask, &none) == INPAINT_OK);
  CHECK(inpaint_load("", "nowhere", 1) == nullptr);

  constexpr size_t kThreads = 6;
  std::vector<Image> pictures(kThreads * 3, picture_of(3));
  std::vector<int> statuses(pictures.size(), -1);
  std::vector<std::string> errors(kThreads);
  std::vector<std::thread> threads;
  for (size_t k = 0; k < kThreads; ++k)
    threads.emplace_back([&, k] {
      errors[k] = inpaint_last_error();
      for (size_t n = k; n < pictures.size(); n += kThreads)
        statuses[n] = fill_rgb(k % 3 == 0 ? other.get() : shared.get(), pictures[n], mask, &none);
    });
  for (std::thread& thread : threads) thread.join();
  for (size_t n = 0; n < pictures.size(); ++n) {
    CHECK(statuses[n] == INPAINT_OK);
    CHECK(pictures[n] == expected);
  }
  for (const std::string& error : errors) CHECK(error == "");
  CHECK(contains(inpaint_last_error(), "device=nowhere"));
}

TEST_CASE(
    "library: threads of a model take no signals, the caller's mask stays, and none is left at the end") {
  const auto threads_now = [] {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
      names.insert(entry.path().filename());
    return names;
  };
  const auto blocks_usr1 = [](const std::string& thread) {
    std::ifstream file("/proc/self/task/" + thread + "/status");
    std::string word;
    while (file >> word)
      if (word == "SigBlk:" && file >> word)
        return (std::stoull(word, nullptr, 16) >> (SIGUSR1 - 1) & 1) == 1;
    return false;
  };
  sigset_t usr1, before, after;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  pthread_sigmask(SIG_UNBLOCK, &usr1, &before);
  const std::set<std::string> old = threads_now();
  {
    const Loaded model = load("", 3);
    int seen = 0;
    for (const std::string& thread : threads_now())
      if (!old.contains(thread)) {
        CHECK(blocks_usr1(thread));
        ++seen;
      }
    CHECK(seen == 3);  // its own, and two that help it
    pthread_sigmask(SIG_SETMASK, nullptr, &after);
    CHECK(sigismember(&after, SIGUSR1) == 0);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  CHECK(threads_now() == old);
}
