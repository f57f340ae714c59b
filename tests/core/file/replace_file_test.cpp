#include "core/file/replace_file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "core/base/error.h"
#include "tests/harness/fault_injection.h"
#include "tests/harness/run_and_kill.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;
using faults::Injection;
namespace fs = std::filesystem;

namespace {

const std::string kOld(3000, 'o'), kNew(5000, 'n');

void write_new(const fs::path& path, ReplaceFile::Existing existing = ReplaceFile::Existing::kReplace) {
  ReplaceFile file(path, existing);
  file.write(kNew.substr(0, 1));
  file.write(kNew.substr(1));
  file.commit();
}

}  // namespace

TEST_CASE("replace_file: new and old files, permissions kept, nothing else in the folder") {
  const TemporaryFolder folder;
  replace_file(folder / "a", "first");
  CHECK(file_contents(folder / "a") == "first");
  REQUIRE(chmod((folder / "a").c_str(), 0606) == 0);  // bits that a umask would take
  replace_file(folder / "a", "second");
  CHECK(file_contents(folder / "a") == "second");
  CHECK((fs::status(folder / "a").permissions() & fs::perms::all) == fs::perms{0606});
  CHECK(folder.names() == std::set<std::string>{"a"});
}

TEST_CASE("replace_file: without commit the old file stays and the temporary one goes") {
  const TemporaryFolder folder;
  put_file(folder / "a", kOld);
  {
    ReplaceFile file(folder / "a");
    file.write(kNew);
    CHECK(folder.names().size() == 2);
  }
  CHECK(file_contents(folder / "a") == kOld);
  CHECK(folder.names() == std::set<std::string>{"a"});
}

TEST_CASE("replace_file: verify sees all bytes in the temporary file, and its exception keeps the old one") {
  const TemporaryFolder folder;
  put_file(folder / "a", kOld);
  ReplaceFile file(folder / "a");
  file.write(kNew);
  CHECK_THROWS_WITH(file.commit([&](const fs::path& temporary) {
    CHECK(file_contents(temporary) == kNew);
    CHECK(file_contents(folder / "a") == kOld);
    throw Error("bad");
  }),
                    "bad");
  CHECK(file_contents(folder / "a") == kOld);
}

TEST_CASE("replace_file: any call that fails is reported, and the old file stays whole") {
  for (const int error : {ENOSPC, EIO, EROFS, EDQUOT}) {
    int failures = 0;
    for (int nth = 1;; ++nth) {
      CAPTURE(error);
      CAPTURE(nth);
      const TemporaryFolder folder;
      put_file(folder / "a", kOld);
      bool failed = false;
      std::string message;
      {
        const Injection injection(Injection::What::kFail, nth, error);
        try {
          write_new(folder / "a");
        } catch (const UserError& e) {
          failed = true;
          message = e.what();
        }
        if (injection.calls() < nth) break;
      }
      ++failures;
      REQUIRE(failed);
      CHECK(message.find(folder.path().string()) == 0);
      CHECK(message.find(strerror(error)) != std::string::npos);
      CHECK(message.find('\n') == std::string::npos);
      const bool in_place = message.find("is in place") != std::string::npos;
      CHECK(file_contents(folder / "a") == (in_place ? kNew : kOld));
      CHECK(folder.names() == std::set<std::string>{"a"});
    }
    // Folder, temporary file, two writes, fsync, rename, fsync of the folder.
    CHECK(failures == 7);
  }
}

TEST_CASE(
    "replace_file: killed before any call, the file is the old or the new one and the next start cleans up") {
  int kills = 0;
  bool seen_new = false;
  for (int nth = 1;; ++nth) {
    CAPTURE(nth);
    const TemporaryFolder folder;
    put_file(folder / "a", kOld);
    const bool by_kill = killed([&] {
      const Injection injection(Injection::What::kKill, nth);
      write_new(folder / "a");
    });
    const std::string now = file_contents(folder / "a");
    CHECK((now == kOld || now == kNew));
    CHECK((!seen_new || now == kNew));  // once in place, it stays so for every later kill
    seen_new |= now == kNew;
    remove_stale_temporaries(folder.path());
    CHECK(folder.names() == std::set<std::string>{"a"});
    if (!by_kill) break;
    ++kills;
  }
  CHECK(kills >= 8);
  CHECK(seen_new);
}

TEST_CASE("replace_file: a file size limit is reported and the old file stays") {
  const TemporaryFolder folder;
  put_file(folder / "a", kOld);
  const bool by_kill = killed([&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4000, 4000};
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_new(folder / "a");
    } catch (const UserError& e) {
      if (std::string(e.what()).find("cannot write: File too large; the file would pass a size limit") !=
          std::string::npos)
        return;
    }
    _exit(1);
  });
  CHECK_FALSE(by_kill);
  CHECK(file_contents(folder / "a") == kOld);
  CHECK(folder.names() == std::set<std::string>{"a"});
}

TEST_CASE("replace_file: kRefuse never overwrites, not even a file that appears meanwhile") {
  const TemporaryFolder folder;
  const auto refuse = ReplaceFile::Existing::kRefuse;
  write_new(folder / "a", refuse);
  CHECK(file_contents(folder / "a") == kNew);
  CHECK_THROWS_WITH_AS(ReplaceFile(folder / "a", refuse), doctest::Contains("it exists already"), UserError);
  ReplaceFile file(folder / "b", refuse);
  file.write(kNew);
  put_file(folder / "b", kOld);
  CHECK_THROWS_WITH_AS(file.commit(), doctest::Contains("it exists already"), UserError);
  CHECK(file_contents(folder / "b") == kOld);
}

TEST_CASE("replace_file: kRefuse on a file system without RENAME_NOREPLACE") {
  const TemporaryFolder folder;
  ReplaceFile fresh(folder / "a", ReplaceFile::Existing::kRefuse);
  ReplaceFile late(folder / "a", ReplaceFile::Existing::kRefuse);
  fresh.write(kNew);
  late.write(kOld);
  for (ReplaceFile* file : {&fresh, &late}) {
    const Injection injection(Injection::What::kFail, 2, EINVAL);  // 1 is fsync, 2 renameat2
    if (file == &fresh)
      file->commit();
    else
      CHECK_THROWS_WITH_AS(file->commit(), doctest::Contains("it exists already"), UserError);
  }
  CHECK(file_contents(folder / "a") == kNew);
}

TEST_CASE("replace_file: links are followed, folders and devices refused") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "real");
  put_file(folder / "real/a", kOld);
  fs::create_symlink("real/a", folder / "link");
  write_new(folder / "link");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(file_contents(folder / "real/a") == kNew);
  CHECK_THROWS_WITH_AS(ReplaceFile(folder / "real"), doctest::Contains("this is a folder"), UserError);
  CHECK_THROWS_WITH_AS(ReplaceFile(folder.path().string() + "/"), doctest::Contains("this is a folder"),
                       UserError);
  CHECK_THROWS_WITH_AS(ReplaceFile("/dev/null"), doctest::Contains("not a regular file"), UserError);
  CHECK_THROWS_WITH_AS(ReplaceFile(folder / "none/a"), doctest::Contains("No such file or directory"),
                       UserError);
}

TEST_CASE("replace_file: cleaning up spares what is being written and what is not ours") {
  const TemporaryFolder folder;
  ReplaceFile alive(folder / "a");
  alive.write(kNew);
  put_file(folder / ".inpaint-0123456789abcdef.tmp", "left by a dead process");
  put_file(folder / ".inpaint-0123456789abcdeg.tmp", "not a name of ours");
  put_file(folder / "other.tmp", "");
  CHECK(remove_stale_temporaries(folder.path()) == 1);
  CHECK(folder.names().size() == 3);
  alive.commit();
  CHECK(file_contents(folder / "a") == kNew);
  CHECK_THROWS_AS(remove_stale_temporaries(folder / "none"), UserError);
}
