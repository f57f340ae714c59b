#include "train/data/picture_files.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> names(const std::vector<PictureFile>& sources, const fs::path& folder) {
  std::vector<std::string> found;
  for (const PictureFile& source : sources) found.push_back(source.path.lexically_relative(folder).string());
  return found;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("picture_files: everything below a folder, sorted, hidden files left out") {
  const TemporaryFolder folder;
  fs::create_directories(folder / "b/deep");
  fs::create_directories(folder / ".hidden");
  for (const std::string name :
       {"c.png", "a.jpg", "b/deep/x.ppm", "b/notes.txt", ".DS_Store", ".hidden/y.png"})
    put_file(folder / name, "");
  fs::create_symlink("a.jpg", folder / "link.jpg");
  fs::create_symlink("nowhere", folder / "dangling.jpg");
  fs::create_directory_symlink("b", folder / "round");
  const auto sources = pictures_in_folder(folder.path());
  CHECK(names(sources, folder.path()) == Names{"a.jpg", "b/deep/x.ppm", "b/notes.txt", "c.png", "link.jpg"});
  CHECK(!sources[0].split);
}

TEST_CASE("picture_files: links to folders are followed, each folder once, loops and ways out end") {
  const TemporaryFolder folder;
  for (const std::string path : {"top/b", "elsewhere/deep"}) fs::create_directories(folder / path);
  for (const std::string name :
       {"top/a.png", "top/b/b.png", "elsewhere/c.png", "elsewhere/deep/d.png", "not.png"})
    put_file(folder / name, "");
  fs::create_directory_symlink(folder / "elsewhere", folder / "top/a_link");
  fs::create_directory_symlink(folder / "elsewhere/deep", folder / "top/c_link");  // there already, by a_link
  fs::create_directory_symlink(folder / "top", folder / "elsewhere/back");
  fs::create_directory_symlink("..", folder / "top/b/up");
  fs::create_directory_symlink(folder.path(), folder / "top/out");
  fs::create_directory_symlink("itself", folder / "top/itself");
  const Names expected{"a.png", "a_link/c.png", "a_link/deep/d.png", "b/b.png"};
  CHECK(names(pictures_in_folder(folder / "top"), folder / "top") == expected);
  fs::create_directory_symlink(folder / "top", folder / "entry");  // the folder may be named by a link
  CHECK(names(pictures_in_folder(folder / "entry"), folder / "entry") == expected);
}

TEST_CASE(
    "picture_files: lists of any editor: byte order mark, blanks behind a path, CR LF, and UTF-16 refused") {
  const TemporaryFolder folder;
  for (const std::string name : {"a.png", "b.png", "ends in a blank "}) put_file(folder / name, "");
  put_file(folder / "list.txt",
           "\xEF\xBB\xBF"
           "a.png \t\r\n   \nends in a blank \nb.png  ");
  CHECK(names(pictures_in_lists(folder.path(), {{folder / "list.txt", {}}}), folder.path()) ==
        Names{"a.png", "ends in a blank ", "b.png"});
  const auto refused = [&](const std::string& text) {
    put_file(folder / "list.txt", text);
    return error_message([&] { pictures_in_lists(folder.path(), {{folder / "list.txt", {}}}); });
  };
  using namespace std::string_literals;
  CHECK(contains(refused("\xFF\xFE"
                         "a\0.\0"s),
                 "list.txt: UTF-16 text, and UTF-8 is read here"));
  CHECK(contains(refused("\xFE\xFF\0a"s), "iconv -f UTF-16 -t UTF-8"));
  CHECK(contains(refused("a\0.\0p\0"s), "iconv -f UTF-16LE -t UTF-8"));
  CHECK(contains(refused("\0a\0."s), "iconv -f UTF-16BE -t UTF-8"));
}

TEST_CASE("picture_files: a folder that is not there, or is none") {
  const TemporaryFolder folder;
  put_file(folder / "file", "");
  CHECK(contains(error_message([&] { pictures_in_folder(folder / "missing"); }), "there is no such folder"));
  CHECK(contains(error_message([&] { pictures_in_folder(folder / "file"); }), "not a folder"));
  CHECK(
      contains(error_message([&] { pictures_in_lists(folder / "missing", {}); }), "there is no such folder"));
}

TEST_CASE("picture_files: which files are held out follows from their names alone") {
  const fs::path folder = "/anywhere";
  const auto files = [&](int first, int last) {
    std::vector<PictureFile> list;
    for (int i = first; i < last; ++i) list.push_back({folder / fmt::format("sub/{}.jpg", i), {}});
    return list;
  };
  const auto held_out = [&](const std::vector<PictureFile>& list, double share) {
    const PartedFiles parted = part_files(list, folder, share);
    CHECK(parted.kept.size() + parted.held_out.size() == list.size());
    std::set<std::string> all;
    for (const auto* part : {&parted.kept, &parted.held_out})
      for (const PictureFile& file : *part) all.insert(file.path.string());
    CHECK(all.size() == list.size());
    std::set<std::string> chosen;
    for (const std::string& name : names(parted.held_out, folder)) chosen.insert(name);
    return chosen;
  };
  const auto tenth = held_out(files(0, 3000), 0.1);
  CHECK(tenth.size() > 240);
  CHECK(tenth.size() < 360);
  CHECK(tenth.contains("sub/7.jpg") == held_out(files(5, 900), 0.1).contains("sub/7.jpg"));
  // Others come and go, and the folder moves.
  for (const std::string& name : held_out(files(1000, 2000), 0.1)) CHECK(tenth.contains(name));
  std::vector<PictureFile> moved = files(0, 3000);
  for (PictureFile& file : moved) file.path = "/else" / file.path.lexically_relative(folder);
  CHECK(part_files(moved, "/else", 0.1).held_out.size() == tenth.size());
  const auto fifth = held_out(files(0, 3000), 0.2);
  for (const std::string& name : tenth) CHECK(fifth.contains(name));
  // Some of two, none of one, and never all.
  CHECK(held_out(files(0, 2), 0.0001).size() == 1);
  CHECK(held_out(files(0, 2), 0.9999).size() == 1);
  CHECK(held_out(files(0, 1), 0.0001).empty());
  CHECK(held_out(files(0, 50), 0).empty());
}

TEST_CASE("picture_files: lists keep their order and bring their split") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "images");
  for (const std::string name : {"images/a.jpg", "images/b.jpg", "c.png"}) put_file(folder / name, "");
  put_file(folder / "train.txt", "# the order is mine\nimages/b.jpg\r\n\n./images//a.jpg");
  put_file(folder / "test.txt", "c.png\n");
  const auto sources = pictures_in_lists(
      folder.path(), {{folder / "train.txt", Split::kTrain}, {folder / "test.txt", Split::kTest}});
  CHECK(names(sources, folder.path()) == Names{"images/b.jpg", "images/a.jpg", "c.png"});
  CHECK(sources[0].split == Split::kTrain);
  CHECK(sources[1].split == Split::kTrain);
  CHECK(sources[2].split == Split::kTest);
}

TEST_CASE("picture_files: a wrong line is named") {
  const TemporaryFolder folder;
  put_file(folder / "a.png", "");
  put_file(folder / "other.txt", "a.png\n");
  const auto refused = [&](const std::string& list) {
    put_file(folder / "list.txt", list);
    const std::string message = error_message([&] {
      pictures_in_lists(folder.path(), {{folder / "other.txt", {}}, {folder / "list.txt", {}}});
    });
    CHECK(!contains(message, "\n"));
    return message;
  };
  CHECK(contains(refused("\n\nb.png\n"), "list.txt:3: there is no file 'b.png'"));
  CHECK(contains(refused("../a.png\n"), "list.txt:1: '../a.png' leads out of"));
  CHECK(contains(refused("x/../../a.png\n"), "leads out of"));
  CHECK(contains(refused((folder / "a.png").string()), "leads out of"));
  CHECK(contains(refused("# x\n./a.png\n"), "list.txt:2: './a.png' was named before, at"));
  CHECK(contains(refused("a.png\n"), "other.txt:1"));
  CHECK(contains(error_message([&] {
                   pictures_in_lists(folder.path(), {{folder / "missing.txt", {}}});
                 }),
                 "missing.txt: cannot open"));
}
