#include "train/run/training_run.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "core/base/plain_text.h"
#include "core/base/signal_thread.h"
#include "core/device/copy.h"
#include "core/file/file.h"
#include "core/file/replace_file.h"
#include "core/ranks/launch.h"
#include "kernels/ranks/open_gpu_ranks.h"
#include "train/checkpoint/checkpoint_writer.h"
#include "train/checkpoint/disk_space.h"
#include "train/checkpoint/model_state.h"
#include "train/checkpoint/non_finite.h"
#include "train/checkpoint/resume.h"
#include "train/data/batch_loader.h"
#include "train/log/progress.h"
#include "train/log/run_logs.h"
#include "train/report/training_report.h"
#include "train/run/rank_agreement.h"
#include "train/run/run_beginning.h"
#include "train/run/run_holes.h"
#include "train/run/run_length.h"
#include "train/run/run_plan.h"
#include "train/run/run_warnings.h"
#include "train/run/sample_pictures.h"
#include "train/run/training_pictures.h"
#include "train/run/validation_pass.h"
#include "train/settings/flags_file.h"
#include "train/settings/folders.h"
#include "train/settings/rank_device.h"
#include "train/settings/run_device.h"
#include "train/settings/settings_text.h"
#include "train/step/run_options.h"

namespace inpaint {
namespace {

// Since one checkpoint. More would take its weights again and again without getting anywhere.
constexpr int kMostRollbacks = 3;

// With ckpt=0, epochs that end sooner than so many minutes after a checkpoint make none.
constexpr double kShortEpoch = 1;

class TrainingRun {
 public:
  TrainingRun(const TrainSettings& settings, std::FILE* out, Ranks& ranks);
  int run();

 private:
  const MaskFiles* masks() const { return masks_ ? &*masks_ : nullptr; }
  Say say() {
    return [this](const std::string& line) { out_.line(line); };
  }
  void go_on_at(const RunState& state);
  int stop_signal() const;
  void agree_on(Losses& losses);
  void note_few_pictures();
  void note_replaced(const LoadedBatch& batch);
  void save_now();
  void train_batch(const LoadedBatch& batch);
  void log_step(const LoadedBatch& batch, const Losses& losses, const Tensor& offsets);
  void warn();
  void check_state();
  void meet_non_finite(const std::string& what);
  RunState roll_back(const std::string& what);
  void sample(const Batch& batch);
  void end_epoch();
  bool validate(Standing& standing);
  void validate_short_run();
  void leave_report();
  bool epoch_is_saved(int64_t epochs) const;
  double minutes_since_save() const;  // or since the run has begun
  bool save_is_due() const;
  void submit_checkpoint(Standing standing);

  const TrainSettings& settings_;
  Ranks& ranks_;
  const BatchShare share_;  // of this rank in every batch
  StepOutcome agreed_;      // what several ranks agreed on last
  Progress out_;
  std::optional<MaskFiles> masks_;
  Context ctx_;
  std::unique_ptr<DeviceRanks> gpu_ranks_;  // null: one rank, or ranks on CPUs
  TrainingPictures data_;                   // those held out go to validation_
  std::optional<ValidationPass> validation_;
  std::optional<CheckpointStore> store_;  // rank 0 alone has this, the writer and the logs
  Model model_;
  std::unique_ptr<TrainingStep> step_;
  SamplePictures samples_;
  Beginning beginning_;
  RunState state_;
  std::optional<CheckpointWriter> writer_;
  BatchLoader loader_;
  RunLength length_;
  StopSignal signal_;
  RunHoles holes_;
  std::optional<RunLogs> logs_;  // behind all that needs memory: a run that does not get it makes no file
  int64_t saved_step_ = -1;
  std::chrono::steady_clock::time_point saved_ = std::chrono::steady_clock::now();  // or begun
  std::filesystem::path good_file_;   // the last checkpoint of this run or the one it began at; empty: none
  int rollbacks_ = 0;                 // since it
  std::set<int64_t> named_pictures_;  // that cannot be read
  int64_t replaced_pictures_ = 0;     // in this epoch
  RunWarnings warnings_;
  AbandonOnFailure abandons_{gpu_ranks_.get()};
};

// The settings for what a rank has for itself: threads, its GPU.
TrainSettings of_rank(const TrainSettings& settings, const Ranks& ranks) {
  TrainSettings s = settings;
  if (!ranks.are_several()) return s;
  if (s.threads == 0) s.threads = ranks.fair_threads();
  if (s.device == DeviceChoice::kCuda) s.gpu = gpu_of(ranks);
  return s;
}

StepOptions options_of_step(const TrainSettings& settings, Ranks& ranks) {
  StepOptions options = step_options(settings);
  if (ranks.are_several()) options.ranks = &ranks;
  options.sync_batch_norm = settings.sync_batch_norm;
  return options;
}

Shape share_shape(const TrainSettings& settings, const BatchShare& share) {
  Shape pictures = picture_shape(settings);
  return {share.count, pictures[1], pictures[2], pictures[3]};
}

TrainingRun::TrainingRun(const TrainSettings& settings, std::FILE* out, Ranks& ranks)
    : settings_(settings),
      ranks_(ranks),
      share_(settings.batch_size, ranks),
      out_(out),
      masks_(open_masks(settings)),
      ctx_(open_context(of_rank(settings, ranks))),
      gpu_ranks_(open_gpu_ranks(ctx_, ranks)),
      data_(open_pictures(settings, ctx_, ranks, say())),
      validation_(open_validation(settings, data_, masks(), ranks)),
      store_(ranks.is_first()
                 ? std::optional<CheckpointStore>(std::in_place, checkpoint_folder(settings), settings.keep)
                 : std::nullopt),
      model_(model_options(settings), activation_type(settings), Parameters::Use::kTraining, ctx_.device(),
             handed_over(settings, ranks.are_several())),
      step_(make_training_step(ctx_, model_, share_.count, options_of_step(settings, ranks))),
      samples_(ctx_, *step_, share_shape(settings, share_), sample_folder(settings)),
      beginning_(begin_together(settings, *data_.set, ctx_, model_, ranks, say())),
      state_(beginning_.state),
      loader_(*data_.set, {.batch_size = settings.batch_size,
                           .micro_batches = settings.accumulate,
                           .share_begin = share_.begin,
                           .share = share_.count,
                           .shuffle = settings.shuffle,
                           .augmentation = {.flip = settings.flip, .random_crop = settings.random_crop},
                           .seed = static_cast<uint64_t>(settings.seed),
                           .first_epoch = state_.epoch,
                           .first_batch = state_.batch,
                           .workers = data_.workers,
                           .device = ctx_.device()}),
      length_(settings, loader_.batches_per_epoch()),
      holes_(settings, masks(), RandomStream::kHoleOffsets, ctx_.device(), share_.count, settings.accumulate),
      good_file_(beginning_.file),
      warnings_(settings) {
  if (ranks_.is_first()) {
    writer_.emplace(*store_, checkpoint_layout(model_.options, model_.generator, model_.discriminator,
                                               model_.generator_params.dtype()));
    logs_.emplace(log_folder(settings), state_);
    logs_->settings(settings);
  }
  go_on_at(state_);
  note_few_pictures();
  if (store_ && settings.resume == "auto" && state_.step > 0 && state_.best_step == state_.step)
    store_->name_best(state_.step);
}

int TrainingRun::run() {
  if (state_.batch == loader_.batches_per_epoch()) end_epoch();
  if (state_.step > 0 && length_.is_over(state_))
    out_.line("Nothing is left to do: " + length_.why_over(state_));
  int64_t announced = -1;
  while (!length_.is_over(state_) && stop_signal() == 0) {
    if (state_.epoch != announced) out_.line(fmt::format("Current Epoch is: {}", state_.epoch));
    announced = state_.epoch;
    train_batch(loader_.next());
    if (state_.batch == loader_.batches_per_epoch()) {
      end_epoch();
    } else if (save_is_due()) {
      check_state();
      submit_checkpoint(Standing::kNewest);
    }
  }
  if (stop_signal() == 0) validate_short_run();
  save_now();
  if (const int signal = stop_signal()) {
    out_.line(fmt::format("Stopped by a signal; step {} is saved", state_.step));
    return ranks_.is_first() ? 128 + signal : 0;  // a launcher kills all where one ends with an error
  }
  if (length_.is_out_of_patience(state_))
    out_.line(fmt::format("{} validations have not been better than step {}'s ({})",
                          state_.validations_since_best, state_.best_step,
                          settings_.model == ModelKind::kHarmonicUnet
                              ? fmt::format("gain {:+.4f} dB", state_.best_gain)
                              : fmt::format("rec_loss {:.8f}", state_.best_rec_loss)));
  if (logs_) logs_->complete(state_.step);
  if (validation_ && ranks_.is_first()) leave_report();
  out_.line(fmt::format("Done: step {} is saved in {}", state_.step, checkpoint_folder(settings_).string()));
  return 0;
}

// The signal that asks for a stop, or 0; several ranks take what they agreed on last.
int TrainingRun::stop_signal() const {
  return ranks_.are_several() ? static_cast<int>(agreed_.signal) : signal_.received();
}

// Clocks and signals differ from rank to rank: here they come to one answer.
void TrainingRun::agree_on(Losses& losses) {
  if (!ranks_.are_several()) return;
  agreed_ = agree(
      ranks_, {.losses = losses,
               .train_seconds = state_.train_seconds,
               .signal = signal_.received(),
               .save_is_due = settings_.save_minutes > 0 && minutes_since_save() >= settings_.save_minutes});
  losses = agreed_.losses;
  state_.train_seconds = agreed_.train_seconds;
}

// What the networks in training count, as it was at this state.
void TrainingRun::go_on_at(const RunState& state) {
  step_->generator().updates = state.generator_updates;
  step_->generator().set_clip_mean(state.clip_mean);
  if (Learner* discriminator = step_->discriminator()) discriminator->updates = state.discriminator_updates;
  step_->set_adversarial_ratio(state.adversarial_ratio);
}

void TrainingRun::note_few_pictures() {
  const int64_t pictures = data_.set->count();
  if (pictures >= settings_.step_images()) return;
  std::string remedy;
  if (settings_.accumulate > 1)
    remedy = "; a smaller accumulate makes quicker steps";
  else if (pictures > 1)
    remedy = fmt::format("; batch_size={} makes quicker steps", pictures);
  out_.line(fmt::format("note: {} has {} of the {} pictures of a {}: each comes again, with other holes{}",
                        data_.set->path().string(), pictures, settings_.step_images(),
                        settings_.accumulate > 1 ? "step" : "batch", remedy));
}

// Pictures that cannot be read are named once. Too many of them in an epoch end the run.
void TrainingRun::note_replaced(const LoadedBatch& batch) {
  if (settings_.data_dir == TrainSettings::kNoFolder) return;
  for (const ReplacedPicture& replaced : batch.replaced)
    if (named_pictures_.insert(replaced.image).second) {
      const std::string note =
          fmt::format("note: {}; {} is taken in its place", replaced.problem, data_.set->name(replaced.by));
      if (ranks_.is_first())
        out_.line(note);
      else
        fmt::print(stderr, "{}{}\n", rank_prefix(), escaped(note));
    }
  replaced_pictures_ += sum_over(ranks_, std::ssize(batch.replaced));
  constexpr int64_t kFew = 10, kPercent = 1;
  const int64_t epoch = loader_.batches_per_epoch() * settings_.step_images();
  const int64_t most = std::max(kFew, epoch * kPercent / 100);
  if (replaced_pictures_ <= most) return;
  save_now();
  if (!ranks_.is_first()) ranks_.wait_for_all();  // rank 0 ends the run
  user_error(
      "{} of the {} pictures of an epoch could not be read, more than {}; step {} is saved. Mend these files "
      "or take "
      "them out of {}, then start again",
      replaced_pictures_, epoch, most, state_.step, data_.set->path().string());
}

// Unless this step is saved already; waits for the disk.
void TrainingRun::save_now() {
  if (saved_step_ != state_.step) {
    check_state();
    submit_checkpoint(Standing::kNewest);
  }
  if (writer_) writer_->finish();
}

void TrainingRun::train_batch(const LoadedBatch& batch) {
  INPAINT_CHECK(batch.epoch == state_.epoch && batch.index == state_.batch, "loader at {}/{}, run at {}/{}",
                batch.epoch, batch.index, state_.epoch, state_.batch);
  note_replaced(batch);
  const auto started = std::chrono::steady_clock::now();
  const Batch pictures{
      batch.pixels, holes_.draw(static_cast<uint64_t>(state_.step * settings_.step_images() + share_.begin))};
  step_->load(pictures);

  const int64_t number = state_.step + 1;
  if (ranks_.is_first() && state_.batch == 0 && state_.epoch % settings_.sample == 0)
    sample(first_of(pictures, share_.count));
  const bool has_summary = summary_is_due(number, settings_.summary);
  if (has_summary) {
    Losses seen = step_->watch(Statistics::kBatch, settings_.accumulate * share_.count);
    agree_on(seen);
    if (logs_)
      logs_->summary(number, seen, HostCopy(ctx_, step_->real_scores()),
                     HostCopy(ctx_, step_->fake_scores()));
    step_->watch_gradients();
  }

  step_->train(length_.progress(state_));
  Losses losses = step_->losses();
  if (has_summary && logs_) logs_->gradients(number, step_->gradients());
  state_.step = number;
  ++state_.batch;
  if (settings_.minutes > 0)
    state_.train_seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  agree_on(losses);
  if (!step_->is_finite(losses)) {
    meet_non_finite(
        fmt::format("step {}: the losses or weights are no longer finite (rec_loss {}, adv_gene_loss {}, "
                    "tv_loss {}, adv_disc_loss {})",
                    number, losses.rec_loss, losses.adv_gene_loss, losses.tv_loss, losses.adv_disc_loss));
    return;
  }
  state_.sums.add(losses);
  out_.step({.epoch = state_.epoch,
             .last_epoch = settings_.epoch - 1,
             .batch = batch.index,
             .batches = loader_.batches_per_epoch(),
             .steps_left = length_.steps_left(state_),
             .batch_size = settings_.step_images(),
             .waited_seconds = loader_.waited_seconds()},
            losses);
  log_step(batch, losses, pictures.holes.offsets);
  if (ranks_.is_first()) warn();
}

void TrainingRun::log_step(const LoadedBatch& batch, const Losses& losses, const Tensor& offsets) {
  std::vector<int32_t> places;
  Tensor all_offsets = offsets;
  if (settings_.log_offsets && offsets.data != nullptr && ranks_.are_several()) {
    places.resize(static_cast<size_t>(2 * settings_.step_images()));
    all_offsets = {{settings_.step_images(), 2}, DType::kI32, Device::kCpu, places.data()};
    for (int m = 0; m < settings_.accumulate; ++m) {
      const Tensor mine = part_of(offsets, m * share_.count, share_.count);
      ranks_.gather(mine.data, mine.bytes(), places.data() + 2 * m * settings_.batch_size);
    }
  }
  if (!logs_) return;
  const Learner* discriminator = losses.is_adversarial ? step_->discriminator() : nullptr;
  logs_->step({.step = state_.step,
               .epoch = state_.epoch,
               .batch = batch.index,
               .losses = losses,
               .gene_decay_loss = step_->generator().decay_loss(),
               .disc_decay_loss = discriminator == nullptr ? 0 : discriminator->decay_loss(),
               .learning_rate_gene = step_->generator().learning_rate(),
               .learning_rate_disc = discriminator == nullptr ? 0 : discriminator->learning_rate(),
               .images_per_second = out_.images_per_second()},
              settings_.log_offsets && offsets.data != nullptr ? &all_offsets : nullptr);
}

void TrainingRun::warn() {
  const Losses losses = step_->losses();
  warnings_.step({.step = state_.step,
                  .disc_acc = losses.disc_acc,
                  .adversarial_share = step_->adversarial_share(),
                  .seconds = out_.seconds(),
                  .waited_seconds = loader_.waited_seconds()});
  if (warnings_.channels_are_due(state_.step)) warnings_.channels(ctx_, model_);
  for (const std::string& warning : warnings_.take()) out_.line("warning: " + warning);
}

// Before the state is saved or validated.
void TrainingRun::check_state() {
  check_same_weights(ranks_, ctx_, model_);
  if (!step_->is_state_finite())
    meet_non_finite(fmt::format("step {}: the training state is no longer finite", state_.step));
}

// Ends the run, or takes the last checkpoint's weights and goes on with the data behind this step: what led
// here does not come again. The step that failed has no line in the logs.
void TrainingRun::meet_non_finite(const std::string& what) {
  RunState then;
  if (ranks_.is_first()) then = roll_back(what);
  ranks_.wait_for_all();
  share_state(ranks_, then);
  share_model(ranks_, ctx_, model_);
  go_on_at(then);
}

// Rank 0's part of it.
RunState TrainingRun::roll_back(const std::string& what) {
  const std::span<const NamedTensor> tensors = writer_->next().tensors;
  capture_model(ctx_, model_, tensors);
  const auto bad = first_non_finite(tensors);
  const std::string found =
      fmt::format("{}; {}", what, bad ? "first, " + to_string(*bad) : "all weights and moments are finite");
  const bool clips = settings_.model == ModelKind::kHarmonicUnet;  // its updates are always clipped
  const std::string_view remedy =
      clips ? "a smaller learning_rate may help" : "a smaller learning_rate, or weight_clip, may help";
  if (settings_.on_nan == OnNan::kStop)
    throw Error(
        fmt::format("{}; nothing was saved over the last checkpoint; {} (on_nan=rollback goes on from there)",
                    found, remedy));
  if (good_file_.empty())
    throw Error(fmt::format("{}; there is no checkpoint yet to roll back to; {}", found, remedy));
  if (rollbacks_ == kMostRollbacks)
    throw Error(fmt::format("{}; {} rollbacks to {} have not helped, and it stays the last checkpoint; {}",
                            found, rollbacks_, good_file_.string(), remedy));
  ++rollbacks_;
  writer_->finish();  // it may still be on its way to the disk
  const SafetensorsFile file = open_checkpoint(good_file_);
  RunState then = RunState::from_metadata(file.metadata(), good_file_.string());
  if (!load_model(ctx_, file, model_, static_cast<uint64_t>(settings_.seed))) then.forget_discriminator();
  out_.line(
      fmt::format("{}; back to the weights of step {}, on with the data behind this step ({} of {} "
                  "rollbacks to one checkpoint)",
                  found, then.step, rollbacks_, kMostRollbacks));
  return then;
}

// Painted with the running averages; nothing of the training changes.
void TrainingRun::sample(const Batch& batch) {
  const int64_t pictures = std::min<int64_t>(share_.count, data_.set->count());
  const Losses losses = step_->watch(Statistics::kRunning, pictures);
  for (const SampleSheet& sheet : samples_.save(ctx_, *step_, batch, pictures, state_.epoch))
    if (logs_)
      logs_->sample(state_.step + 1, sheet.shows, sheet.height, sheet.width, sheet.channels, sheet.png);
  out_.line(sample_line(losses, samples_.measure(ctx_, *step_, batch, pictures)));
}

// A signal while it validates leaves the epoch's end to the next run.
void TrainingRun::end_epoch() {
  const int64_t epochs = state_.epoch + 1 - settings_.start_epoch;
  Standing standing = Standing::kNewest;
  check_state();
  if (validation_ && epochs % settings_.validate_every == 0 && !validate(standing)) return;
  if (logs_ && state_.sums.steps > 0)
    logs_->epoch(state_.epoch, state_.sums);  // none: every step was rolled back
  ++state_.epoch;
  state_.batch = 0;
  replaced_pictures_ = 0;
  state_.sums = {};
  // A checkpoint that was made during the validation lacks the end of the epoch.
  const bool is_behind = saved_step_ == state_.step || save_is_due();
  const bool saves = standing == Standing::kNewestAndBest || is_behind || epoch_is_saved(epochs);
  if (ranks_.of_first(saves)) submit_checkpoint(standing);  // clocks differ
}

// As ckpt says.
bool TrainingRun::epoch_is_saved(int64_t epochs) const {
  if (settings_.ckpt == TrainSettings::kAsItSuits) return minutes_since_save() >= kShortEpoch;
  return epochs % settings_.ckpt == 0;
}

// False when a signal broke it off. A validation may take longer than the time between two checkpoints.
bool TrainingRun::validate(Standing& standing) {
  const auto figures = validation_->run(ctx_, *step_, samples_, [&](const auto&) {
    Losses none;
    agree_on(none);
    if (saved_step_ != state_.step && save_is_due()) submit_checkpoint(Standing::kNewest);
    return stop_signal() == 0;
  });
  if (!figures) return false;
  // An adversary costs gain: what it makes of the model is the newest checkpoint, and the best one stays.
  const bool is_judged = settings_.texture == 0 || !figures->losses.is_adversarial;
  const bool best = is_judged && state_.is_best(*figures);
  if (best) {
    standing = Standing::kNewestAndBest;
    state_.best_step = state_.step;
    state_.best_rec_loss = figures->losses.rec_loss;
    state_.best_gain = figures->quality.gain.value_or(0);
    state_.validations_since_best = 0;
  } else if (is_judged) {
    ++state_.validations_since_best;
  }
  const ValidationRecord record{state_.step, state_.epoch, *figures, best};
  if (logs_) logs_->validation(record);
  out_.line(validation_line(record));
  return true;
}

// A run that `minutes` ends within its first epoch is validated where it ends. (One that max_steps ends is
// not: gone on from, it has to come to the state of a run that did not end there.)
void TrainingRun::validate_short_run() {
  if (!validation_ || settings_.minutes == 0 || state_.step == 0 || state_.best_step >= 0) return;
  Standing standing = Standing::kNewest;
  check_state();
  if (validate(standing)) submit_checkpoint(standing);
}

// Everything is saved: whatever goes wrong here is no fault of the run.
void TrainingRun::leave_report() {
  try {
    out_.line(fmt::format("Report: {}", write_training_report(settings_).string()));
  } catch (const std::exception& error) {
    out_.line(fmt::format("warning: the run is complete and saved, but has no report: {}", error.what()));
  }
}

double TrainingRun::minutes_since_save() const {
  return std::chrono::duration<double, std::ratio<60>>(std::chrono::steady_clock::now() - saved_).count();
}

bool TrainingRun::save_is_due() const {
  if (ranks_.are_several()) return agreed_.save_is_due;
  return settings_.save_minutes > 0 && minutes_since_save() >= settings_.save_minutes;
}

void TrainingRun::submit_checkpoint(Standing standing) {
  saved_step_ = state_.step;
  saved_ = std::chrono::steady_clock::now();
  agreed_.save_is_due = false;
  if (!writer_) return;
  logs_->sync();
  state_.generator_updates = step_->generator().updates;
  state_.clip_mean = step_->generator().clip_mean();
  if (const Learner* discriminator = step_->discriminator())
    state_.discriminator_updates = discriminator->updates;
  state_.adversarial_ratio = step_->adversarial_ratio();
  CheckpointSnapshot& snapshot = writer_->next();
  snapshot.step = state_.step;
  snapshot.standing = standing;
  snapshot.metadata = to_metadata(settings_);
  state_.to_metadata(snapshot.metadata);
  capture_model(ctx_, model_, snapshot.tensors);
  writer_->submit();
  good_file_ = store_->path_of(state_.step);
  rollbacks_ = 0;
}

}  // namespace

int run_training(const TrainSettings& wanted, std::FILE* out) {
  Ranks alone;
  return run_training(wanted, out, alone);
}

int run_training(const TrainSettings& wanted, std::FILE* out, Ranks& ranks) {
  check_ranks(wanted, ranks.count());
  check_same_flags(ranks, wanted);
  std::string why_cpu;
  const TrainSettings settings = with_device(wanted, ranks, why_cpu);
  TrainSettings mine = of_rank(settings, ranks);
  mine.batch_size /= ranks.count();
  const RunPlan plan = plan_run(mine);
  if (!ranks.is_first()) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> nowhere(std::fopen("/dev/null", "w"), std::fclose);
    if (nowhere == nullptr) throw_file_error("open", "/dev/null", errno);
    return explain_memory(plan, [&] { return TrainingRun(settings, nowhere.get(), ranks).run(); });
  }
  fmt::print(out, "{}", describe_settings(settings));
  NewFolders folders;
  make_run_folders(settings, folders);
  check_disk_space(checkpoint_folder(settings), plan.checkpoint_bytes, plan.copies);
  const std::unique_ptr<TrainingRun> run =
      explain_memory(plan, [&] { return std::make_unique<TrainingRun>(settings, out, ranks); });
  if (ranks.are_several())
    fmt::print(out, "{} ranks, {} images of a batch and {} threads each{}\n", ranks.count(), mine.batch_size,
               mine.threads,
               ranks.device() == nullptr ? "" : fmt::format(", on GPUs by {}", ranks.device()->name()));
  if (!why_cpu.empty()) fmt::print(out, "note: the ranks use CPUs: {}\n", why_cpu);
  append_configs(settings);
  ReplaceFile run_cfg(checkpoint_folder(settings) / "run.cfg");  // --flags-file with it is this run again
  run_cfg.write(to_run_cfg(settings));
  run_cfg.commit();
  folders.keep();
  return explain_memory(plan, [&] { return run->run(); });
}

}  // namespace inpaint
