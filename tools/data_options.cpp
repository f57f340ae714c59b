#include "tools/data_options.h"

#include <limits>

#include "core/base/error.h"
#include "tools/options.h"

namespace inpaint {
namespace {

constexpr RealRange kShare{RealRange::Lower::kIncluded};
constexpr WholeRange kImageSize{16, 1024}, kImageChannel{1, 3}, kThreads{0, 1024};
constexpr WholeRange kDescribedSize{0, 1024}, kDescribedChannel{0, 3};
constexpr WholeRange kSeed{0, std::numeric_limits<int64_t>::max()};
constexpr WholeRange kCount{1, 100'000'000}, kRandomCrops{0, 1000}, kSheetImages{1, 10'000};

// A subcommand's place for texts that become paths and lists.
struct Texts {
  std::string position, data_root, list, train_list, validate_list, test_list, contact_sheet;
};

void add_shape_options(Options& options, int& image_size, int& image_channel) {
  options.whole("image_size", "side of the square images, in pixels", kImageSize, image_size);
  options.whole("image_channel", "1 grey, 3 RGB", kImageChannel, image_channel);
}

void add_output_options(Options& options, Texts& texts, DatasetTarget& target, SplitShares& shares,
                        uint64_t& seed, int& threads, const char* validate_help) {
  texts.data_root = target.data_root.string();
  options.text("dataname", "NAME", "data set name, the beginning of the files' names", target.dataname);
  options.text("data_root", "DIR", "folder for <dataname><image_size>_<mode>.bin; made when missing",
               texts.data_root);
  add_shape_options(options, target.image_size, target.image_channel);
  options.real("train_share", "share of the pictures for train", kShare, shares.train);
  options.real("validate_share", validate_help, kShare, shares.validate);
  options.whole("seed", "everything random follows from it", kSeed, seed);
  options.truth("force", "replace data sets that exist", target.force);
  options.whole("threads", "0: one per core this process may use", kThreads, threads);
}

void add_convert_options(Options& options, Texts& texts, ConvertCommand& command) {
  options.argument("DIR", Takes::kFolder,
                   "folder with pictures (PNG, JPEG, WebP, HEIC, AVIF, PGM, PPM), at any depth",
                   texts.position, true);
  ConversionOptions& o = command.options;
  add_output_options(options, texts, o.target, o.shares, o.seed, command.threads,
                     "share for validate, half of what train leaves unless given; test gets the rest");
  options.whole("random_crops", "random squares per picture; 0: its centre square", kRandomCrops,
                o.random_crops);
  options.real("smallest_crop", "least side of a random square, as a share of the picture's short side",
               kShare, o.smallest_crop);
  options.text("list", "FILE", "only the pictures this file names, a path relative to DIR per line",
               texts.list);
  options.text("train_list", "FILE", "a list for train, instead of shares", texts.train_list);
  options.text("validate_list", "FILE", "a list for validate", texts.validate_list);
  options.text("test_list", "FILE", "a list for test", texts.test_list);
}

void finish(const Texts& texts, ConvertCommand& command) {
  command.folder = texts.position;
  command.options.source = texts.position;
  command.options.target.data_root = texts.data_root;
  const std::pair<const std::string&, Split> placed[] = {{texts.train_list, Split::kTrain},
                                                         {texts.validate_list, Split::kValidate},
                                                         {texts.test_list, Split::kTest}};
  for (const auto& [path, mode] : placed)
    if (!path.empty()) command.lists.push_back({path, mode});
  if (!texts.list.empty() && !command.lists.empty())
    user_error(
        "command line: --list is split by shares, --train_list and its like are not: give one or the other");
  if (!texts.list.empty()) command.lists.push_back({texts.list, {}});
}

void add_check_options(Options& options, Texts& texts, CheckCommand& command) {
  options.argument("FILE", Takes::kFile, "the data set (.bin)", texts.position, true);
  options.whole("image_size", "side of the square images, in pixels; 0: as the file beside it says, else 128",
                kDescribedSize, command.image_size);
  options.whole("image_channel", "1 grey, 3 RGB; 0: as the file beside it says, else 1", kDescribedChannel,
                command.image_channel);
  options.text("contact_sheet", "PNG", "write a sheet of images to look at", texts.contact_sheet);
  options.whole("sheet_images", "images on the sheet at most", kSheetImages, command.sheet_images);
}

struct DataLine {
  Options options{"inpaint_data", "Makes data sets for inpaint_train, and looks into them."};
  Texts texts;
  ConvertCommand convert;
  GenerateCommand generate;
  CheckCommand check, describe;
  Options& convert_options = options.command("convert", "from a folder of pictures");
  Options& generate_options = options.command("generate", "from procedural pictures");
  Options& check_options = options.command("check", "what a data set holds");
  Options& describe_options =
      options.command("describe", "write beside a data set what it holds, so that all programs know");

  DataLine() {
    describe.then = CheckCommand::Then::kDescribe;
    add_convert_options(convert_options, texts, convert);
    GenerationOptions& g = generate.options;
    generate_options.whole("count", "pictures, of all data sets together", kCount, g.count);
    add_output_options(generate_options, texts, g.target, g.shares, g.seed, generate.threads,
                       "share for validate; test gets what is left");
    add_check_options(check_options, texts, check);
    add_check_options(describe_options, texts, describe);
  }
};

}  // namespace

std::optional<DataCommand> parse_data_options(int argc, const char* const* argv) {
  DataLine line;
  const Texts& texts = line.texts;
  if (!line.options.parse(argc, argv)) return std::nullopt;
  if (line.convert_options.was_given()) {
    finish(texts, line.convert);
    SplitShares& shares = line.convert.options.shares;
    if (!line.convert_options.was_given("validate_share")) shares.validate = (1 - shares.train) / 2;
    return line.convert;
  }
  if (line.generate_options.was_given()) {
    line.generate.options.target.data_root = texts.data_root;
    return line.generate;
  }
  CheckCommand& command = line.describe_options.was_given() ? line.describe : line.check;
  command.file = texts.position;
  command.contact_sheet = texts.contact_sheet;
  return command;
}

ProgramTable data_table() {
  const DataLine line;
  return {line.options.table(),
          {line.convert_options.table(), line.generate_options.table(), line.check_options.table(),
           line.describe_options.table()},
          {{"Make data sets of a folder's pictures, 80 % to train, a tenth each to validate and to test:",
            "inpaint_data convert ~/pictures --dataname mine --image_size 128 --image_channel 3"},
           {"Look into one:", "inpaint_data check data/mine128_test.bin --contact_sheet sheet.png"}}};
}

}  // namespace inpaint
