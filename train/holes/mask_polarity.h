// Which colour of a mask picture is the hole.
#pragma once

#include <span>
#include <string_view>

namespace inpaint {

enum class MaskPolarity { kWhiteIsHole, kBlackIsHole };

// The colour of the hole: "white", "black". The argument only picks the enumeration.
inline std::span<const std::string_view> names_of(MaskPolarity) {
  static constexpr std::string_view kNames[] = {"white", "black"};
  return kNames;
}

}  // namespace inpaint
