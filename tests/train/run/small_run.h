// Whole runs on a small network: settings and data for one, running it, and comparing what it leaves.
#pragma once

#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/signal_thread.h"
#include "core/file/safetensors.h"
#include "tests/harness/captured.h"
#include "tests/harness/thread_ranks.h"
#include "train/datasets/procedural_pictures.h"
#include "train/run/training_run.h"
#include "train/run/validation_run.h"
#include "train/settings/folders.h"

namespace inpaint {

// A run takes the signals of its process, as in a program: before a test starts another thread.
inline const bool kSignalThread = (start_signal_thread(), true);

inline constexpr int kPictures = 11;  // two batches of 4 and an incomplete one

// A run on a small network in `folder`, with data in place.
inline TrainSettings small_run(const std::filesystem::path& folder) {
  TrainSettings s;
  s.dataname = "tiny";
  s.image_size = 64;
  s.image_channel = 3;
  s.base_channels = 2;
  s.bottleneck = 8;
  s.batch_size = 4;
  s.device = DeviceChoice::kCpu;
  s.precision = Precision::kFp32;
  s.threads = 2;
  s.gene_iter = 2;
  s.ckpt = 1;
  s.data_root = folder / "data";
  s.checkpoint_root = folder / "checkpoints";
  s.log_root = folder / "logs";
  s.sample_root = folder / "samples";
  std::filesystem::create_directories(folder / "data");
  for (const Split mode : {Split::kTrain, Split::kValidate}) {
    s.mode = mode;
    if (std::filesystem::exists(data_file(s))) continue;
    std::ofstream file(data_file(s), std::ios::binary);
    for (int i = 0; i < kPictures; ++i) {
      const Image picture = procedural_picture(1, i, 64, 3);
      file.write(reinterpret_cast<const char*>(picture.bytes.data()),
                 static_cast<std::streamsize>(picture.bytes.size()));
    }
  }
  s.mode = Split::kTrain;
  return s;
}

inline std::string run_quietly(const TrainSettings& settings, int expected_exit_code = 0) {
  const Captured out(stdout);
  CHECK((settings.mode == Split::kTrain ? run_training(settings) : run_validation(settings)) ==
        expected_exit_code);
  return out.text();
}

// What rank 0 of two prints, threads of this process. A process has one StopSignal at a time, and these ranks
// two: no signal may come.
inline std::string run_two_ranks(const TrainSettings& settings) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::tmpfile(), std::fclose);
  const RanksEnding ending = run_ranks(2, [&](Ranks& ranks) { run_training(settings, out.get(), ranks); });
  for (const std::string& error : ending.errors) CHECK(error == "");
  std::rewind(out.get());
  std::string text;
  for (int c = 0; (c = std::fgetc(out.get())) != EOF;) text += static_cast<char>(c);
  return text;
}

inline std::filesystem::path checkpoint(const TrainSettings& s, int64_t step) {
  return checkpoint_folder(s) / ("model-" + std::to_string(step) + ".safetensors");
}

inline std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// Every tensor of two checkpoints, equal to the bit.
inline void check_same_tensors(const std::filesystem::path& a_path, const std::filesystem::path& b_path) {
  const SafetensorsFile a(a_path), b(b_path);
  REQUIRE(a.tensors().size() == b.tensors().size());
  for (const SafetensorsEntry& entry : a.tensors()) {
    const SafetensorsEntry* other = b.find(entry.name);
    REQUIRE(other != nullptr);
    REQUIRE(entry.bytes() == other->bytes());
    std::vector<std::byte> x(static_cast<size_t>(entry.bytes())), y(x.size());
    a.read(entry, x);
    b.read(*other, y);
    INFO(entry.name);
    CHECK(x == y);
  }
}

// The state that is text, too.
inline void check_same_state(const std::filesystem::path& a_path, const std::filesystem::path& b_path) {
  check_same_tensors(a_path, b_path);
  const SafetensorsFile a(a_path), b(b_path);
  for (const auto& [key, value] : a.metadata())
    if (key.starts_with("state.")) CHECK(b.metadata().at(key) == value);
}

// train_log.jsonl without the one figure that depends on the clock.
inline std::vector<std::string> timeless(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  for (const std::string& line : lines_of(path)) {
    auto json = nlohmann::ordered_json::parse(line);
    CHECK(json.erase("images_per_second") == 1);
    lines.push_back(json.dump());
  }
  return lines;
}

}  // namespace inpaint
