#include "train/run/training_pictures.h"

#include <algorithm>
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
            workers(1)};
  CacheSource source{.folder = settings.data_dir,
                     .files = pictures_in_folder(settings.data_dir),
                     .image_size = settings.image_size,
                     .image_channel = settings.image_channel,
                     .for_squares = settings.random_crop};
  if (source.files.empty()) user_error("{}: there is no file in this folder", settings.data_dir);
  if (settings.data_cache)
    return {open_cached(cache_file(settings), source, ctx, say),
            workers(source.for_squares ? ctx.threads() : 1)};
  return {
      open_files(source.folder, usable_files(source, ctx, say), settings.image_size, settings.image_channel),
      workers(ctx.threads())};
}

}  // namespace inpaint
