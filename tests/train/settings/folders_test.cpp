#include "train/settings/folders.h"

#include <doctest/doctest.h>

#include "tests/harness/error_message.h"
#include "tests/harness/fault_injection.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {
TrainSettings settings_in(const TemporaryFolder& folder) {
  TrainSettings s;
  s.data_root = folder / "d";
  s.checkpoint_root = folder / "c";
  s.log_root = folder / "l";
  s.sample_root = folder / "s";
  return s;
}

void make(const TrainSettings& s) {
  NewFolders made;
  make_run_folders(s, made);
  made.keep();
}
}  // namespace

TEST_CASE("folders: the source program's paths") {
  TrainSettings s;
  CHECK(data_file(s) == "data/inpaint128_train.bin");
  CHECK(checkpoint_folder(s) == "checkpoints/inpaint128/gpu0");
  CHECK(log_folder(s) == "logs/inpaint128/gpu0");
  CHECK(sample_folder(s) == "samples/inpaint128/gpu0/train");
  s.dataname = "street";
  s.image_size = 64;
  s.gpu = 3;
  s.mode = Split::kTest;
  s.data_root = "/d/";
  s.checkpoint_root = "c";
  s.log_root = "../l";
  s.sample_root = ".";
  CHECK(data_file(s) == "/d/street64_test.bin");
  CHECK(checkpoint_folder(s) == "c/street64/gpu3");
  CHECK(log_folder(s) == "../l/street64/gpu3");
  CHECK(sample_folder(s) == "./street64/gpu3/test");
}

TEST_CASE("folders: made when missing, left alone when there, nothing left in them") {
  const TemporaryFolder folder;
  const TrainSettings s = settings_in(folder);
  make(s);
  CHECK(folder.names() == std::set<std::string>{"c", "l", "s"});
  for (const fs::path& made : {checkpoint_folder(s), log_folder(s), sample_folder(s)}) {
    REQUIRE(fs::is_directory(made));
    CHECK(fs::is_empty(made));
  }
  put_file(checkpoint_folder(s) / "kept", "x");
  make(s);
  CHECK(file_contents(checkpoint_folder(s) / "kept") == "x");

  const char* stale = ".inpaint-0123456789abcdef.tmp";  // a dead process's
  for (const fs::path& made : {checkpoint_folder(s), log_folder(s), sample_folder(s)})
    put_file(made / stale, "");
  make(s);
  for (const fs::path& made : {checkpoint_folder(s), log_folder(s), sample_folder(s)})
    CHECK_FALSE(fs::exists(made / stale));
}

TEST_CASE("folders: a run that only scores makes no folder for checkpoints and logs") {
  for (const Split mode : {Split::kValidate, Split::kTest}) {
    const TemporaryFolder folder;
    TrainSettings s = settings_in(folder);
    s.mode = mode;
    make(s);
    CHECK(folder.names() == std::set<std::string>{"s"});
    CHECK(fs::is_directory(folder / "s" / "inpaint128" / "gpu0" / to_string(mode)));
  }
}

TEST_CASE("folders: one that cannot be made is an error that names it and its flag") {
  const TemporaryFolder folder;
  put_file(folder / "file", "x");
  for (const auto& [root, flag] : {std::pair{&TrainSettings::checkpoint_root, "checkpoint_root"},
                                   std::pair{&TrainSettings::log_root, "log_root"},
                                   std::pair{&TrainSettings::sample_root, "sample_root"}}) {
    TrainSettings s = settings_in(folder);
    s.*root = folder / "file";
    const std::string message = error_message([&] { make(s); });
    CAPTURE(message);
    CHECK(message.starts_with((folder / "file").string()));
    CHECK(contains(message, "Not a directory"));
    CHECK(message.ends_with(std::string(" (--") + flag + " moves it)"));
  }
  CHECK(file_contents(folder / "file") == "x");
}

TEST_CASE("folders: one that cannot be written to is an error") {
  const TemporaryFolder folder;
  const TrainSettings s = settings_in(folder);
  make(s);
  // Permissions do not bind an administrator, so a file system that takes no files stands in.
  fs::remove(sample_folder(s));
  fs::create_directory_symlink("/proc/self", sample_folder(s));
  const std::string message = error_message([&] { make(s); });
  CAPTURE(message);
  CHECK(message.starts_with(sample_folder(s).string() + ": cannot write into this folder: "));
  CHECK(message.ends_with("(--sample_root moves it)"));
}

TEST_CASE("folders: configs.txt grows by an entry a run") {
  const TemporaryFolder folder;
  TrainSettings s = settings_in(folder);
  make(s);
  append_configs(s);
  const std::string first = file_contents(checkpoint_folder(s) / "configs.txt");
  CHECK(first.starts_with("dataname:inpaint\n"));
  CHECK(first.ends_with("\n\n"));
  s.epoch = 7;
  append_configs(s);
  const std::string both = file_contents(checkpoint_folder(s) / "configs.txt");
  CHECK(both.starts_with(first));
  CHECK(contains(both.substr(first.size()), "\nepoch:7\n"));

  const faults::Injection injection(faults::Injection::What::kFail, 2, ENOSPC);  // the write
  CHECK(contains(error_message([&] { append_configs(s); }),
                 "configs.txt: cannot write: No space left on device"));
}
