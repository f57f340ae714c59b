#include "train/datasets/data_conversion.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/base/philox.h"
#include "core/base/plain_text.h"
#include "core/file/file.h"
#include "core/file/replace_file.h"
#include "core/image/image_codec.h"
#include "train/data/picture_squares.h"
#include "train/data/shuffle.h"
#include "train/datasets/duplicate_pictures.h"

namespace inpaint {
namespace {

// Parts of the stream kDataConversion.
constexpr uint32_t kSplitPart = 0, kCropPart = 1, kOrderPart = 2;  // + the split

struct UsedPicture {
  int64_t source;
  int64_t first_image;  // in the staging file
};

// Images wait here, in the order they were read, until it is known which pictures could be used: only then
// can they be split and shuffled. The file has no name, so nothing of it can be left behind.
class Staging {
 public:
  explicit Staging(const DatasetTarget& target) : image_bytes_(target.image_bytes()) {
    const auto path = target.data_root / fmt::format(".inpaint-staging-{}", ::getpid());
    file_ = File(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    ::unlink(path.c_str());
  }

  int64_t images() const { return images_; }

  void add(std::span<const uint8_t> images) {
    file_.write(std::as_bytes(images));
    images_ += static_cast<int64_t>(images.size()) / image_bytes_;
  }

  void read(int64_t image, std::span<uint8_t> to) const {
    file_.read_at(image * image_bytes_, std::as_writable_bytes(to));
  }

 private:
  int64_t image_bytes_;
  int64_t images_ = 0;
  File file_;
};

void check_options(const ConversionOptions& options) {
  check_target(options.target);
  check_shares(options.shares);
  if (options.random_crops < 0 || options.random_crops > 1000)
    user_error("random_crops: {} is not between 0 and 1000", options.random_crops);
  if (!(options.smallest_crop > 0 && options.smallest_crop <= 1))  // nan fails too
    user_error("smallest_crop: {} is not above 0 and at most 1", options.smallest_crop);
}

std::vector<Split> possible_splits(const std::vector<PictureFile>& sources, const SplitShares& shares) {
  std::set<Split> splits;
  // Which splits have a share does not depend on how many pictures there are, as long as they are enough.
  const auto counts = split_counts(1000, shares);
  for (const PictureFile& source : sources) {
    if (source.split) splits.insert(*source.split);
    for (size_t i = 0; i < kSplits.size() && !source.split; ++i)
      if (counts[i] > 0) splits.insert(kSplits[i]);
  }
  return {splits.begin(), splits.end()};
}

struct Reading {
  std::vector<uint8_t> images;
  PictureMark mark;
  bool is_transparent = false;
  std::string problem = {};  // empty: none
};

Reading read_picture(const PictureFile& source, int64_t number, const ConversionOptions& options) {
  try {
    const std::string name = source.path.string();
    StoredPicture stored = decode_stored(read_picture_file(source.path), name);
    const bool transparent = is_transparent(stored);
    const Image picture = laid_over_black(std::move(stored));
    return {crops_of(picture, name, number, options), mark_of(picture), transparent};
  } catch (const OutOfMemory&) {
    throw;
  } catch (const UserError& error) {
    return {.images = {}, .mark = {}, .problem = error.what()};
  }
}

// "<path>: 200 x 15 pixels are too few; ..." is of the kind "N x N pixels are too few".
std::string kind_of(const std::string& problem, const std::string& path) {
  std::string kind;
  for (const char c : problem.substr(std::min(problem.size(), path.size() + 2))) {
    if (c == ':' || c == ';') break;
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit)
      kind += c;
    else if (kind.empty() || kind.back() != 'N')
      kind += 'N';
  }
  return kind;
}

// A text beside the data sets, <dataname><image_size>_<name>.txt. An earlier run's file goes where there is
// nothing to say this time.
std::filesystem::path write_beside(const DatasetTarget& target, const char* name, const std::string& text) {
  const std::filesystem::path file =
      target.data_root / fmt::format("{}{}_{}.txt", target.dataname, target.image_size, name);
  if (text.empty()) {
    std::filesystem::remove(file);
    return {};
  }
  replace_file(file, text);
  return file;
}

std::string lines_of_text(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += escaped(line) + "\n";
  return text;
}

// Which split each used picture goes to. Those that no list has placed are shared out by chance, and all of a
// group go where its first goes.
std::vector<Split> place_pictures(const std::vector<PictureFile>& sources,
                                  const std::vector<UsedPicture>& used,
                                  const std::vector<Relation>& relations, const ConversionOptions& options) {
  std::vector<Split> splits(used.size(), Split::kTrain);
  std::vector<int64_t> unplaced;
  const auto listed = [&](size_t i) { return sources[static_cast<size_t>(used[i].source)].split; };
  const auto first = [&](size_t i) { return static_cast<size_t>(relations[i].first); };
  for (size_t i = 0; i < used.size(); ++i) {
    if (listed(i))
      splits[i] = *listed(i);
    else if (first(i) == i)
      unplaced.push_back(static_cast<int64_t>(i));
  }
  shuffle(unplaced, Philox(options.seed, RandomStream::kDataConversion, kSplitPart), 0);
  const auto counts = split_counts(static_cast<int64_t>(unplaced.size()), options.shares);
  auto next = unplaced.begin();
  for (size_t m = 0; m < kSplits.size(); ++m)
    for (int64_t i = 0; i < counts[m]; ++i) splits[static_cast<size_t>(*next++)] = kSplits[m];
  for (size_t i = 0; i < used.size(); ++i)
    if (!listed(i)) splits[i] = splits[first(i)];
  return splits;
}

void report_duplicates(const std::vector<PictureFile>& sources, const std::vector<UsedPicture>& used,
                       const std::vector<Relation>& relations, const std::vector<Split>& placed,
                       const DatasetTarget& target, ConversionReport& report) {
  std::vector<std::string> names;
  std::set<int64_t> torn;
  for (size_t i = 0; i < used.size(); ++i) {
    names.push_back(sources[static_cast<size_t>(used[i].source)].path.string());
    report.equal += relations[i].likeness == Likeness::kEqual;
    report.alike += relations[i].likeness == Likeness::kAlike;
    if (placed[i] != placed[static_cast<size_t>(relations[i].first)]) torn.insert(relations[i].first);
  }
  report.torn_groups = std::ssize(torn);
  report.duplicates_file = write_beside(target, "duplicates", duplicates_text(relations, names));
}

}  // namespace

std::vector<uint8_t> crops_of(const Image& picture, const std::string& name, int64_t source,
                              const ConversionOptions& options) {
  const int64_t size = options.target.image_size, side = std::min(picture.height, picture.width);
  const int channels = options.target.image_channel;
  check_large_enough(picture.height, picture.width, size, name);
  if (options.random_crops == 0) return centre_image(picture, size, channels).bytes;
  const Philox random(options.seed, RandomStream::kDataConversion, kCropPart);
  const auto smallest = static_cast<int64_t>(std::ceil(options.smallest_crop * static_cast<double>(side)));
  const int64_t least = std::max(size, smallest);
  std::vector<uint8_t> images;
  for (uint32_t k = 0; k < static_cast<uint32_t>(options.random_crops); ++k) {
    const Square square =
        draw_square(picture.height, picture.width, least, [&](int64_t bound, uint32_t draw) {
          return int64_t{
              random.below(static_cast<uint32_t>(bound), static_cast<uint64_t>(source), 3 * k + draw)};
        });
    const Image image = square_image(picture, square, size, channels);
    images.insert(images.end(), image.bytes.begin(), image.bytes.end());
  }
  return images;
}

ConversionReport convert_pictures(const Context& ctx, const std::vector<PictureFile>& sources,
                                  const ConversionOptions& options) {
  check_options(options);
  DatasetOutputs outputs(options.target, possible_splits(sources, options.shares), options.source,
                         options.seed);
  Staging staging(options.target);
  const int64_t total = static_cast<int64_t>(sources.size());
  const int64_t images_per_picture = std::max(1, options.random_crops);

  // Pictures are read side by side, a few at a time so that their images need little memory, and staged
  // in order.
  constexpr int64_t kBlockBytes = int64_t{64} << 20;
  const int64_t block = std::clamp<int64_t>(kBlockBytes / (images_per_picture * options.target.image_bytes()),
                                            ctx.threads(), 64);
  ConversionReport report;
  std::vector<UsedPicture> used;
  std::vector<PictureMark> marks;  // of the used ones
  for (int64_t begin = 0; begin < total; begin += block) {
    const int64_t end = std::min(total, begin + block);
    std::vector<Reading> readings(static_cast<size_t>(end - begin));
    ctx.parallel(end - begin, [&](int64_t i, int) {
      readings[static_cast<size_t>(i)] =
          read_picture(sources[static_cast<size_t>(begin + i)], begin + i, options);
    });
    for (int64_t i = begin; i < end; ++i) {
      const Reading& reading = readings[static_cast<size_t>(i - begin)];
      if (!reading.problem.empty()) {
        report.skipped.push_back(reading.problem);
        ++report.reasons[kind_of(reading.problem, sources[static_cast<size_t>(i)].path.string())];
        continue;
      }
      used.push_back({i, staging.images()});
      marks.push_back(reading.mark);
      report.transparent += reading.is_transparent;
      staging.add(reading.images);
    }
    if (options.on_progress) options.on_progress(end, total);
  }
  if (used.empty())
    user_error("none of {} files could be used{}{}", total, report.skipped.empty() ? "" : "; the first: ",
               report.skipped.empty() ? "" : report.skipped.front());

  const std::vector<Relation> relations = find_duplicates(marks);
  const std::vector<Split> placed = place_pictures(sources, used, relations, options);
  std::vector<uint8_t> image(static_cast<size_t>(options.target.image_bytes()));
  for (const Split split : kSplits) {
    std::vector<int64_t> order;
    for (size_t i = 0; i < used.size(); ++i)
      for (int64_t k = 0; k < images_per_picture && placed[i] == split; ++k)
        order.push_back(used[i].first_image + k);
    shuffle(order,
            Philox(options.seed, RandomStream::kDataConversion, kOrderPart + static_cast<uint32_t>(split)),
            0);
    for (const int64_t staged : order) {
      staging.read(staged, image);
      outputs.add(split, image);
    }
  }
  report.pictures = static_cast<int64_t>(used.size());
  report.written = outputs.commit();
  report.skipped_file = write_beside(options.target, "skipped", lines_of_text(report.skipped));
  report_duplicates(sources, used, relations, placed, options.target, report);
  return report;
}

}  // namespace inpaint
