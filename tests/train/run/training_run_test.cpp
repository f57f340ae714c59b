// Whole runs in a folder of their own: what they leave, and that stopping changes nothing.
#include "train/run/training_run.h"

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "tests/train/run/small_run.h"
#include "train/checkpoint/run_state.h"
#include "train/data/dataset_description.h"
#include "train/settings/flags_file.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

// A folder of small pictures, of which those from `first_bad` on are cut off behind their heads.
void put_pictures(const fs::path& folder, int count, int first_bad) {
  fs::create_directory(folder);
  for (int i = 0; i < count; ++i) {
    const fs::path path = folder / fmt::format("{:02}.png", i);
    write_png(path, procedural_picture(1, i, 64, 3));
    if (i >= first_bad) fs::resize_file(path, fs::file_size(path) / 2);
  }
}

int occurrences(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("run: a damaged picture of a folder gives its place to the next, and is named once") {
  const TemporaryFolder whole_folder, parted_folder;
  TrainSettings whole = small_run(whole_folder.path()), parted = small_run(parted_folder.path());
  for (TrainSettings* s : {&whole, &parted}) {
    const fs::path pictures = fs::path(s->data_root) / "pictures";
    put_pictures(pictures, 9, 8);
    s->data_dir = pictures;
    s->shuffle = true;
    s->loader_threads = 3;
  }
  whole.max_steps = 6;
  const std::string said = run_quietly(whole);
  CHECK(occurrences(said, "note: ") == 1);
  CHECK(contains(said, "08.png: damaged PNG: the file is cut off; 00.png is taken in its place"));
  parted.max_steps = 3;
  run_quietly(parted);
  parted.max_steps = 6;
  run_quietly(parted);
  check_same_state(checkpoint(whole, 6), checkpoint(parted, 6));
}

TEST_CASE("run: too many damaged pictures end it, with the last step saved") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  const fs::path pictures = folder / "pictures";
  put_pictures(pictures, 24, 12);  // batches 0 to 2 are good; the eleventh bad picture is in batch 5
  s.data_dir = pictures;
  const Captured out(stdout);
  const std::string message = error_message([&] { run_training(s); });
  CHECK(contains(message,
                 "12 of the 24 pictures of an epoch could not be read, more than 10; step 5 is saved"));
  CHECK(fs::exists(checkpoint(s, 5)));
}

TEST_CASE("run: ten steps equal five, stop, resume, five more, bit for bit") {
  for (const bool shuffle : {false, true}) {
    const TemporaryFolder whole_folder, parted_folder;
    TrainSettings whole = small_run(whole_folder.path()), parted = small_run(parted_folder.path());
    whole.shuffle = parted.shuffle = whole.flip = parted.flip = shuffle;
    parted.loader_threads = 3;
    whole.log_offsets = parted.log_offsets = true;
    whole.keep = parted.keep = 100;
    whole.max_steps = 10;
    run_quietly(whole);
    parted.max_steps = 5;  // in the middle of an epoch
    run_quietly(parted);
    parted.max_steps = 10;
    run_quietly(parted);
    check_same_state(checkpoint(whole, 10), checkpoint(parted, 10));
    CHECK(timeless(log_folder(whole) / "train_log.jsonl") ==
          timeless(log_folder(parted) / "train_log.jsonl"));
    CHECK(lines_of(log_folder(whole) / "loss_log.txt") == lines_of(log_folder(parted) / "loss_log.txt"));

    // From an older checkpoint too; the log loses what lies behind it and gains it again.
    parted.resume = checkpoint(parted, 4);
    parted.max_steps = 10;
    run_quietly(parted);
    check_same_state(checkpoint(whole, 10), checkpoint(parted, 10));
    CHECK(timeless(log_folder(whole) / "train_log.jsonl") ==
          timeless(log_folder(parted) / "train_log.jsonl"));
  }
}

TEST_CASE("run: a whole-picture model goes on exactly: average, clip, schedule and holes of every form") {
  const TemporaryFolder whole_folder, parted_folder;
  TrainSettings whole = small_run(whole_folder.path()), parted = small_run(parted_folder.path());
  for (TrainSettings* s : {&whole, &parted}) {
    s->model = ModelKind::kHarmonicUnet;
    s->holes = HoleForm::kMixed;
    s->learning_rate = 0.001;
    s->schedule_steps = 8;
    s->batch_size = 3;  // three batches an epoch
  }
  whole.max_steps = 7;
  const std::string said = run_quietly(whole);
  CHECK(contains(said, "dB over harmonic"));
  const fs::path sheets = sample_folder(whole);
  for (const char* name : {"0_0.png", "0_1.png", "0_2.png", "0_3.png"}) CHECK(fs::exists(sheets / name));
  // The model starts from the harmonic fill, and the first sample is made before the first step.
  CHECK(decode_image(sheets / "0_3.png") == decode_image(sheets / "0_1.png"));
  CHECK_FALSE(decode_image(sheets / "2_3.png") == decode_image(sheets / "2_1.png"));
  CHECK_FALSE(contains(said, "disc_loss"));
  parted.max_steps = 2;  // in the middle of an epoch
  run_quietly(parted);
  parted.max_steps = 7;
  run_quietly(parted);
  check_same_state(checkpoint(whole, 7), checkpoint(parted, 7));
  CHECK(timeless(log_folder(whole) / "train_log.jsonl") == timeless(log_folder(parted) / "train_log.jsonl"));

  const SafetensorsFile file(checkpoint(whole, 7));
  CHECK(file.find("average.generator.encoder0.conv.weight") != nullptr);
  CHECK(RunState::from_metadata(file.metadata(), "here").clip_mean > 0);
  for (const char* other : {"model", "model_size"}) {
    TrainSettings wrong = parted;
    if (std::string(other) == "model")
      wrong.model = ModelKind::kContextEncoder;
    else
      wrong.model_size = ModelSize::kBase;
    const Captured out(stdout);
    const std::string message = error_message([&] { run_training(wrong); });
    CHECK(contains(message, fmt::format("this checkpoint has {}=", other)));
  }
}

TEST_CASE("run: a whole-picture model ends after its minutes") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.model = ModelKind::kHarmonicUnet;
  s.holes = HoleForm::kBox;
  s.minutes = 1e-6;  // over after the first step
  // Within its first epoch: validated where it ends.
  CHECK(contains(run_quietly(s), "[Validation] "));
  const SafetensorsFile file(checkpoint(s, 1));
  CHECK(RunState::from_metadata(file.metadata(), "here").train_seconds >= 6e-5);

  s.minutes = 1e6;  // as long as it takes: the number of epochs does not end the run
  s.epoch = 1;      // two steps
  s.max_steps = 3;
  run_quietly(s);
  CHECK(fs::exists(checkpoint(s, 3)));
}

TEST_CASE("run: from a folder of pictures, augmented: stopped in the middle of an epoch, the same weights") {
  const TemporaryFolder whole_folder, parted_folder;
  for (const bool cached : {false, true}) {
    TrainSettings whole = small_run(whole_folder.path()), parted = small_run(parted_folder.path());
    whole.dataname = parted.dataname = cached ? "cached" : "direct";
    whole.data_dir = parted.data_dir = whole_folder / "pictures";
    whole.shuffle = whole.flip = whole.random_crop = true;
    parted.shuffle = parted.flip = parted.random_crop = parted.data_cache = true;
    whole.data_cache = cached;
    whole.loader_threads = 1;
    fs::create_directories(whole.data_dir);
    for (int i = 0; i < kPictures; ++i)
      write_png(fs::path(whole.data_dir) / fmt::format("{}.png", i), procedural_picture(1, i, 80 + 4 * i, 3));
    whole.max_steps = 7;
    run_quietly(whole);
    parted.max_steps = 3;
    CHECK(contains(run_quietly(parted), "Decoding 11 files"));
    parted.max_steps = 7;
    CHECK_FALSE(contains(run_quietly(parted), "Decoding"));
    check_same_state(checkpoint(whole, 7), checkpoint(parted, 7));
  }
}

TEST_CASE("run: from a folder of pictures, validated on those that are held out") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  fs::remove(data_file(s, Split::kValidate));
  s.data_dir = folder / "pictures";
  s.validate_share = 0.4;
  fs::create_directories(s.data_dir);
  for (int i = 0; i < kPictures; ++i)
    write_png(fs::path(s.data_dir) / fmt::format("{}.png", i), procedural_picture(1, i, 80, 3));
  s.epoch = 2;
  s.patience = 5;
  CHECK(contains(run_quietly(s), "[Validation] rec_loss:"));
  CHECK(lines_of(log_folder(s) / "validation_log.jsonl").size() == 2);
  s.mode = Split::kValidate;
  CHECK(contains(run_quietly(s), "Mean "));
}

TEST_CASE("run: a data set that has changed since the checkpoint is noted once") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  const std::string note = "note: " + data_file(s).string() + " has changed since the checkpoint was made";
  DatasetDescription description{
      .image_size = 64, .image_channel = 3, .count = kPictures, .crc32c = 0xfffffff1};
  const auto describe = [&] { put_file(description_file(data_file(s)), to_json(description)); };
  describe();
  s.max_steps = 1;
  CHECK_FALSE(contains(run_quietly(s), "has changed"));
  s.max_steps = 2;
  CHECK_FALSE(contains(run_quietly(s), "has changed"));
  description.crc32c = 7;
  describe();
  s.max_steps = 3;
  CHECK(contains(run_quietly(s), note));
  s.max_steps = 4;
  CHECK_FALSE(contains(run_quietly(s), "has changed"));
  fs::remove(description_file(data_file(s)));  // nobody says anything of it
  s.max_steps = 5;
  CHECK_FALSE(contains(run_quietly(s), "has changed"));
}

TEST_CASE("run: a resumed run may have larger batches or fewer pictures") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.batch_size = 2;  // five batches an epoch
  s.max_steps = 4;
  run_quietly(s);
  s.batch_size = 4;  // two: the eight pictures seen are the whole epoch
  s.max_steps = 5;
  CHECK(
      contains(run_quietly(s), "note: batch_size=4 from here on; the checkpoint was made with batch_size=2"));
  const auto steps = lines_of(log_folder(s) / "train_log.jsonl");
  REQUIRE(steps.size() == 5);
  CHECK(nlohmann::json::parse(steps[4])["epoch"] == 1);
  CHECK(nlohmann::json::parse(steps[4])["batch"] == 0);
  CHECK(lines_of(log_folder(s) / "loss_log.txt").size() == 1);

  fs::resize_file(data_file(s), 4 * 64 * 64 * 3);  // one batch an epoch, and it has been seen
  s.max_steps = 6;
  run_quietly(s);
  CHECK(nlohmann::json::parse(lines_of(log_folder(s) / "train_log.jsonl")[5])["epoch"] == 2);
}

TEST_CASE("run: fewer pictures than a batch, down to a single one, are taken again, and resumed exactly") {
  for (const ModelKind model : {ModelKind::kContextEncoder, ModelKind::kHarmonicUnet}) {
    const TemporaryFolder whole_folder, parted_folder;
    TrainSettings whole = small_run(whole_folder.path()), parted = small_run(parted_folder.path());
    for (TrainSettings* s : {&whole, &parted}) {
      s->model = model;
      s->schedule_steps = 5;
      s->shuffle = true;
      fs::resize_file(data_file(*s), 64 * 64 * 3);
      s->max_steps = 5;
    }
    const std::string said = run_quietly(whole);
    CHECK(contains(said, "has 1 of the 4 pictures of a batch"));
    CHECK_FALSE(contains(said, "makes quicker steps"));
    CHECK(lines_of(log_folder(whole) / "loss_log.txt").size() == 5);
    const Image grid = decode_image(sample_folder(whole) / "0_0.png");
    CHECK(grid.width == 64);
    CHECK(grid.height == 64);
    parted.max_steps = 3;
    run_quietly(parted);
    parted.max_steps = 5;
    run_quietly(parted);
    check_same_state(checkpoint(whole, 5), checkpoint(parted, 5));
    parted.batch_size = 20;
    fs::copy_file(data_file(parted, Split::kValidate), data_file(parted),
                  fs::copy_options::overwrite_existing);
    parted.max_steps = 6;
    CHECK(contains(run_quietly(parted), "; batch_size=11 makes quicker steps"));
  }
}

TEST_CASE("run: max_steps=0 writes the initial state, the same for the same seed") {
  const TemporaryFolder a_folder, b_folder;
  TrainSettings a = small_run(a_folder.path()), b = small_run(b_folder.path());
  a.max_steps = b.max_steps = 0;
  b.threads = 3;
  run_quietly(a);
  run_quietly(b);
  check_same_state(checkpoint(a, 0), checkpoint(b, 0));
  CHECK(RunState::from_metadata(SafetensorsFile(checkpoint(a, 0)).metadata(), "").generator_updates == 0);
}

TEST_CASE("run: what it leaves is what the specification names") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.epoch = 3;
  s.sample = 2;
  s.summary = 2;
  const std::string printed = run_quietly(s);
  CHECK(contains(printed, "lamb_tv"));  // every flag and its value
  CHECK(contains(printed, "Epoch:   1 Batch:   0, rec_loss:"));
  CHECK(contains(printed, "[Getting Sample...] rec_loss:"));
  CHECK(contains(printed, "psnr: "));

  CHECK(checkpoint_folder(s) == folder.path() / "checkpoints/tiny64/gpu0");
  CHECK(fs::exists(checkpoint(s, 6)));
  CHECK_FALSE(fs::exists(checkpoint(s, 4)));  // the newest is kept
  CHECK(lines_of(checkpoint_folder(s) / "checkpoint") == std::vector<std::string>{"model-6.safetensors"});
  CHECK_FALSE(lines_of(checkpoint_folder(s) / "configs.txt").empty());
  TrainSettings reloaded;
  read_flags_file(checkpoint_folder(s) / "run.cfg", reloaded);
  CHECK(reloaded == s);

  const auto losses = lines_of(folder.path() / "logs/tiny64/gpu0/loss_log.txt");
  REQUIRE(losses.size() == 3);
  CHECK(losses[1].starts_with("Epoch:   1, rec_loss:"));
  const auto steps = lines_of(folder.path() / "logs/tiny64/gpu0/train_log.jsonl");
  REQUIRE(steps.size() == 6);  // an incomplete last batch is dropped
  double mean = 0;
  for (const int i : {2, 3})
    mean += nlohmann::json::parse(steps[static_cast<size_t>(i)])["rec_loss"].get<double>() / 2;
  CHECK(losses[1].find(fmt::format("rec_loss:{:.8f}", mean)) != std::string::npos);
  CHECK(nlohmann::json::parse(steps[5])["step"] == 6);

  const fs::path samples = folder.path() / "samples/tiny64/gpu0/train";
  for (const char* name : {"0_0.png", "0_1.png", "0_2.png", "2_0.png", "2_1.png", "2_2.png"}) {
    INFO(name);
    REQUIRE(fs::exists(samples / name));
    const Image grid = decode_image(samples / name);
    CHECK(grid.width == 128);  // floor(sqrt 4) = 2 pictures wide
    CHECK(grid.height == 128);
  }
  CHECK_FALSE(fs::exists(samples / "1_0.png"));
  CHECK_FALSE(fs::exists(samples / "0_3.png"));  // this model does not start from the harmonic fill
  // The inpainted and the masked grid differ in the holes only, where the masked one is mid grey.
  const Image pictures = decode_image(samples / "0_0.png"), filled = decode_image(samples / "0_1.png"),
              masked = decode_image(samples / "0_2.png");
  size_t outside = 0;
  for (size_t i = 0; i < pictures.bytes.size(); ++i) {
    if (masked.bytes[i] == 127) continue;
    REQUIRE(filled.bytes[i] == masked.bytes[i]);
    REQUIRE(pictures.bytes[i] == masked.bytes[i]);
    ++outside;
  }
  CHECK(outside >= pictures.bytes.size() / 2);

  s.mode = Split::kValidate;
  const std::string validated = run_quietly(s);
  CHECK(contains(validated, "Mean rec_loss:"));
  CHECK(fs::exists(folder.path() / "samples/tiny64/gpu0/validate/1_2.png"));
  CHECK_FALSE(fs::exists(folder.path() / "samples/tiny64/gpu0/validate/2_0.png"));
}

TEST_CASE("run: summaries and samples do not change the training") {
  const TemporaryFolder watched_folder, plain_folder;
  TrainSettings watched = small_run(watched_folder.path()), plain = small_run(plain_folder.path());
  watched.max_steps = plain.max_steps = 5;
  watched.summary = 1;
  plain.sample = 1000;
  run_quietly(watched);
  run_quietly(plain);
  check_same_state(checkpoint(watched, 5), checkpoint(plain, 5));
}

TEST_CASE("run: a signal stops after the step, saves, and the next run goes on exactly") {
  const TemporaryFolder whole_folder, stopped_folder;
  TrainSettings whole = small_run(whole_folder.path()), stopped = small_run(stopped_folder.path());
  stopped.epoch = 1000000;
  std::string printed;
  {
    std::thread killer([&] {
      while (lines_of(log_folder(stopped) / "train_log.jsonl").size() < 3) std::this_thread::yield();
      kill(getpid(), SIGINT);
    });
    printed = run_quietly(stopped, 130);
    killer.join();
  }
  CHECK(contains(printed, "Stopped by a signal"));
  const auto steps = static_cast<int64_t>(lines_of(log_folder(stopped) / "train_log.jsonl").size());
  REQUIRE(fs::exists(checkpoint(stopped, steps)));
  whole.max_steps = stopped.max_steps = steps + 2;
  run_quietly(stopped);
  run_quietly(whole);
  check_same_state(checkpoint(whole, steps + 2), checkpoint(stopped, steps + 2));
}

TEST_CASE("run: a checkpoint by time, within an epoch, kept as others are and gone on from exactly") {
  const TemporaryFolder timed_folder, whole_folder;
  TrainSettings timed = small_run(timed_folder.path()), whole = small_run(whole_folder.path());
  for (TrainSettings* s : {&timed, &whole}) {
    s->batch_size = 2;  // five batches an epoch
    s->ckpt = 100;
    s->validate_every = 0;
    s->keep = 3;
    s->shuffle = true;
    s->max_steps = 4;
  }
  const auto steps_saved = [](const TrainSettings& s) {
    std::vector<int64_t> steps;
    for (int64_t step = 0; step <= 10; ++step)
      if (fs::exists(checkpoint(s, step))) steps.push_back(step);
    return steps;
  };
  for (const double rarely : {0.0, 10.0}) {
    whole.save_minutes = rarely;
    run_quietly(whole);
    CHECK(steps_saved(whole) == std::vector<int64_t>{4});
  }
  timed.save_minutes = 1e-9;  // less than a step takes
  run_quietly(timed);
  CHECK(steps_saved(timed) == std::vector<int64_t>{2, 3, 4});
  timed.resume = checkpoint(timed, 3);
  timed.max_steps = whole.max_steps = 10;
  run_quietly(timed);
  run_quietly(whole);
  CHECK(steps_saved(timed) == std::vector<int64_t>{8, 9, 10});
  check_same_state(checkpoint(whole, 10), checkpoint(timed, 10));
  CHECK(timeless(log_folder(whole) / "train_log.jsonl") == timeless(log_folder(timed) / "train_log.jsonl"));
  CHECK(lines_of(log_folder(whole) / "loss_log.txt") == lines_of(log_folder(timed) / "loss_log.txt"));
}

TEST_CASE("run: save_minutes are minutes between two checkpoints") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.epoch = s.ckpt = 1'000'000;
  s.keep = 1'000'000;
  s.validate_every = 0;
  s.save_minutes = 0.002;
  const auto start = std::chrono::steady_clock::now();
  std::thread killer([&] {
    while (lines_of(log_folder(s) / "train_log.jsonl").empty()) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::seconds(1));
    kill(getpid(), SIGTERM);
  });
  run_quietly(s, 143);
  killer.join();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  int saved = 0;
  for (const auto& entry : fs::directory_iterator(checkpoint_folder(s)))
    saved += entry.path().extension() == ".safetensors";
  CHECK(saved >= 3);
  CHECK(saved <= seconds.count() / (60 * s.save_minutes) + 1);  // and one where it ends
}

TEST_CASE("run: by default short epochs make no checkpoint each, and a short run has curves") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.ckpt = TrainSettings().ckpt;
  s.validate_every = 0;
  s.keep = 100;
  s.epoch = 6;
  run_quietly(s);
  const auto saved = [&] {
    std::vector<int64_t> steps;
    for (int64_t step = 0; step <= 100; ++step)
      if (fs::exists(checkpoint(s, step))) steps.push_back(step);
    return steps;
  };
  CHECK(saved() == std::vector<int64_t>{12});
  std::uintmax_t events = 0;
  for (const auto& entry : fs::directory_iterator(log_folder(s)))
    if (entry.path().filename().string().starts_with("events.")) events += fs::file_size(entry.path());
  CHECK(events > 10 * 5 * 40);  // ten steps with five scalars each

  s.ckpt = 2;  // given: as the source program
  s.epoch = 10;
  run_quietly(s);
  CHECK(saved() == std::vector<int64_t>{12, 16, 20});
}

TEST_CASE("run: save_minutes holds where every step ends an epoch") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.batch_size = kPictures;
  s.ckpt = 1'000'000;
  s.keep = 100;
  s.validate_every = 0;
  s.save_minutes = 1e-9;
  s.max_steps = 3;
  run_quietly(s);
  for (const int64_t step : {1, 2, 3}) CHECK(fs::exists(checkpoint(s, step)));
}

TEST_CASE("run: with nothing left to do it says so, and why") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.epoch = 1;
  CHECK_FALSE(contains(run_quietly(s), "Nothing is left"));
  CHECK(contains(run_quietly(s),
                 "Nothing is left to do: epoch=1 is reached, at step 2; give a larger epoch to go on\n"));
  s.epoch = 5;
  s.max_steps = 2;
  CHECK(contains(run_quietly(s), "Nothing is left to do: max_steps=2 is reached, at step 2; give"));
  s.max_steps = 3;
  CHECK_FALSE(contains(run_quietly(s), "Nothing is left"));
}

TEST_CASE("run: a failed start leaves no folder and no file behind") {
  const TemporaryFolder folder;
  const TrainSettings good = small_run(folder.path());
  const auto leaves_nothing = [&](const TrainSettings& s) {
    {
      const Captured out(stdout);
      CHECK_THROWS_AS(s.mode == Split::kTrain ? run_training(s) : run_validation(s), UserError);
    }
    CHECK(folder.names() == std::set<std::string>{"data"});
  };
  TrainSettings s = good;
  s.dataname = "missing";
  leaves_nothing(s);
  s = good;
  s.data_dir = folder / "missing";
  leaves_nothing(s);
  s = good;
  s.resume = "best";  // which no run has made
  leaves_nothing(s);
  s.resume = folder / "none.safetensors";
  leaves_nothing(s);
  s = good;
  s.batch_size = 1'000'000'000;
  s.validate_every = 0;
  leaves_nothing(s);  // out of memory
  s = good;
  s.log_root = folder / "data/tiny64_train.bin";  // no folder
  leaves_nothing(s);
  s = good;
  s.mode = Split::kValidate;
  leaves_nothing(s);  // no checkpoint
}

TEST_CASE("run: bad input is refused with what, where and how, and nothing is changed") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.max_steps = 1;
  run_quietly(s);
  const auto refused = [](const TrainSettings& settings) {
    const Captured out(stdout);
    return error_message(
        [&] { settings.mode == Split::kTrain ? run_training(settings) : run_validation(settings); });
  };
  const auto before = SafetensorsFile(checkpoint(s, 1)).metadata();

  TrainSettings other = s;
  other.max_steps = 2;
  other.bottleneck = 9;
  CHECK(contains(refused(other), "bottleneck=8, the run has bottleneck=9"));
  other = s;
  other.resume = "never";
  CHECK(contains(refused(other), "resume=auto"));
  other = s;
  other.resume = (folder.path() / "nothing.safetensors").string();
  CHECK(contains(refused(other), "nothing.safetensors"));
  other = s;
  other.dataname = "missing";
  CHECK(contains(refused(other), "missing64_train.bin"));
  other = s;
  other.dataname = "untrained";
  other.mode = Split::kValidate;
  fs::copy_file(folder.path() / "data/tiny64_validate.bin", folder.path() / "data/untrained64_validate.bin");
  CHECK(contains(refused(other), "no checkpoint here"));
  CHECK(SafetensorsFile(checkpoint(s, 1)).metadata() == before);
}

TEST_CASE("run: a loss that is not finite stops the run and leaves the last checkpoint") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.max_steps = 2;
  run_quietly(s);
  s.max_steps = 50;
  s.lamb_rec = 1e308;
  s.learning_rate = 1e30;
  const Captured out(stdout);
  CHECK(contains(error_message<Error>([&] { run_training(s); }), "no longer finite"));
  CHECK(lines_of(checkpoint_folder(s) / "checkpoint") == std::vector<std::string>{"model-2.safetensors"});
  CHECK_NOTHROW(SafetensorsFile(checkpoint(s, 2)));
}

TEST_CASE("run: a damaged newest checkpoint is named, and an older one taken only with fallback") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.keep = 3;
  s.max_steps = 4;
  s.validate_every = 0;
  run_quietly(s);
  std::string bytes = file_contents(checkpoint(s, 4));
  bytes[bytes.size() / 2] ^= 1;
  put_file(checkpoint(s, 4), bytes);
  s.max_steps = 5;
  {
    const Captured out(stdout);
    const std::string message = error_message([&] { run_training(s); });
    CHECK(contains(message, "model-4.safetensors: damaged: bytes 0 to"));
    CHECK(contains(message, "fallback=true"));
  }
  for (const Split mode : {Split::kValidate, Split::kTrain}) {
    s.mode = mode;
    s.fallback = true;
    const std::string printed = run_quietly(s);
    CHECK(contains(printed, "passed over, as fallback allows: "));
    CHECK(contains(printed, "model-2.safetensors at step 2"));
  }
  const TemporaryFolder whole_folder;
  TrainSettings whole = small_run(whole_folder.path());
  whole.max_steps = 5;
  whole.validate_every = 0;
  run_quietly(whole);
  check_same_state(checkpoint(whole, 5), checkpoint(s, 5));
}
