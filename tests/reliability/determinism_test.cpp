// The same run in other ways: the same bytes.
#include <doctest/doctest.h>

#include <random>

#include "core/file/safetensors.h"
#include "tests/harness/nightly.h"
#include "tests/reliability/tiny_run.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

// Everything a checkpoint holds but the flags, which tell the ways apart.
std::string contents(const fs::path& folder, int step) {
  const SafetensorsFile file(tiny_checkpoint(folder, step));
  std::string all;
  for (const auto& [key, value] : file.metadata())
    if (!key.starts_with("flag.")) all += key + '=' + value + '\n';
  for (const SafetensorsEntry& entry : file.tensors()) {
    std::string bytes(static_cast<size_t>(entry.bytes()), '\0');
    file.read(entry, std::as_writable_bytes(std::span(bytes)));
    all += entry.name + bytes;
  }
  return all;
}

std::string trained(const fs::path& folder, int steps, const std::vector<std::string>& more) {
  const Ending ending = train_tiny(folder, tiny_flags(steps, more));
  INFO(ending.err);
  REQUIRE(ending.exit_code == 0);
  return contents(folder, steps);
}

}  // namespace

TEST_CASE("determinism: 1, 2, 3 and 8 threads come to the same bytes, for every seed") {
  const int seeds = nightly() ? 5 : kSanitized ? 1 : 2, steps = nightly() || !kSanitized ? 200 : 20;
  std::set<std::string> ends;
  for (int seed = 1; seed <= seeds; ++seed) {
    std::string first;
    for (const int threads : {1, 2, 3, 8}) {
      CAPTURE(seed);
      CAPTURE(threads);
      const TemporaryFolder folder;
      put_tiny_data(folder.path());
      const std::string end = trained(folder.path(), steps,
                                      {"--threads=" + std::to_string(threads),
                                       "--seed=" + std::to_string(seed), "--shuffle", "--base_channels=8"});
      if (threads == 1) first = end;
      CHECK(end == first);
    }
    CHECK(ends.insert(first).second);  // another seed, another end
  }
}

TEST_CASE("determinism: stopped and resumed at random steps, the run comes to the same bytes") {
  const int stops = 20, steps = 200;
  const std::vector<std::string> flags = {"--shuffle", "--log_offsets"};
  std::mt19937 random(7);
  for (int round = 0; round < (nightly() ? 20 : 1); ++round) {
    std::set<int> at;
    while (static_cast<int>(at.size()) < stops) at.insert(1 + static_cast<int>(random() % (steps - 1)));
    const Undisturbed undisturbed(steps, flags);
    const TemporaryFolder folder;
    put_tiny_data(folder.path());
    for (const int step : at) trained(folder.path(), step, flags);
    trained(folder.path(), steps, flags);
    undisturbed.check_equal(folder.path());
  }
}
