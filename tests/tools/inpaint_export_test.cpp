// The program itself: what it prints and leaves, its exit codes. tests/parity/export_test.py runs the models
// it writes.
#include <algorithm>
#include <functional>
#include <vector>

#include "core/file/safetensors.h"
#include "tests/harness/error_message.h"
#include "tests/tools/run_program.h"
#include "train/checkpoint/model_state.h"

using namespace inpaint;

namespace {

constexpr const char* kNetwork =
    " --model context_encoder --image_size 64 --image_channel 1 --base_channels 1 --bottleneck 2";

ProgramRun run(const TemporaryFolder& folder, const std::string& arguments) {
  return run_program(INPAINT_EXPORT, folder, arguments);
}

// The state_dict of a tiny context encoder's generator. Every value is 0.5; `change` may change the rest.
void put_state_dict(
    const std::filesystem::path& path, const std::string& prefix,
    const std::function<void(std::vector<NamedTensor>&, Metadata&)>& change = [](auto&, auto&) {}) {
  const Network network = make_generator(
      ContextEncoderOptions{.image_size = 64, .image_channel = 1, .base_channels = 1, .bottleneck = 2});
  std::vector<NamedTensor> tensors;
  std::vector<Buffer> memory;
  for (const ParameterId::Kind kind :
       {ParameterId::Kind::kWeight, ParameterId::Kind::kOther, ParameterId::Kind::kRunning})
    for (const ParameterInfo& info : network.spec().list(kind)) {
      const Shape shape = checkpoint_shape(info);
      memory.emplace_back(shape.elements() * size_of(DType::kF64));
      const Tensor tensor = memory.back().tensor(shape, DType::kF32);
      std::fill_n(tensor.as<float>(), tensor.elements(), 0.5f);
      tensors.push_back({prefix + info.name.substr(std::string("generator.").size()), tensor});
    }
  Metadata metadata;
  change(tensors, metadata);
  save_safetensors(path, tensors, metadata);
}

Shape shape_of(const SafetensorsEntry& entry) {
  const auto& s = entry.shape;
  return s.size() == 1 ? Shape{s[0]} : s.size() == 2 ? Shape{s[0], s[1]} : Shape{s[0], s[1], s[2], s[3]};
}

NamedTensor& named(std::vector<NamedTensor>& tensors, const std::string& name) {
  return *std::ranges::find(tensors, name, &NamedTensor::name);
}

}  // namespace

TEST_CASE("inpaint_export: from a state_dict to a checkpoint, and on to ONNX") {
  const TemporaryFolder folder;
  put_state_dict(folder / "plain.safetensors", "");
  put_state_dict(folder / "whole.safetensors", "generator.");
  const ProgramRun plain = run(folder, std::string("--from_torch plain.safetensors --out made/a") + kNetwork);
  CHECK(plain.err == "");
  CHECK(plain.exit_code == 0);
  CHECK(plain.out == "made/a/model-0.safetensors: checkpoint at step 0\n");
  const ProgramRun whole = run(folder, std::string("--from_torch whole.safetensors --out b") + kNetwork);
  CHECK(whole.err == "");
  CHECK(file_contents(folder / "made/a/model-0.safetensors") ==
        file_contents(folder / "b/model-0.safetensors"));

  const ProgramRun onnx = run(folder, "--checkpoint made/a --onnx m.onnx");
  CHECK(onnx.err == "");
  CHECK(onnx.exit_code == 0);
  CHECK(contains(onnx.out, "m.onnx: context_encoder, step 0, "));
  CHECK(run(folder, "--checkpoint b/model-0.safetensors --onnx n.onnx").exit_code == 0);
  CHECK(file_contents(folder / "m.onnx") == file_contents(folder / "n.onnx"));
  CHECK(contains(file_contents(folder / "m.onnx"), "generator.hidden1.weight"));
}

TEST_CASE("inpaint_export: the ONNX model says what it is and what it takes and gives") {
  const TemporaryFolder folder;
  put_state_dict(folder / "plain.safetensors", "");
  REQUIRE(run(folder, std::string("--from_torch plain.safetensors --out a") + kNetwork).exit_code == 0);
  REQUIRE(run(folder, "--checkpoint a --onnx m.onnx").exit_code == 0);
  const std::string model = file_contents(folder / "m.onnx");
  // Fields of text, as they stand in a protobuf message: number and type, length, letters.
  const auto field = [&](int number, const std::string& text) {
    return static_cast<char>(number << 3 | 2) + std::string(1, static_cast<char>(text.size())) + text;
  };
  constexpr int kProducer = 2, kGraphName = 2, kDoc = 3, kKey = 1, kValue = 2;
  CHECK(contains(model, field(kProducer, "inpaint")));
  for (const auto& [key, value] : {std::pair{"model", "context_encoder"},
                                   {"step", "0"},
                                   {"image_size", "64"},
                                   {"checkpoint", "model-0.safetensors"}})
    CHECK(contains(model, field(kKey, key) + field(kValue, value)));
  const std::string name = field(kGraphName, "context_encoder");
  CHECK(model.find(name) != model.rfind(name));  // the graph's, and the note's above
  for (const char* const doc :
       {"pictures, grey; what lies under the hole is not read", "the hole: 255 is missing, 0 is known",
        "the pictures with the hole painted; known pixels are those of the image"})
    CHECK(contains(model, field(kDoc, doc)));
}

TEST_CASE("inpaint_export: weights that paint: the generator alone, weights in bf16, the rest as it was") {
  const TemporaryFolder folder;
  put_state_dict(folder / "a.safetensors", "generator.", [](auto& tensors, auto&) {
    float value = -1.0f;
    for (NamedTensor& named : tensors)
      for (int64_t i = 0; i < named.tensor.elements(); ++i)
        named.tensor.template as<float>()[i] = value += 0.0013f;  // no bf16
  });
  REQUIRE(run(folder, std::string("--from_torch a.safetensors --out ck") + kNetwork).exit_code == 0);
  const ProgramRun made = run(folder, "--checkpoint ck --weights w.safetensors");
  CHECK(made.err == "");
  CHECK(made.exit_code == 0);
  CHECK(contains(made.out, "w.safetensors: context_encoder, step 0, "));
  const SafetensorsFile given(folder / "a.safetensors"), written(folder / "w.safetensors");
  CHECK(written.tensors().size() == given.tensors().size());
  for (const SafetensorsEntry& entry : given.tensors()) {
    INFO(entry.name);
    const auto count = static_cast<size_t>(entry.bytes() / 4);
    std::vector<float> values(count), stored(count);
    given.read(entry, std::as_writable_bytes(std::span(values)));
    const SafetensorsEntry* const found = written.find(entry.name);
    REQUIRE(found != nullptr);
    CHECK(found->shape == entry.shape);
    const bool is_weight = found->dtype == "BF16";
    CHECK(is_weight == (entry.shape.size() > 1));
    if (is_weight)
      for (float& value : values) value = static_cast<float>(static_cast<bf16>(value));
    Buffer memory(entry.bytes());
    Tensor tensor = memory.tensor({entry.bytes() / 4}, DType::kF32);
    tensor.shape = shape_of(*found);
    written.read(entry.name, tensor);
    CHECK(std::equal(values.begin(), values.end(), tensor.as<float>()));
  }
  CHECK(run(folder, "--checkpoint w.safetensors --onnx m.onnx").exit_code == 0);  // as any checkpoint
}

TEST_CASE("inpaint_export: what a file says of its network counts") {
  const TemporaryFolder folder;
  put_state_dict(folder / "a.safetensors", "generator.", [](auto&, Metadata& metadata) {
    for (const auto& [name, value] : {std::pair{"model", "context_encoder"},
                                      {"image_size", "64"},
                                      {"base_channels", "1"},
                                      {"bottleneck", "2"}})
      metadata[std::string("flag.") + name] = value;
  });
  const ProgramRun other = run(folder, "--from_torch a.safetensors --out a --bottleneck 3");
  CHECK(other.exit_code == 1);
  CHECK(contains(other.err, "a.safetensors: is of a network with bottleneck=2; leave --bottleneck out"));
  CHECK_FALSE(std::filesystem::exists(folder / "a"));
  const ProgramRun equal = run(folder, "--from_torch a.safetensors --out a --bottleneck 2");
  CHECK(equal.err == "");
  CHECK(equal.exit_code == 0);
}

TEST_CASE("inpaint_export: a state_dict that does not fit is refused by name") {
  const TemporaryFolder folder;
  const auto refused = [&](const std::function<void(std::vector<NamedTensor>&, Metadata&)>& change) {
    put_state_dict(folder / "a.safetensors", "", change);
    const ProgramRun made = run(folder, std::string("--from_torch a.safetensors --out a") + kNetwork);
    CHECK(made.exit_code == 1);
    CHECK(std::count(made.err.begin(), made.err.end(), '\n') == 1);
    CHECK_FALSE(std::filesystem::exists(folder / "a"));
    return made.err;
  };
  CHECK(contains(refused([](auto& tensors, auto&) { named(tensors, "hidden2.bias").name = "hidden2.bais"; }),
                 "no tensor 'hidden2.bais'"));
  CHECK(contains(refused([](auto& tensors, auto&) { tensors.pop_back(); }), "there is no tensor 'hidden"));
  CHECK(contains(refused([](auto& tensors, auto&) {
                   Tensor& weight = named(tensors, "hidden1.weight").tensor;
                   weight.shape = {weight.shape[0], 4, 4, 1};
                 }),
                 "tensor 'hidden1.weight' is F32 [1, 4, 4, 1]"));
  CHECK(contains(
      refused([](auto& tensors, auto&) { named(tensors, "hidden1.weight").tensor.dtype = DType::kF64; }),
      "tensor 'hidden1.weight' is F64, and F32 is needed"));
  CHECK(contains(refused([](auto& tensors, auto&) {
                   named(tensors, "hidden1.bias").tensor.template as<float>()[0] = NAN;
                 }),
                 "tensor 'generator.hidden1.bias' holds nan"));
}

TEST_CASE("inpaint_export: mistakes end with exit code 1, one line, and no file") {
  const TemporaryFolder folder;
  put_state_dict(folder / "a.safetensors", "");
  put_file(folder / "text", "no tensors");
  std::filesystem::create_directories(folder / "empty");
  REQUIRE(run(folder, std::string("--from_torch a.safetensors --out ck") + kNetwork).exit_code == 0);
  const std::set<std::string> before = folder.names();
  const std::string network = kNetwork;
  for (const auto& refusal :
       {std::pair<std::string, const char*>{
            "", "give --checkpoint PATH with --onnx FILE or --weights FILE, or --from_torch"},
        {"--checkpoint ck", "give --checkpoint PATH with --onnx FILE"},
        {"--onnx m.onnx", "give --checkpoint PATH with --onnx FILE"},
        {"--from_torch a.safetensors", "--from_torch FILE and --out FOLDER"},
        {"--checkpoint ck --onnx m.onnx --from_torch a.safetensors --out b", "or --from_torch"},
        {"--checkpoint ck --onnx m.onnx --bottleneck 2", "--bottleneck is for --from_torch"},
        {"--checkpoint none --onnx m.onnx", "none"},
        {"--checkpoint empty --onnx m.onnx", "no checkpoint here"},
        {"--checkpoint text --onnx m.onnx", "text"},
        {"--checkpoint ck --onnx none/m.onnx", "none"},
        {"--from_torch a.safetensors --out b", "does not say what network it is of; give --model"},
        {"--from_torch a.safetensors --out b --model unet", "command line: model=unet"},
        {"--from_torch a.safetensors --out b --model context_encoder --image_size 65", "image_size=65"},
        {"--from_torch a.safetensors --out ck" + network, "holds a checkpoint already"},
        {"--from_torch none --out b" + network, "none"}}) {
    const auto& arguments = refusal.first;
    INFO(arguments);
    const ProgramRun refused = run(folder, arguments);
    CHECK(refused.exit_code == 1);
    CHECK(contains(refused.err, refusal.second));
    CHECK(refused.err.starts_with("error: "));
    CHECK(std::count(refused.err.begin(), refused.err.end(), '\n') == 1);
    CHECK(folder.names() == before);
  }
}
