#include "nn/parameters.h"

#include <cmath>
#include <utility>

#include "core/device/copy.h"
#include "kernels/parameter/round_to_bf16.h"
#include "kernels/random/random_fill.h"

namespace inpaint {

InitialValues he_normal(int64_t inputs) {
  return {InitialValues::kNormal, std::sqrt(2 / (1.04 * static_cast<double>(inputs)))};
}

ParameterId ParameterSpec::add(Kind kind, ParameterInfo info) {
  auto& list = lists_[static_cast<size_t>(kind)];
  int64_t& size = sizes_[static_cast<size_t>(kind)];
  info.offset = size;
  size += info.shape.elements();
  list.push_back(std::move(info));
  return {kind, list.size() - 1};
}

ParameterId ParameterSpec::weight(std::string name, const Shape& shape, InitialValues initial,
                                  CheckpointLayout layout, GradientUse gradient) {
  return add(Kind::kWeight, {std::move(name), shape, initial, layout, gradient, 0});
}

ParameterId ParameterSpec::other(std::string name, const Shape& shape, InitialValues initial) {
  return add(Kind::kOther,
             {std::move(name), shape, initial, CheckpointLayout::kSame, GradientUse::kStore, 0});
}

ParameterId ParameterSpec::running(std::string name, const Shape& shape, InitialValues initial) {
  return add(Kind::kRunning,
             {std::move(name), shape, initial, CheckpointLayout::kSame, GradientUse::kStore, 0});
}

std::vector<ParameterPiece> ParameterSpec::pieces(HandedOver handed_over) const {
  std::vector<ParameterPiece> pieces;
  int64_t end = 0, grad_end = 0;
  for (const Kind kind : {Kind::kWeight, Kind::kOther})
    for (const ParameterInfo& info : list(kind)) {
      const bool stored = info.gradient == GradientUse::kStore || handed_over == HandedOver::kStored;
      if (pieces.empty() || !stored || !pieces.back().stored)
        pieces.push_back({stored, end, end, 0, grad_end});
      const int64_t n = info.shape.elements();
      pieces.back().end = end += n;
      if (kind == Kind::kWeight) pieces.back().decayed += n;
      if (stored) grad_end += n;
    }
  return pieces;
}

int64_t ParameterSpec::stored_gradients(HandedOver handed_over) const {
  int64_t n = 0;
  for (const ParameterPiece& piece : pieces(handed_over))
    if (piece.stored) n += piece.end - piece.begin;
  return n;
}

Parameters::Parameters(const ParameterSpec& spec, DType activation, Use use, Device device,
                       HandedOver handed_over)
    : spec_(&spec),
      pieces_(spec.pieces(handed_over)),
      activation_dtype_(activation),
      dtype_(parameter_dtype(activation)),
      use_(use),
      device_(device),
      values_(spec.parameters() * size_of(dtype_), device),
      running_(spec.elements(ParameterId::Kind::kRunning) * size_of(dtype_), device) {
  if (activation == DType::kBF16) {
    const int64_t weights = spec.elements(ParameterId::Kind::kWeight);
    copy_ = Buffer(weights * size_of(DType::kBF16), device);
    copy_tensor_ = copy_.tensor({weights}, DType::kBF16);
  }
  if (use == Use::kInference) return;
  grads_ = Buffer(spec.stored_gradients(handed_over) * size_of(dtype_), device);
  moments1_ = Buffer(values_.bytes(), device);
  moments2_ = Buffer(values_.bytes(), device);
}

void Parameters::initialize(const Context& ctx, uint64_t seed, uint32_t network) {
  Buffer staging;  // a GPU's values are drawn by the host, so that all devices begin with the same bits
  uint32_t place = network << 16;
  for (const auto kind :
       {ParameterId::Kind::kWeight, ParameterId::Kind::kOther, ParameterId::Kind::kRunning}) {
    for (size_t index = 0; index < spec_->list(kind).size(); ++index) {
      const Tensor target = value({kind, index});
      if (device_ != Device::kCpu && staging.bytes() < target.bytes()) staging = Buffer(target.bytes());
      const Tensor tensor = device_ == Device::kCpu ? target : staging.tensor(target.shape, target.dtype);
      const Philox random(seed, RandomStream::kInitialValues, place++);
      const InitialValues initial = spec_->list(kind)[index].initial;
      switch (initial.kind) {
        case InitialValues::kZero:
          fill_constant(ctx, 0.0, tensor);
          break;
        case InitialValues::kOne:
          fill_constant(ctx, 1.0, tensor);
          break;
        case InitialValues::kNormal:
          fill_normal(ctx, random, initial.deviation, tensor);
          break;
        case InitialValues::kTruncatedNormal:
          fill_truncated_normal(ctx, random, initial.deviation, tensor);
          break;
      }
      if (device_ != Device::kCpu) upload(ctx, tensor, target);
    }
  }
  refresh_copy(ctx);
}

int64_t Parameters::place(ParameterId id) const {
  const int64_t base = id.kind == ParameterId::Kind::kOther ? spec_->elements(ParameterId::Kind::kWeight) : 0;
  return base + spec_->info(id).offset;
}

size_t Parameters::piece_of(ParameterId id) const {
  size_t piece = 0;
  while (place(id) >= pieces_[piece].end) ++piece;
  return piece;
}

Tensor Parameters::part(const Buffer& buffer, ParameterId id) const {
  return buffer.tensor(spec_->info(id).shape, dtype_, place(id) * size_of(dtype_));
}

Tensor Parameters::value(ParameterId id) const {
  return part(id.kind == ParameterId::Kind::kRunning ? running_ : values_, id);
}

Tensor Parameters::factor(ParameterId id) const {
  if (weights_bf16() == nullptr) return value(id);
  INPAINT_CHECK(id.kind == ParameterId::Kind::kWeight, "{} is no factor of a product", spec_->info(id).name);
  const ParameterInfo& info = spec_->info(id);
  return copy_.tensor(info.shape, DType::kBF16, info.offset * size_of(DType::kBF16));
}

void Parameters::refresh_copy(const Context& ctx) const {
  if (weights_bf16() == nullptr) return;
  Tensor weights = values();
  weights.shape = copy_tensor_.shape;
  round_to_bf16(ctx, weights, copy_tensor_);
}

Tensor Parameters::grad(ParameterId id) const {
  const ParameterInfo& info = spec_->info(id);
  const ParameterPiece& piece = pieces_[piece_of(id)];
  INPAINT_CHECK(piece.stored, "{}: its gradient is not stored", info.name);
  return grads_.tensor(info.shape, dtype_, (piece.grad_begin + place(id) - piece.begin) * size_of(dtype_));
}

Tensor Parameters::moment1(ParameterId id) const { return part(moments1_, id); }
Tensor Parameters::moment2(ParameterId id) const { return part(moments2_, id); }

Tensor Parameters::whole(const Buffer& buffer) const { return buffer.tensor({spec_->parameters()}, dtype_); }

}  // namespace inpaint
