#include "kernels/cuda/engine_choices.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <optional>

#include "core/file/file.h"
#include "core/file/replace_file.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;

namespace {

constexpr const char* kGpu = "GPU X; driver 1; library 2";

std::optional<std::string> found_later(const std::filesystem::path& folder, const char* product,
                                       const char* identity = kGpu) {
  return EngineChoices(folder, identity).find(product);
}

std::string text_of(const EngineChoices& choices) { return read_text_file(choices.file(), 1 << 20); }

}  // namespace

TEST_CASE("engine_choices: what is remembered is found by the next run, and by none on another GPU") {
  const TemporaryFolder folder;
  EngineChoices choices(folder.path() / "made" / "when needed", kGpu);
  CHECK(!choices.find("forward"));
  choices.remember("forward", "12: 2=1");
  choices.remember("backward", "3:");
  choices.remember("forward", "7:");
  CHECK(choices.find("forward") == "7:");
  const auto place = folder.path() / "made" / "when needed";
  CHECK(found_later(place, "forward") == "7:");
  CHECK(found_later(place, "backward") == "3:");
  CHECK(!found_later(place, "sideways"));
  CHECK(!found_later(place, "forward", "GPU X; driver 1; library 3"));
}

TEST_CASE("engine_choices: two runs at once keep each other's choices") {
  const TemporaryFolder folder;
  EngineChoices one(folder.path(), kGpu), two(folder.path(), kGpu);
  one.remember("a", "1:");
  two.remember("b", "2:");
  CHECK(found_later(folder.path(), "a") == "1:");
  CHECK(found_later(folder.path(), "b") == "2:");
}

TEST_CASE("engine_choices: a damaged file is measured anew: every byte counts") {
  const TemporaryFolder folder;
  EngineChoices choices(folder.path(), kGpu);
  choices.remember("forward", "12: 2=1");
  const std::string whole = text_of(choices);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    replace_file(choices.file(), damaged);
    REQUIRE_MESSAGE(!found_later(folder.path(), "forward"), "byte ", i);
    replace_file(choices.file(), whole.substr(0, i));
    REQUIRE_MESSAGE(!found_later(folder.path(), "forward"), "cut at ", i);
  }
  replace_file(choices.file(), std::string(2 << 20, 'x'));
  CHECK(!found_later(folder.path(), "forward"));
  EngineChoices again(folder.path(), kGpu);
  again.remember("forward", "5:");
  CHECK(found_later(folder.path(), "forward") == "5:");
}

TEST_CASE("engine_choices: no place to write to costs nothing but time") {
  const TemporaryFolder folder;
  replace_file(folder.path() / "file", "");
  EngineChoices inside_a_file(folder.path() / "file", kGpu), nowhere({}, kGpu);
  for (EngineChoices* const choices : {&inside_a_file, &nowhere}) {
    choices->remember("forward", "1:");
    CHECK(choices->find("forward") == "1:");
    choices->forget("forward");
    CHECK(!choices->find("forward"));
  }
}

TEST_CASE("engine_choices: the cache folder is the user's") {
  const auto keep = [](const char* name) {
    const char* const value = std::getenv(name);
    return std::pair(std::string(name), value == nullptr ? std::optional<std::string>() : std::string(value));
  };
  const std::pair<std::string, std::optional<std::string>> before[] = {keep("XDG_CACHE_HOME"), keep("HOME")};
  setenv("HOME", "/home/x", 1);
  setenv("XDG_CACHE_HOME", "/cache", 1);
  CHECK(EngineChoices::default_folder() == "/cache/inpaint");
  setenv("XDG_CACHE_HOME", "not/absolute", 1);
  CHECK(EngineChoices::default_folder() == "/home/x/.cache/inpaint");
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  CHECK(EngineChoices::default_folder().empty());
  for (const auto& [name, value] : before)
    value ? setenv(name.c_str(), value->c_str(), 1) : unsetenv(name.c_str());
}
