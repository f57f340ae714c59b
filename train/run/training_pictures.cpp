#include "train/run/training_pictures.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/image/image_codec.h"
#include "train/data/picture_cache.h"
#include "train/settings/folders.h"

namespace inpaint {
namespace {

using Say = std::function<void(const std::string&)>;

void say_skipped(const Say& say, const std::string& folder, const std::vector<std::string>& skipped) {
  if (skipped.empty()) return;
  say(fmt::format("note: {} of the files in {} cannot be used and {} left out; the first: {}", skipped.size(),
                  folder, skipped.size() == 1 ? "is" : "are", skipped.front()));
}

// What is wrong with a file, as far as its head tells.
std::string problem_of(const PictureFile& file, int64_t image_size) {
  try {
    const int64_t side = picture_short_side(file.path);
    if (side < image_size)
      return fmt::format("{}: a short side of {} pixels is too little for image_size {}", file.path.string(),
                         side, image_size);
    return {};
  } catch (const UserError& error) {
    return error.what();
  }
}

std::vector<PictureFile> usable_files(const CacheSource& source, const Context& ctx, const Say& say) {
  std::vector<std::string> problems(source.files.size());
  ctx.parallel(static_cast<int64_t>(problems.size()), [&](int64_t i, int) {
    problems[static_cast<size_t>(i)] = problem_of(source.files[static_cast<size_t>(i)], source.image_size);
  });
  std::vector<PictureFile> files;
  std::vector<std::string> skipped;
  for (size_t i = 0; i < problems.size(); ++i) {
    if (problems[i].empty())
      files.push_back(source.files[i]);
    else
      skipped.push_back(problems[i]);
  }
  if (files.empty())
    user_error("{}: none of {} files can be used; the first: {}", source.folder.string(), problems.size(),
               skipped.front());
  say_skipped(say, source.folder.string(), skipped);
  return files;
}

std::unique_ptr<PictureSet> open_cached(const std::filesystem::path& path, const CacheSource& source,
                                        const Context& ctx, const Say& say) {
  const std::string description = describe(source);
  std::string why_not;
  auto set = open_picture_cache(path, source, description, why_not);
  if (set == nullptr) {
    say(fmt::format("Decoding {} files of {} once, into {}: {}", source.files.size(), source.folder.string(),
                    path.string(), why_not));
    say_skipped(say, source.folder.string(), write_picture_cache(ctx, path, source, description).skipped);
    set = open_picture_cache(path, source, description, why_not);
    if (set == nullptr)
      user_error(
          "{}: cannot be read back right after it was written: {}; check the disk, or leave out data_cache",
          path.string(), why_not);
  }
  return set;
}

}  // namespace

TrainingPictures open_training_pictures(const TrainSettings& settings, const Context& ctx, const Say& say) {
  const auto workers = [&](int by_default) {
    return settings.loader_threads > 0 ? settings.loader_threads : by_default;
  };
  if (settings.data_dir == TrainSettings::kNoFolder)
    return {open_dataset(data_file(settings, Split::kTrain), settings.image_size, settings.image_channel),
            workers(1), nullptr};
  CacheSource source{.folder = settings.data_dir,
                     .files = pictures_in_folder(settings.data_dir),
                     .image_size = settings.image_size,
                     .image_channel = settings.image_channel,
                     .for_squares = settings.random_crop};
  if (source.files.empty()) user_error("{}: there is no file in this folder", settings.data_dir);
  if (!settings.data_cache || settings.validate_share > 0) source.files = usable_files(source, ctx, say);
  PartedFiles parted = part_files(source.files, source.folder, settings.validate_share);
  if (settings.validate_share > 0 && parted.held_out.empty())
    user_error("{}: a single picture, and validate_share={} would hold one out; give validate_share=0",
               settings.data_dir, settings.validate_share);
  const auto open = [&](std::vector<PictureFile> files, Split split) {
    if (!settings.data_cache)
      return open_files(source.folder, std::move(files), settings.image_size, settings.image_channel);
    CacheSource part = source;
    part.files = std::move(files);
    part.for_squares = source.for_squares && split == Split::kTrain;
    return open_cached(cache_file(settings, split), part, ctx, say);
  };
  TrainingPictures pictures;
  pictures.set = open(std::move(parted.kept), Split::kTrain);
  pictures.workers = workers(settings.data_cache && !source.for_squares ? 1 : ctx.threads());
  if (!parted.held_out.empty()) pictures.held_out = open(std::move(parted.held_out), Split::kValidate);
  return pictures;
}

TrainingPictures open_validation_pictures(const TrainSettings& settings, Split mode, const Context& ctx,
                                          const Say& say) {
  if (mode == Split::kValidate && settings.validate_share > 0) {
    TrainingPictures pictures = open_training_pictures(settings, ctx, say);
    return {std::move(pictures.held_out), pictures.workers, nullptr};
  }
  return {open_dataset(data_file(settings, mode), settings.image_size, settings.image_channel), 1, nullptr};
}

}  // namespace inpaint
