// Makes data sets for inpaint_train, and looks into them.
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "core/base/plain_text.h"
#include "core/image/image_codec.h"
#include "tools/data_options.h"
#include "tools/main_guard.h"
#include "train/data/channel_guess.h"
#include "train/datasets/dataset_check.h"
#include "train/settings/settings.h"

namespace inpaint {
namespace {

// "1200 of 4037", renewed in place; only where someone watches.
void show_progress(int64_t done, int64_t total) {
  static const bool terminal = isatty(STDERR_FILENO) == 1;
  if (terminal) fmt::print(stderr, "\r{} of {}{}", done, total, done == total ? "\n" : "");
}

void print_written(const DatasetTarget& target, std::span<const WrittenDataset> written) {
  for (const WrittenDataset& dataset : written)
    fmt::print("{}: {} images={}\n", to_string(dataset.split), dataset.path.string(), dataset.images);
  for (const std::filesystem::path& path : earlier_datasets(target, written))
    fmt::print("note: {} is from an earlier run and was left as it is\n", path.string());
}

void print_duplicates(const ConversionReport& report, bool lists_place) {
  if (report.duplicates_file.empty()) return;
  const std::string where =
      lists_place
          ? fmt::format("groups of them that the lists put into several data sets: {}", report.torn_groups)
          : "such pictures stay together, in one data set";
  fmt::print("note: pictures equal to another one: {}, alike: {}; {}; they are named in {}\n", report.equal,
             report.alike, where, report.duplicates_file.string());
}

void run(ConvertCommand& command) {
  const std::vector<PictureFile> sources = command.lists.empty()
                                               ? pictures_in_folder(command.folder)
                                               : pictures_in_lists(command.folder, command.lists);
  command.options.on_progress = show_progress;
  const ConversionReport report = convert_pictures(Context(command.threads), sources, command.options);
  constexpr size_t kNamed = 20;
  for (size_t i = 0; i < std::min(kNamed, report.skipped.size()); ++i)
    fmt::print("skipped: {}\n", escaped(report.skipped[i]));
  if (report.skipped.size() > kNamed) fmt::print("skipped: and {} more\n", report.skipped.size() - kNamed);
  for (const auto& [reason, count] : report.reasons) fmt::print("skipped {}: {}\n", count, escaped(reason));
  if (!report.skipped.empty())
    fmt::print("all that was skipped is named in {}\n", report.skipped_file.string());
  print_duplicates(report, !command.lists.empty() && command.lists.front().split.has_value());
  if (report.transparent > 0)
    fmt::print("note: pictures with transparent parts, which are laid over black: {}\n", report.transparent);
  print_written(command.options.target, report.written);
  fmt::print("pictures={} skipped={}\n", report.pictures, report.skipped.size());
}

void run(GenerateCommand& command) {
  command.options.on_progress = show_progress;
  print_written(command.options.target, generate_pictures(Context(command.threads), command.options));
}

// What is asked for; else what the description says; else the trainer's defaults.
DatasetDescription shape_of(const CheckCommand& command) {
  DatasetDescription shape{.image_size = 128, .image_channel = 1};
  if (const auto described = read_description(command.file)) shape = *described;
  if (command.image_size != 0) shape.image_size = command.image_size;
  if (command.image_channel != 0) shape.image_channel = command.image_channel;
  return shape;
}

// Reads the whole data set only where its description has a checksum to compare with.
void print_described(const BinDataset& dataset) {
  if (!dataset.description()) {
    const int looks = channels_of_dataset(dataset);
    if (looks != 0 && looks != dataset.image_channel())
      fmt::print("note: the images look like {}, not like image_channel {}\n",
                 looks == 1 ? "grey ones" : "RGB ones", dataset.image_channel());
    return;
  }
  const DatasetDescription& described = *dataset.description();
  if (dataset_crc32c(dataset) != described.crc32c)
    user_error(
        "{}: its bytes have changed since {} was written; make it again, or, if it is right as it is, "
        "let inpaint_data describe write that anew",
        dataset.path().string(), description_file(dataset.path()).string());
  fmt::print("described: from={} seed={} crc32c={}\n", escaped(described.source), described.seed,
             crc_text(described.crc32c));
}

void run(const CheckCommand& command) {
  const DatasetDescription shape = shape_of(command);
  const int image_size = static_cast<int>(shape.image_size),
            image_channel = static_cast<int>(shape.image_channel);
  check_target({.image_size = image_size, .image_channel = image_channel});
  const BinDataset dataset(command.file, image_size, image_channel);
  if (command.then == CheckCommand::Then::kDescribe) {
    describe_dataset(dataset);
    fmt::print("{}: image_size={} image_channel={} images={}\n", description_file(command.file).string(),
               image_size, image_channel, dataset.count());
    return;
  }
  const DatasetFigures figures = dataset_figures(dataset);
  fmt::print("{}: bytes={} images={} image_size={} image_channel={}\n", command.file.string(),
             dataset.count() * dataset.image_bytes(), dataset.count(), image_size, image_channel);
  for (size_t c = 0; c < static_cast<size_t>(image_channel); ++c)
    fmt::print("{}: mean={:.2f} deviation={:.2f}\n",
               image_channel == 1 ? "grey" : std::array{"red", "green", "blue"}[c], figures.mean[c],
               figures.deviation[c]);
  fmt::print("duplicates={} flat={}\n", figures.duplicates, figures.flat);
  print_described(dataset);
  if (command.contact_sheet.empty()) return;
  write_png(command.contact_sheet, contact_sheet(dataset, command.sheet_images));
  fmt::print("contact_sheet={}\n", command.contact_sheet.string());
}

int data_main(int argc, const char* const* argv) {
  std::optional<DataCommand> command = parse_data_options(argc, argv);
  if (command) std::visit([](auto& chosen) { run(chosen); }, *command);
  return kExitDone;
}

}  // namespace
}  // namespace inpaint

int main(int argc, char** argv) { return inpaint::run_main(argc, argv, inpaint::data_main); }
