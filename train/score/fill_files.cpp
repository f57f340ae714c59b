#include "train/score/fill_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "core/file/file.h"
#include "core/image/image_codec.h"
#include "train/data/picture_grid.h"

namespace inpaint {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMostNameBytes = 120;

fs::path without_slash(const fs::path& folder) {
  return folder.has_filename() ? folder : folder.parent_path();
}

fs::path above(const fs::path& folder) { return folder.has_parent_path() ? folder.parent_path() : "."; }

void make_folder(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0777) != 0) throw_file_error("make the folder", folder, errno);
}

}  // namespace

std::string fill_file_name(int64_t number, int digits, const std::string& picture) {
  const std::string stem = fmt::format("{:0{}}", number, digits);
  if (picture == std::to_string(number)) return stem + ".png";  // a data set's picture
  std::string name = fs::path(picture).replace_extension().string();
  if (name.size() > kMostNameBytes) {
    size_t end = kMostNameBytes;
    while (end > 0 && (name[end] & 0xC0) == 0x80) --end;  // not within a character of UTF-8
    name.resize(end);
  }
  for (char& c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || std::string_view("/\\:*?\"<>|").find(c) != std::string_view::npos)
      c = '_';
  }
  return stem + '_' + name + ".png";
}

FillFiles::FillFiles(const fs::path& folder, int64_t count)
    : folder_(without_slash(folder)),
      unfinished_(folder_.string() + ".unfinished"),
      digits_(static_cast<int>(std::to_string(count - 1).size())) {
  if (std::error_code error; fs::exists(folder_, error) && !names_in_folder(folder_).empty())
    user_error("{}: this folder is not empty; give save_fills a new one", folder_.string());
  make_folders(above(folder_));
  if (::mkdir(unfinished_.c_str(), 0777) == 0) return;
  if (errno != EEXIST) throw_file_error("make the folder", unfinished_, errno);
  user_error(
      "{}: fills of an evaluation that was cut off, or that still runs; remove the folder, then start "
      "again",
      unfinished_.string());
}

FillFiles::~FillFiles() {
  std::error_code error;
  if (!committed_) fs::remove_all(unfinished_, error);
}

void FillFiles::add_given(const Context& ctx, const HoleBatch& batch) {
  const Batch given = batch.batch();
  write(ctx, batch, "truth", given.pictures);
  const Shape& s = given.holes.mask.shape;
  std::vector<uint8_t> white(static_cast<size_t>(given.holes.mask.elements()));
  for (size_t i = 0; i < white.size(); ++i) white[i] = given.holes.mask.as<uint8_t>()[i] != 0 ? 255 : 0;
  write(ctx, batch, "masks", {{s[0], s[1], s[2], 1}, DType::kU8, Device::kCpu, white.data()});
}

void FillFiles::add_painted(const Context& ctx, const HoleBatch& batch, const std::string& method) {
  write(ctx, batch, method, batch.inpainted());
}

void FillFiles::write(const Context& ctx, const HoleBatch& batch, const std::string& folder,
                      const Tensor& pictures) {
  const fs::path place = unfinished_ / folder;
  if (made_.insert(folder).second) make_folder(place);
  std::vector<std::vector<uint8_t>> files(batch.numbers().size());
  ctx.parallel(pictures.shape[0],
               [&](int64_t n, int) { files[static_cast<size_t>(n)] = encode_png(picture_of(pictures, n)); });
  for (size_t n = 0; n < files.size(); ++n) {
    const std::string name = fill_file_name(batch.numbers()[n], digits_, batch.name(static_cast<int64_t>(n)));
    File(place / name, O_WRONLY | O_CREAT | O_EXCL).write(std::as_bytes(std::span(files[n])));
  }
}

void FillFiles::commit() {
  // One call for all of the files: thousands of them are waited for at once.
  if (const File all(unfinished_, O_RDONLY | O_DIRECTORY); ::syncfs(all.fd()) != 0)
    throw_file_error("write to the disk", unfinished_, errno);
  if (::rename(unfinished_.c_str(), folder_.c_str()) != 0)
    throw_file_error("give the fills their folder", folder_, errno);
  committed_ = true;
  sync_folder(File(above(folder_), O_RDONLY | O_DIRECTORY));
}

}  // namespace inpaint
