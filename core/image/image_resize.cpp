// The one place that holds stb_image_resize's implementation; contract in image.h.
#include "core/image/image.h"

// stb checks its own rounding with assert: a failure is ours to report, not to abort on.
#define STBIR_ASSERT(condition) INPAINT_CHECK(condition, "stb_image_resize")
#define STB_IMAGE_RESIZE_STATIC
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#include <stb_image_resize.h>

namespace inpaint {

Image resize(const Image& image, int64_t height, int64_t width) {
  INPAINT_CHECK(image.height >= 1 && image.width >= 1 && height >= 1 && width >= 1,
                "resize {} x {} to {} x {}", image.height, image.width, height, width);
  if (height == image.height && width == image.width) return image;
  Image out(height, width, image.channels);
  const int done = stbir_resize_uint8_generic(
      image.bytes.data(), static_cast<int>(image.width), static_cast<int>(image.height), 0, out.bytes.data(),
      static_cast<int>(width), static_cast<int>(height), 0, image.channels, STBIR_ALPHA_CHANNEL_NONE, 0,
      STBIR_EDGE_CLAMP, STBIR_FILTER_CATMULLROM, STBIR_COLORSPACE_LINEAR, nullptr);
  INPAINT_CHECK(done == 1, "resize {} x {} to {} x {} failed", image.height, image.width, height, width);
  return out;
}

}  // namespace inpaint
