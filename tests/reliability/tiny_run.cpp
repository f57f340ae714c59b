#include "tests/reliability/tiny_run.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "train/checkpoint/checkpoint_store.h"
#include "train/datasets/procedural_pictures.h"

namespace inpaint {
namespace fs = std::filesystem;
namespace {

constexpr int kPictures = 11;

// train_log.jsonl without the figure that depends on the clock.
std::vector<std::string> timeless_lines(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    auto json = nlohmann::ordered_json::parse(line);
    json.erase("images_per_second");
    lines.push_back(json.dump());
  }
  return lines;
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

}  // namespace

std::vector<std::string> tiny_flags(int steps, const std::vector<std::string>& more) {
  std::vector<std::string> flags = {"--dataname=tiny",
                                    "--image_size=64",
                                    "--image_channel=3",
                                    "--base_channels=2",
                                    "--bottleneck=8",
                                    "--batch_size=2",
                                    "--threads=1",
                                    "--gene_iter=1",
                                    "--sample=1000000",
                                    "--device=cpu",
                                    "--ckpt=1",
                                    "--summary=100",
                                    "--max_steps=" + std::to_string(steps)};
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

void put_tiny_data(const fs::path& folder) {
  fs::create_directories(folder / "data");
  std::string bytes;
  for (int i = 0; i < kPictures; ++i) {
    const Image picture = procedural_picture(1, i, 64, 3);
    bytes.append(reinterpret_cast<const char*>(picture.bytes.data()), picture.bytes.size());
  }
  put_file(folder / "data/tiny64_train.bin", bytes);
  put_file(folder / "data/tiny64_validate.bin", bytes.substr(0, bytes.size() / kPictures * 4));
}

fs::path tiny_checkpoints(const fs::path& folder) { return folder / "checkpoints/tiny64/gpu0"; }

fs::path tiny_checkpoint(const fs::path& folder, int step) {
  return tiny_checkpoints(folder) / ("model-" + std::to_string(step) + ".safetensors");
}

Ending train_tiny(const fs::path& folder, const std::vector<std::string>& flags,
                  const std::function<void()>& prepare) {
  const TemporaryFolder streams;
  return Program(INPAINT_TRAIN, flags, folder, streams.path(), prepare).wait();
}

Undisturbed::Undisturbed(int steps, const std::vector<std::string>& more) : steps_(steps) {
  put_tiny_data(folder());
  const Ending ending = train_tiny(folder(), tiny_flags(steps, more));
  INFO(ending.err);
  REQUIRE(ending.exit_code == 0);
}

void Undisturbed::check_equal(const fs::path& other) const {
  CHECK(file_contents(tiny_checkpoint(folder(), steps_)) == file_contents(tiny_checkpoint(other, steps_)));
  CHECK(names_in(tiny_checkpoints(folder())) == names_in(tiny_checkpoints(other)));
  const auto log = [](const fs::path& of, const char* name) { return of / "logs/tiny64/gpu0" / name; };
  CHECK(file_contents(log(folder(), "loss_log.txt")) == file_contents(log(other, "loss_log.txt")));
  CHECK(timeless_lines(log(folder(), "train_log.jsonl")) == timeless_lines(log(other, "train_log.jsonl")));
  for (const auto& entry : fs::recursive_directory_iterator(other)) {
    const std::string name = entry.path().filename().string();
    CHECK_MESSAGE(!(name.ends_with(".tmp") || name.starts_with(".writable")), "left behind: ", name);
  }
}

int64_t newest_whole_step(const fs::path& folder) {
  const auto found = open_newest_checkpoint(tiny_checkpoints(folder));
  return found ? std::stoll(found->file.metadata().at("state.step")) : -1;
}

int64_t acknowledged_step(const fs::path& folder) {
  const fs::path named = tiny_checkpoints(folder) / "checkpoint";
  if (!fs::exists(named)) return -1;
  return std::stoll(file_contents(named).substr(std::string("model-").size()));
}

void report_skipped(const std::string& why) {
  std::printf("SKIPPED: %s\n", why.c_str());
  WARN_MESSAGE(false, "skipped: ", why);
}

}  // namespace inpaint
