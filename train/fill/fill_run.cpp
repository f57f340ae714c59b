#include "train/fill/fill_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "core/file/file.h"
#include "core/file/replace_file.h"
#include "core/image/editable_picture.h"
#include "train/data/picture_files.h"
#include "train/fill/hole_parts.h"
#include "train/fill/model_filler.h"
#include "train/fill/region.h"

namespace inpaint {
namespace {
namespace fs = std::filesystem;

PictureFormat format_named(const fs::path& path) {
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  if (ending == ".png") return PictureFormat::kPng;
  if (ending == ".jpg" || ending == ".jpeg") return PictureFormat::kJpeg;
  if (ending == ".pgm" || ending == ".ppm" || ending == ".pnm") return PictureFormat::kPnm;
  user_error("{}: the ending of its name says no format that can be written; give .png, .jpg, .pgm or .ppm",
             path.string());
}

bool is_same_file(const fs::path& a, const fs::path& b) {
  std::error_code error;
  return fs::equivalent(a, b, error) && !error;
}

void check_hole(const Image& mask, const std::string& name) {
  const int64_t missing = missing_pixels(mask), pixels = mask.height * mask.width;
  if (missing == 0) user_error("{}: there is nothing to fill: no pixel is missing", name);
  if (missing == pixels)
    user_error(
        "{}: every pixel is missing, nothing is left to go on from; does --mask_value say the right "
        "colour?",
        name);
}

// Runs over the pictures; holds what they share.
class FillRun {
 public:
  explicit FillRun(const FillSettings& settings)
      : settings_(settings), filler_(settings.checkpoint, settings.device, settings.gpu, settings.threads) {}

  // mask_path: empty, or the picture's mask.
  void fill(const fs::path& path, const fs::path& mask_path, const fs::path& out) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point begin = Clock::now();
    for (const fs::path& read : {path, mask_path})
      if (!read.empty() && is_same_file(read, out))
        user_error("{}: the result would overwrite what it is made from; give another --out", out.string());
    const EditablePicture file(path);
    const PictureFormat format = format_named(out);
    Image mask = hole_of(file, mask_path);
    grow_mask(mask, settings_.grow);
    check_hole(mask, mask_path.empty() ? path.string() : mask_path.string());

    Image filled = file.image();
    filler_.fill(filled, mask, settings_.finish);
    const std::vector<uint8_t> bytes = file.repainted(filled, mask, format);
    replace_file(out, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (!settings_.compare.empty()) write_png(settings_.compare, comparison(file.image(), mask, filled));
    fmt::print("{}: filled={} pixels, {:.2f} s\n", out.string(), missing_pixels(mask),
               std::chrono::duration<double>(Clock::now() - begin).count());
    std::fflush(stdout);
  }

 private:
  Image hole_of(const EditablePicture& file, const fs::path& mask_path) const {
    const Image& image = file.image();
    if (!mask_path.empty()) return mask_from_file(mask_path, settings_.mask_value, image.height, image.width);
    if (!settings_.boxes.empty()) return mask_from_boxes(settings_.boxes, image.height, image.width);
    if (file.alpha().height == 0)
      user_error(
          "{}: no hole: give --mask FILE or --box x,y,width,height, or a picture with a transparent "
          "part",
          file.path().string());
    return mask_from_alpha(file.alpha());
  }

  // The surroundings of the hole, side by side: with the hole in grey, filled harmonically, and the result.
  Image comparison(const Image& picture, const Image& mask, const Image& filled) {
    PixelBox box;
    for (const HolePart& part : hole_parts(mask)) {
      if (box.height == 0) box = part.box;
      const int64_t top = std::min(box.top, part.box.top), left = std::min(box.left, part.box.left);
      box = {top, left, std::max(box.bottom(), part.box.bottom()) - top,
             std::max(box.right(), part.box.right()) - left};
    }
    box = grown(box, std::max<int64_t>(32, std::max(box.height, box.width) / 2), picture);
    Image hole = picture, harmonic = picture;
    for (size_t pixel = 0; pixel < mask.bytes.size(); ++pixel)
      if (mask.bytes[pixel] != 0)
        std::fill_n(hole.bytes.begin() + static_cast<std::ptrdiff_t>(pixel) * hole.channels, hole.channels,
                    uint8_t{127});
    filler_.fill_harmonically(harmonic, mask);
    constexpr int64_t kMost = 1024;
    const double scale =
        std::min(1.0, static_cast<double>(kMost) / static_cast<double>(std::max(box.height, box.width)));
    const auto height = std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(box.height) * scale)),
               width = std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(box.width) * scale));
    std::vector<Image> images;
    for (const Image* image : {&std::as_const(hole), &std::as_const(harmonic), &filled})
      images.push_back(resize(crop(*image, box.top, box.left, box.height, box.width), height, width));
    return image_grid(images, 3);
  }

  const FillSettings& settings_;
  ModelFiller filler_;
};

// The picture in the folder with this path, but for the ending; empty when there is none.
fs::path with_any_ending(const fs::path& folder, const fs::path& relative) {
  for (const char* ending : {".png", ".PNG", ".jpg", ".JPG", ".jpeg", ".JPEG", ".pgm", ".ppm", ".pnm"}) {
    fs::path path = folder / relative;
    path.replace_extension(ending);
    if (fs::is_regular_file(path)) return path;
  }
  return {};
}

fs::path beside(const fs::path& path) {
  fs::path out = path.parent_path() / path.stem();
  out += "_filled";
  out += path.extension();
  return out;
}

// A file that is no picture is named when its turn comes.
bool becomes_png(const fs::path& path) {
  try {
    return !can_write(picture_format(path));
  } catch (const UserError&) {
    return false;
  }
}

// The name of a result that nobody has named: `out`, or with .png where the picture's format is not written.
fs::path result_name(const fs::path& picture, fs::path out) {
  return becomes_png(picture) ? out.replace_extension(".png") : out;
}

// The names of a folder's results below the folder they go to. A PNG does not take another result's name:
// a.heic beside a.png becomes a.heic.png.
std::vector<fs::path> result_names(const fs::path& folder, const std::vector<PictureFile>& pictures) {
  std::vector<fs::path> names;
  std::set<fs::path> taken;
  for (const PictureFile& picture : pictures) {
    names.push_back(picture.path.lexically_relative(folder));
    taken.insert(names.back());
  }
  for (size_t i = 0; i < names.size(); ++i) {
    const fs::path name = result_name(pictures[i].path, names[i]);
    if (name == names[i]) continue;
    if (taken.insert(name).second)
      names[i] = name;
    else
      names[i] += ".png";
  }
  return names;
}

void fill_folder(const FillSettings& s) {
  if (!s.compare.empty()) user_error("--compare is for one picture; {} is a folder", s.picture);
  const fs::path folder = s.picture;
  fs::path named = folder;
  if (!named.has_filename()) named = named.parent_path();
  const fs::path out = s.out.empty() ? beside(named) : fs::path(s.out);
  if (is_same_file(folder, out)) user_error("{}: results do not go where the pictures are", out.string());
  const bool has_masks = fs::is_directory(s.mask);
  const std::vector<PictureFile> pictures = pictures_in_folder(folder);
  FillRun run(s);
  std::optional<std::string> first_fault;
  size_t faults = 0;
  const std::vector<fs::path> names = result_names(folder, pictures);
  for (size_t i = 0; i < pictures.size(); ++i) {
    const PictureFile& picture = pictures[i];
    try {
      const fs::path relative = picture.path.lexically_relative(folder);
      const fs::path mask = has_masks ? with_any_ending(s.mask, relative) : fs::path(s.mask);
      if (has_masks && mask.empty())
        user_error("{}: no mask of this name in {}", picture.path.string(), s.mask);
      make_folders((out / names[i]).parent_path());
      run.fill(picture.path, mask, out / names[i]);
    } catch (const UserError& error) {
      fmt::print("passed over: {}\n", error.what());
      if (!first_fault) first_fault = error.what();
      ++faults;
    }
  }
  if (pictures.empty()) user_error("{}: no files in it", folder.string());
  if (first_fault)
    user_error("{} of {} files in {} could not be filled; the first: {}", faults, pictures.size(),
               folder.string(), *first_fault);
}

}  // namespace

void run_fill(const FillSettings& settings) {
  if (!settings.mask.empty() && !settings.boxes.empty())
    user_error("--mask and --box: give one or the other");
  if (!settings.mask.empty() && !fs::exists(settings.mask))
    user_error("{}: no such file or folder (--mask)", settings.mask);
  if (fs::is_directory(settings.picture)) return fill_folder(settings);
  fs::path mask = settings.mask;
  if (fs::is_directory(mask)) {
    mask = with_any_ending(mask, fs::path(settings.picture).filename());
    if (mask.empty()) user_error("{}: no mask named as {} in it", settings.mask, settings.picture);
  }
  const fs::path out =
      settings.out.empty() ? result_name(settings.picture, beside(settings.picture)) : fs::path(settings.out);
  FillRun(settings).fill(settings.picture, mask, out);
}

}  // namespace inpaint
