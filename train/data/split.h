// The three data sets a source of pictures is split into.
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace inpaint {

enum class Split { kTrain, kValidate, kTest };

constexpr std::array<Split, 3> kSplits = {Split::kTrain, Split::kValidate, Split::kTest};

// "train", "validate", "test": also the values of the flag `mode`. The argument only picks the enumeration.
inline std::span<const std::string_view> names_of(Split) {
  static constexpr std::string_view kNames[] = {"train", "validate", "test"};
  return kNames;
}

}  // namespace inpaint
