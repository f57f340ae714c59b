#include "train/settings/flags.h"

#include <vector>

#include "core/base/error.h"
#include "train/settings/flag_values.h"

namespace inpaint {
namespace {

using Settings = TrainSettings;
using enum Flag::Role;

// Ends of ranges that nothing in the program sets: far beyond use, and no sum or product of them overflows.
constexpr int64_t kManyEpochs = 1'000'000'000;
constexpr int64_t kManySteps = 1'000'000'000;
constexpr int64_t kMostImages = TrainSettings::kMostStepImages;
constexpr int64_t kAnyNumber = std::numeric_limits<int64_t>::max();

class Table {
 public:
  void group(std::string_view name) { group_ = name; }

  template <typename Int>
  void whole(Flag::Role role, std::string_view name, Int Settings::*member, WholeRange range,
             std::string_view unit, std::string_view help) {
    add(
        name, role, "N", with_unit(range.text(), unit), help,
        [member](const Settings& s) { return std::to_string(s.*member); },
        [member, range](Settings& s, std::string_view text) {
          int64_t value = 0;
          std::string wrong = parse_whole(text, range, value);
          if (wrong.empty()) s.*member = static_cast<Int>(value);
          return wrong;
        });
  }

  // A whole number of which only the listed values are possible.
  void one_of(Flag::Role role, std::string_view name, int Settings::*member,
              std::vector<std::string_view> values, std::string_view unit, std::string_view help) {
    add(
        name, role, "N", with_unit(list_of(values), unit), help,
        [member](const Settings& s) { return std::to_string(s.*member); },
        [member, values](Settings& s, std::string_view text) {
          int64_t value = 0;
          std::string wrong = parse_whole(text, {0, std::numeric_limits<int>::max()}, value);
          if (!wrong.empty()) return wrong;
          size_t position = 0;
          if (!parse_choice(std::to_string(value), values, position).empty())
            return std::string("is out of range");
          s.*member = static_cast<int>(value);
          return std::string();
        });
    flags_.back().values = values;
  }

  void real(Flag::Role role, std::string_view name, double Settings::*member, RealRange range,
            std::string_view help) {
    add(
        name, role, "X", range.text(), help, [member](const Settings& s) { return print_real(s.*member); },
        [member, range](Settings& s, std::string_view text) { return parse_real(text, range, s.*member); });
  }

  void truth(Flag::Role role, std::string_view name, bool Settings::*member, std::string_view help) {
    add(
        name, role, "", "true or false", help, [member](const Settings& s) { return print_bool(s.*member); },
        [member](Settings& s, std::string_view text) { return parse_bool(text, s.*member); });
    flags_.back().kind = Flag::Kind::kSwitch;
  }

  template <typename Enum>
  void choice(Flag::Role role, std::string_view name, Enum Settings::*member, std::string_view help) {
    const auto names = names_of(Enum{});
    add(
        name, role, "NAME", list_of(names), help,
        [member](const Settings& s) { return to_string(s.*member); },
        [member, names](Settings& s, std::string_view text) {
          size_t value = 0;
          std::string wrong = parse_choice(text, names, value);
          if (wrong.empty()) s.*member = static_cast<Enum>(value);
          return wrong;
        });
    flags_.back().values.assign(names.begin(), names.end());
  }

  void path(Flag::Role role, std::string_view name, std::string Settings::*member, std::string allowed,
            std::string_view help, std::vector<std::string_view> words) {
    add(
        name, role, "PATH", std::move(allowed), help, [member](const Settings& s) { return s.*member; },
        [member](Settings& s, std::string_view text) { return parse_path(text, s.*member); });
    flags_.back().values = std::move(words);
  }

  void folder(Flag::Role role, std::string_view name, std::string Settings::*member, std::string allowed,
              std::string_view help) {
    path(role, name, member, std::move(allowed), help, {});
    flags_.back().placeholder = "DIR";
  }

  void file_name_part(Flag::Role role, std::string_view name, std::string Settings::*member,
                      std::string_view help) {
    add(
        name, role, "NAME", "a part of a file name, without '/'", help,
        [member](const Settings& s) { return s.*member; },
        [member](Settings& s, std::string_view text) {
          if (text.find('/') != std::string_view::npos) return std::string("has a '/'");
          return parse_text(text, s.*member);
        });
  }

  std::vector<Flag> take() { return std::move(flags_); }

 private:
  static std::string with_unit(std::string range, std::string_view unit) {
    return unit.empty() ? range : fmt::format("{} {}", range, unit);
  }

  void add(std::string_view name, Flag::Role role, std::string placeholder, std::string allowed,
           std::string_view help, std::function<std::string(const Settings&)> print,
           std::function<std::string(Settings&, std::string_view)> parse) {
    flags_.push_back({group_, name, Flag::Kind::kValue, role, std::move(placeholder), std::move(allowed),
                      help, std::move(print), std::move(parse)});
  }

  std::string_view group_;
  std::vector<Flag> flags_;
};

std::vector<Flag> make_table() {
  using S = Settings;
  constexpr RealRange kAboveZero{RealRange::Lower::kExcluded}, kFromZero{RealRange::Lower::kIncluded};
  Table t;

  t.group("Data");
  t.file_name_part(kModel, "dataname", &S::dataname, "data set name, the beginning of file and folder names");
  t.one_of(kModel, "image_size", &S::image_size, {"64", "128", "256"}, "pixels", "side of the square images");
  t.one_of(kModel, "image_channel", &S::image_channel, {"1", "3"}, "channels",
           "1 grey, 3 RGB; where it is not given, what the data set says of itself");
  t.choice(kModel, "block", &S::block, "where the missing square of the context encoder is");
  t.choice(kModel, "holes", &S::holes, "form of the holes; the context encoder takes squares only");
  t.real(kModel, "min_hole", &S::min_hole, kAboveZero, "least share of a picture that is missing");
  t.real(kModel, "max_hole", &S::max_hole, kAboveZero, "largest share of a picture that is missing");
  t.folder(kModel, "masks", &S::masks, "none or a folder's path", "pictures of holes for holes=files");
  t.choice(kModel, "mask_value", &S::mask_value, "the colour of the hole in these pictures");
  // Batch norm after the linear layer has one value per image: see check_settings for the floor in training.
  t.whole(kModel, "batch_size", &S::batch_size, {1, kMostImages}, "images",
          "images per step, where accumulate is 1; 2 or more to train");
  t.whole(kModel, "accumulate", &S::accumulate, {1, 256}, "micro-batches",
          "batches of each update; an epoch has images / (accumulate batch_size) steps");
  t.truth(kModel, "shuffle", &S::shuffle, "visit the images in a new order each epoch, else in file order");
  t.folder(kModel, "data_dir", &S::data_dir, "none or a folder's path",
           "train on the picture files of a folder, not on a .bin file");
  t.truth(kRun, "data_cache", &S::data_cache, "decode the files of data_dir once, into a file in data_root");
  t.real(kModel, "validate_share", &S::validate_share, kFromZero,
         "share of data_dir's pictures, by their names, held out to validate with");
  t.truth(kModel, "flip", &S::flip, "train on half of the images mirrored, drawn anew each epoch");
  t.truth(kModel, "random_crop", &S::random_crop,
          "train on random squares of data_dir's pictures, new each epoch");

  t.group("Network");
  t.choice(kModel, "model", &S::model, "the kind of model: its network, losses and defaults");
  t.choice(kModel, "model_size", &S::model_size, "width and depth of harmonic_unet");
  t.whole(kModel, "base_channels", &S::base_channels, {1, 1024}, "channels",
          "the largest feature maps' channels; the smallest have 8 times as many");
  t.whole(kModel, "bottleneck", &S::bottleneck, {1, 65536}, "values", "size of the generator's middle layer");

  t.group("Losses and updates");
  t.real(kModel, "learning_rate", &S::learning_rate, kAboveZero, "Adam's step size");
  t.real(kModel, "lamb_rec", &S::lamb_rec, kFromZero, "weight of the reconstruction loss");
  t.real(kModel, "lamb_adv", &S::lamb_adv, kFromZero, "weight of the adversarial loss");
  t.real(kModel, "lamb_tv", &S::lamb_tv, kFromZero, "weight of the total-variation loss");
  t.truth(kModel, "use_l1", &S::use_l1, "L1 reconstruction loss, else L2");
  t.choice(kModel, "adv_loss", &S::adv_loss, "what both networks make of the discriminator's scores");
  t.truth(kModel, "weight_clip", &S::weight_clip,
          "clip gradients to [-10, 10]; Adam beta2 0.999; a tenth of the rate for D");
  t.whole(kModel, "gene_iter", &S::gene_iter, {1, 10'000}, "updates", "generator updates per batch");
  // 0 leaves the discriminator as it is: with lamb_adv=0 the generator alone is trained, on reconstruction.
  t.whole(kModel, "disc_iter", &S::disc_iter, {0, 10'000}, "updates", "discriminator updates per batch");
  t.whole(kModel, "warm_up", &S::warm_up, {0, kManySteps}, "updates",
          "harmonic_unet: the learning rate grows to its value in so many updates");
  t.real(kModel, "last_rate", &S::last_rate, kAboveZero,
         "harmonic_unet: the share of the learning rate at the planned end of the run");
  t.real(kModel, "average_decay", &S::average_decay, kAboveZero,
         "harmonic_unet: decay of the moving average of the parameters, which paints");
  t.real(kModel, "texture", &S::texture, {RealRange::Lower::kIncluded, 2},
         "harmonic_unet: strength of an adversary late in the run; 0 none, try 0.25");
  t.real(kModel, "texture_share", &S::texture_share, {RealRange::Lower::kExcluded, 1},
         "harmonic_unet: the share of the planned run, at its end, with this adversary");
  t.truth(kRun, "reuse", &S::reuse, "do work that a step repeats with identical results once");

  t.group("Run");
  t.choice(kRun, "mode", &S::mode, "train, or paint and score <mode>.bin with the newest checkpoint");
  t.whole(kModel, "start_epoch", &S::start_epoch, {0, kManyEpochs}, "epochs", "number of the first epoch");
  t.whole(kModel, "epoch", &S::epoch, {1, kManyEpochs}, "epochs", "train until this epoch, exclusive");
  t.whole(kRun, "max_steps", &S::max_steps, {S::kNoStepLimit, kAnyNumber}, "steps",
          "stop at this step counter; -1 no limit, 0 saves the initial state only");
  t.real(kRun, "minutes", &S::minutes, kFromZero,
         "train for so many minutes, whatever epoch says; 0 no limit");
  t.whole(kModel, "schedule_steps", &S::schedule_steps, {0, kManySteps}, "steps",
          "planned length, which the learning rate follows; 0: minutes, max_steps or epoch");
  t.whole(kModel, "seed", &S::seed, {0, kAnyNumber}, "",
          "initial values, block places, shuffling and augmentation follow from it");
  t.path(kRun, "resume", &S::resume, "auto, best, never or the path of a checkpoint",
         "go on from the folder's newest checkpoint or its best, start anew, take a file",
         {"auto", "best", "never"});
  t.truth(kRun, "fallback", &S::fallback,
          "where the newest checkpoint is damaged, go on from the newest good one");
  t.choice(kRun, "on_nan", &S::on_nan,
           "where a value is no longer finite: stop, or take the last checkpoint's weights");
  t.whole(kRun, "validate_every", &S::validate_every, {0, kManyEpochs}, "epochs",
          "validate every so many epochs where there are pictures for it; 0 never");
  t.whole(kRun, "patience", &S::patience, {0, kManyEpochs}, "validations",
          "end the run after so many validations without a better one; 0 never");

  t.truth(kRun, "plan", &S::plan, "say what the run would take: memory, disk, time an epoch; train nothing");
  t.truth(kRun, "verify_resume", &S::verify_resume,
          "prove on this machine that stopping and resuming changes no bit; leaves nothing");

  t.group("Output");
  t.whole(kRun, "ckpt", &S::ckpt, {S::kAsItSuits, kManyEpochs}, "epochs",
          "save a checkpoint every so many epochs; 0: after each, at most once a minute");
  t.real(kRun, "save_minutes", &S::save_minutes, kFromZero,
         "save at the latest after so many minutes, also within an epoch; 0 never");
  t.whole(kRun, "keep", &S::keep, {1, 1'000'000}, "checkpoints",
          "checkpoints kept, the newest; the best one stays besides");
  t.whole(kRun, "sample", &S::sample, {1, kManyEpochs}, "epochs",
          "write sample pictures every so many epochs");
  t.whole(kRun, "summary", &S::summary, {S::kAsItSuits, kManySteps}, "steps",
          "write a summary every so many steps; 0: each, then every 10, in the end 100");
  t.truth(kRun, "log_offsets", &S::log_offsets, "write every step's block places into train_log.jsonl");

  t.group("Folders");
  t.folder(kRun, "data_root", &S::data_root, "a path", "holds <dataname><image_size>_<mode>.bin");
  t.folder(kRun, "checkpoint_root", &S::checkpoint_root, "a path",
           "holds <dataname><image_size>/gpu<gpu>/ with checkpoints");
  t.folder(kRun, "log_root", &S::log_root, "a path", "holds <dataname><image_size>/gpu<gpu>/ with logs");
  t.folder(kRun, "sample_root", &S::sample_root, "a path",
           "holds <dataname><image_size>/gpu<gpu>/<mode>/ with pictures");

  t.group("Machine");
  t.choice(kRun, "device", &S::device, "auto takes the GPU where the program can use one");
  t.whole(kRun, "gpu", &S::gpu, {0, 255}, "",
          "GPU number; also in folder names. Several ranks take one each, from 0 on");
  t.whole(kRun, "threads", &S::threads, {0, 1024}, "threads",
          "CPU threads; 0 one per core this process may use");
  t.whole(kRun, "loader_threads", &S::loader_threads, {0, 256}, "threads",
          "prepare batches ahead; 0 one, or as many as threads to decode pictures");
  t.truth(kRun, "sync_batch_norm", &S::sync_batch_norm,
          "of several ranks: batch norm over the whole batch, not over each rank's share");
  t.real(kRun, "rank_timeout", &S::rank_timeout, kFromZero,
         "seconds that a rank waits for another before it ends the run; 0 for ever");
  t.choice(kModel, "precision", &S::precision,
           "auto: bf16 on a GPU that has it, else fp32; fp64 on the CPU only");
  t.choice(kRun, "matrix_backend", &S::matrix_backend,
           "who makes the CPU's matrix products; auto is the fastest");
  return t.take();
}

const std::vector<Flag>& table() {
  static const std::vector<Flag> flags = make_table();
  return flags;
}
}  // namespace

std::span<const Flag> all_flags() { return table(); }

std::span<const std::string_view> all_flag_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> list;
    for (const Flag& flag : table()) list.push_back(flag.name);
    return list;
  }();
  return names;
}

std::string flag_spelling(std::string_view name) {
  std::string spelling(name);
  for (char& c : spelling)
    if (c == '-') c = '_';
  return spelling;
}

const Flag* find_flag(std::string_view name) {
  const std::string spelling = flag_spelling(name);
  for (const Flag& flag : table())
    if (flag.name == spelling) return &flag;
  return nullptr;
}

void set_flag(TrainSettings& settings, const Flag& flag, std::string_view text, std::string_view where) {
  const std::string wrong = flag.parse(settings, text);
  if (!wrong.empty())
    user_error("{}: {}={} {}; allowed: {}", where, flag.name, shown(text), wrong, flag.allowed);
}

}  // namespace inpaint
