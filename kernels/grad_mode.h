// What a backward op does with the gradient it computes.
#pragma once

namespace inpaint {

enum class GradMode { kOverwrite, kAccumulate };

}  // namespace inpaint
