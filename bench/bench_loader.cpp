// Images per second of the loader alone, for each source a run can have: a .bin file, a folder of PNG or JPEG
// files, a cache, with and without augmentation. The pictures are procedural ones of 288 x 384 pixels, made
// in a temporary folder. Every source is opened as a run opens it; medians over the rounds, in which the
// sources take turns.
#include <turbojpeg.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/file/replace_file.h"
#include "core/image/image_codec.h"
#include "tools/main_guard.h"
#include "tools/options.h"
#include "train/data/batch_loader.h"
#include "train/datasets/procedural_pictures.h"
#include "train/run/training_pictures.h"
#include "train/settings/folders.h"

namespace inpaint {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int64_t kHeight = 288, kWidth = 384;

// A new folder that goes with its owner.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "bench_loader-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) user_error("{}: cannot be made; set TMPDIR", pattern);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string jpeg_of(const Image& image) {
  constexpr int kQuality = 90;
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const tjhandle encoder = tjInitCompress();
  const int result = tjCompress2(encoder, image.bytes.data(), static_cast<int>(image.width), 0,
                                 static_cast<int>(image.height), image.channels == 1 ? TJPF_GRAY : TJPF_RGB,
                                 &bytes, &size, image.channels == 1 ? TJSAMP_GRAY : TJSAMP_420, kQuality, 0);
  INPAINT_CHECK(result == 0, "TurboJPEG: {}", tjGetErrorStr2(encoder));
  std::string file(bytes, bytes + size);
  tjFree(bytes);
  tjDestroy(encoder);
  return file;
}

struct Source {
  std::string name;
  TrainSettings settings;
  TrainingPictures pictures = {};
  std::unique_ptr<BatchLoader> loader = {};
  std::vector<double> rates = {};

  void measure(double seconds) {
    const auto start = Clock::now();
    double spent = 0;
    int64_t images = 0;
    while (spent < seconds) {
      images += loader->next().pixels.shape[0];
      spent = std::chrono::duration<double>(Clock::now() - start).count();
    }
    rates.push_back(static_cast<double>(images) / spent);
  }
  double median() const {
    std::vector<double> sorted = rates;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

int run(int argc, const char* const* argv) {
  Options line("bench_loader", "Images per second of the loader, source by source.");
  int64_t pictures = 256;
  int threads = 0, rounds = 5;
  double seconds = 0.5, consumed = 0;
  bool json = false;
  TrainSettings base;
  base.image_channel = 3;
  line.whole("pictures", "in each source", {64, 100'000}, pictures);
  line.whole("batch_size", "images per batch", {1, 64}, base.batch_size);
  line.whole_of("image_size", "pixels along a side", {64, 128, 256}, base.image_size);
  line.whole_of("image_channel", "1 grey, 3 RGB", {1, 3}, base.image_channel);
  line.whole("threads", "0: all cores", {0, 1024}, threads);
  line.whole("loader_threads", "as of a run; 0: as many as the source needs", {0, 256}, base.loader_threads);
  line.whole("rounds", "timed, after one to warm up", {1, 1000}, rounds);
  line.real("seconds", "of each source in a round", {RealRange::Lower::kExcluded, 60}, seconds);
  line.real("consumed", "images/s of the training step (bench_train), to compare with; 0: none",
            {RealRange::Lower::kIncluded, 1e9}, consumed);
  line.truth("json", "print one JSON object", json);
  if (!line.parse(argc, argv)) return kExitDone;

  const TemporaryFolder folder;
  base.data_root = folder.path() / "data";
  for (const char* name : {"data", "png", "jpeg"}) fs::create_directory(folder.path() / name);
  ReplaceFile bin(data_file(base));
  for (int64_t i = 0; i < pictures; ++i) {
    const Image picture = crop(procedural_picture(1, i, kWidth, base.image_channel), 0, 0, kHeight, kWidth);
    write_png(folder.path() / "png" / fmt::format("{}.png", i), picture);
    replace_file(folder.path() / "jpeg" / fmt::format("{}.jpg", i), jpeg_of(picture));
    const Image image = centre_image(picture, base.image_size, base.image_channel);
    bin.write(std::as_bytes(std::span(image.bytes)));
  }
  bin.commit();

  std::vector<Source> sources;
  const auto add = [&](const std::string& name, const char* data_dir, bool cached, bool flip,
                       bool random_crop) {
    TrainSettings s = base;
    if (data_dir != nullptr) s.data_dir = folder.path() / data_dir;
    s.dataname = cached && random_crop ? "squares" : base.dataname;  // two caches side by side
    s.data_cache = cached;
    s.flip = flip;
    s.random_crop = random_crop;
    sources.push_back({name, s});
  };
  add(".bin", nullptr, false, false, false);
  add(".bin, flip", nullptr, false, true, false);
  add("JPEG folder", "jpeg", false, false, false);
  add("JPEG folder, flip, random_crop", "jpeg", false, true, true);
  add("PNG folder", "png", false, false, false);
  add("PNG folder, flip, random_crop", "png", false, true, true);
  add("cache, flip", "jpeg", true, true, false);
  add("cache, flip, random_crop", "jpeg", true, true, true);

  const Context ctx(threads);
  for (Source& source : sources)
    source.pictures = open_training_pictures(source.settings, ctx, [](const std::string&) {});
  for (int round = 0; round <= rounds; ++round) {
    for (Source& source : sources) {
      // A loader of its own for each turn: one that waits has batches ready.
      source.loader = std::make_unique<BatchLoader>(
          *source.pictures.set,
          BatchLoader::Options{.batch_size = source.settings.batch_size,
                               .shuffle = true,
                               .augmentation = {source.settings.flip, source.settings.random_crop},
                               .seed = 1,
                               .workers = source.pictures.workers});
      if (round == 0) source.loader->next();
      if (round > 0) source.measure(seconds);
      source.loader.reset();
    }
  }

  if (json) {
    nlohmann::ordered_json report = {{"threads", ctx.threads()},
                                     {"batch_size", base.batch_size},
                                     {"image_size", base.image_size},
                                     {"image_channel", base.image_channel},
                                     {"images_per_second", nlohmann::ordered_json::object()}};
    for (const Source& source : sources) report["images_per_second"][source.name] = source.median();
    fmt::print("{}\n", report.dump(2));
    return 0;
  }
  fmt::print("{} x {} x {} from {} pictures of {} x {}, batch {}, median of {} rounds\n", base.image_size,
             base.image_size, base.image_channel, pictures, kHeight, kWidth, base.batch_size, rounds);
  for (const Source& source : sources)
    fmt::print("{:32} {:10.0f} images/s{}   {} worker{}\n", source.name, source.median(),
               consumed > 0 ? fmt::format("  {:8.1f} x the step", source.median() / consumed) : "",
               source.pictures.workers, source.pictures.workers == 1 ? "" : "s");
  return 0;
}

}  // namespace
}  // namespace inpaint

int main(int argc, char** argv) { return inpaint::run_main(argc, argv, inpaint::run); }
