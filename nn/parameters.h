// A network's parameters: declared by its layers, laid out once, then four allocations (values, gradients and
// Adam's two moments) with equal offsets, so that the optimizer and a checkpoint are one pass each.
//
// Order in the arrays: first the weights (which decay), then biases and batch-norm parameters. Running
// averages of the batch norms are not parameters: they have an array of their own.
#pragma once

#include <string>
#include <vector>

#include "core/context.h"

namespace inpaint {

enum class InitialValues { kZero, kOne, kNormal, kTruncatedNormal };  // the normals have deviation 0.02

// How a tensor of ours is laid out in a checkpoint, where PyTorch's order is kept.
enum class CheckpointLayout {
  kSame,
  kKernelLast,  // ours [a, 4, 4, b], PyTorch's [a, b, 4, 4]
};

struct ParameterInfo {
  std::string name;  // as in a checkpoint: "generator.hidden1.weight"
  Shape shape;
  InitialValues initial;
  CheckpointLayout layout;
  int64_t offset;  // in elements
};

// Names one declared tensor; only valid with the ParameterSpec it came from.
struct ParameterId {
  enum class Kind { kWeight, kOther, kRunning } kind;
  size_t index;
};

class ParameterSpec {
 public:
  using Kind = ParameterId::Kind;

  ParameterId weight(std::string name, const Shape& shape, InitialValues initial, CheckpointLayout layout);
  ParameterId other(std::string name, const Shape& shape,
                    InitialValues initial);  // bias, batch-norm scale, shift
  ParameterId running(std::string name, const Shape& shape, InitialValues initial);

  const std::vector<ParameterInfo>& list(Kind kind) const { return lists_[static_cast<size_t>(kind)]; }
  const ParameterInfo& info(ParameterId id) const { return list(id.kind).at(id.index); }
  int64_t elements(Kind kind) const { return sizes_[static_cast<size_t>(kind)]; }
  int64_t parameters() const { return elements(Kind::kWeight) + elements(Kind::kOther); }

 private:
  ParameterId add(Kind kind, ParameterInfo info);

  std::vector<ParameterInfo> lists_[3];
  int64_t sizes_[3] = {};
};

class Parameters {
 public:
  enum class Use { kTraining, kInference };  // inference holds no gradients and no moments

  // Memory is zeroed; `spec` must outlive this object.
  Parameters(const ParameterSpec& spec, DType dtype, Use use);

  // Draws every tensor's initial values. A value depends on (seed, network, tensor's place in the network,
  // element) alone. network: 0 generator, 1 discriminator.
  void initialize(const Context& ctx, uint64_t seed, uint32_t network);

  const ParameterSpec& spec() const { return *spec_; }
  DType dtype() const { return dtype_; }
  Use use() const { return use_; }

  Tensor value(ParameterId id) const;  // parameter or running average
  Tensor grad(ParameterId id) const;
  Tensor moment1(ParameterId id) const;
  Tensor moment2(ParameterId id) const;

  // The whole arrays, [parameters()].
  Tensor values() const { return whole(values_); }
  Tensor grads() const { return whole(grads_); }
  Tensor moments1() const { return whole(moments1_); }
  Tensor moments2() const { return whole(moments2_); }

 private:
  Tensor whole(const Buffer& buffer) const;
  Tensor part(const Buffer& buffer, ParameterId id) const;

  const ParameterSpec* spec_;
  DType dtype_;
  Use use_;
  Buffer values_, grads_, moments1_, moments2_, running_;
};

}  // namespace inpaint
