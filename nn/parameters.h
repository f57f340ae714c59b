// A network's parameters: declared by its layers, laid out once, then allocated as arrays of values and of
// Adam's two moments with equal offsets, and of gradients.
//
// Order in the arrays: first the weights (which decay), then biases and batch-norm parameters. Running
// averages of the batch norms are not parameters: they have an array of their own.
//
// The gradients of large weights need not be stored: backward hands them over (parameter_grads.h). That cuts
// the arrays into pieces, each updated by one pass over it.
#pragma once

#include <string>
#include <vector>

#include "core/device/context.h"

namespace inpaint {

struct InitialValues {
  enum Kind { kZero, kOne, kNormal, kTruncatedNormal } kind;
  double deviation;  // of the normals

  constexpr InitialValues(Kind k, double d = 0.02) : kind(k), deviation(d) {}  // NOLINT: a kind alone will do
};

// For a weight of which an output value has `inputs`: the variance 2 / (1.04 inputs) keeps the size of what
// passes a leaky ReLU of slope 0.2.
// Source: He et al. 2015, "Delving Deep into Rectifiers" (arXiv:1502.01852).
InitialValues he_normal(int64_t inputs);

// How a tensor of ours is laid out in a checkpoint, where PyTorch's order is kept.
enum class CheckpointLayout {
  kSame,
  kKernelLast,  // ours [a, k, k, b], PyTorch's [a, b, k, k]
};

// What backward may do with a weight's gradient.
enum class GradientUse {
  kStore,
  kHandOver,  // hand it over to a sink, where the parameters do not store it: no accumulation then
};

// Whether the parameters store the gradients that may be handed over, as sums over ranks or micro-batches
// need it.
enum class HandedOver { kNotStored, kStored };

struct ParameterInfo {
  std::string name;  // as in a checkpoint: "generator.hidden1.weight"
  Shape shape;
  InitialValues initial;
  CheckpointLayout layout;
  GradientUse gradient;
  int64_t offset;  // in elements
};

// A stretch of the arrays whose gradients are stored, or one weight whose gradient is not; in elements.
struct ParameterPiece {
  bool stored;
  int64_t begin, end;
  int64_t decayed;     // its first so many are weights
  int64_t grad_begin;  // where its gradients begin
};

// Names one declared tensor; only valid with the ParameterSpec it came from.
struct ParameterId {
  enum class Kind { kWeight, kOther, kRunning } kind;
  size_t index;
};

class ParameterSpec {
 public:
  using Kind = ParameterId::Kind;

  ParameterId weight(std::string name, const Shape& shape, InitialValues initial, CheckpointLayout layout,
                     GradientUse gradient = GradientUse::kStore);
  ParameterId other(std::string name, const Shape& shape,
                    InitialValues initial);  // bias, batch-norm scale, shift
  ParameterId running(std::string name, const Shape& shape, InitialValues initial);

  const std::vector<ParameterInfo>& list(Kind kind) const { return lists_[static_cast<size_t>(kind)]; }
  const ParameterInfo& info(ParameterId id) const { return list(id.kind).at(id.index); }
  int64_t elements(Kind kind) const { return sizes_[static_cast<size_t>(kind)]; }
  int64_t parameters() const { return elements(Kind::kWeight) + elements(Kind::kOther); }

  // In the arrays' order, without gaps.
  std::vector<ParameterPiece> pieces(HandedOver handed_over = HandedOver::kNotStored) const;
  int64_t stored_gradients(HandedOver handed_over = HandedOver::kNotStored) const;  // elements

 private:
  ParameterId add(Kind kind, ParameterInfo info);

  std::vector<ParameterInfo> lists_[3];
  int64_t sizes_[3] = {};
};

class Parameters {
 public:
  enum class Use { kTraining, kInference };  // inference holds no gradients and no moments

  // For activations of this type: parameters are f64 beside f64, else f32; beside bf16 the weights have a
  // copy in bf16, which is what products read. Memory is zeroed; `spec` must outlive this object.
  Parameters(const ParameterSpec& spec, DType activation, Use use, Device device = Device::kCpu,
             HandedOver handed_over = HandedOver::kNotStored);

  // Draws every tensor's initial values. A value depends on (seed, network, tensor's place in the network,
  // element) alone, and not on the device. network: 0 generator, 1 discriminator.
  void initialize(const Context& ctx, uint64_t seed, uint32_t network);

  const ParameterSpec& spec() const { return *spec_; }
  DType dtype() const { return dtype_; }  // of the parameters
  DType activation_dtype() const { return activation_dtype_; }
  Use use() const { return use_; }
  Device device() const { return device_; }

  Tensor value(ParameterId id) const;   // parameter or running average
  Tensor factor(ParameterId id) const;  // a weight as products read it: its copy in bf16 where there is one
  bool stores_grad(ParameterId id) const { return pieces_[piece_of(id)].stored; }
  Tensor grad(ParameterId id) const;  // of one whose gradient is stored
  Tensor moment1(ParameterId id) const;
  Tensor moment2(ParameterId id) const;

  const std::vector<ParameterPiece>& pieces() const { return pieces_; }
  size_t piece_of(ParameterId id) const;  // the piece that holds it

  // Makes the weights' copy equal to the weights again; whoever writes values calls it. (Adam writes both.)
  void refresh_copy(const Context& ctx) const;
  // The copy of all weights, bf16[elements(kWeight)]; null where there is none.
  const Tensor* weights_bf16() const { return activation_dtype_ == DType::kBF16 ? &copy_tensor_ : nullptr; }

  // The whole arrays, [parameters()].
  Tensor values() const { return whole(values_); }
  Tensor moments1() const { return whole(moments1_); }
  Tensor moments2() const { return whole(moments2_); }
  Tensor grads() const {
    return grads_.tensor({grads_.bytes() / size_of(dtype_)}, dtype_);
  }  // all stored ones
  Tensor running() const { return running_.tensor({running_.bytes() / size_of(dtype_)}, dtype_); }

 private:
  Tensor whole(const Buffer& buffer) const;
  Tensor part(const Buffer& buffer, ParameterId id) const;
  int64_t place(ParameterId id) const;  // of its first element in the arrays

  const ParameterSpec* spec_;
  std::vector<ParameterPiece> pieces_;
  DType activation_dtype_, dtype_;
  Use use_;
  Device device_;
  Buffer values_, grads_, moments1_, moments2_, running_, copy_;
  Tensor copy_tensor_;
};

}  // namespace inpaint
