// What a request to fill a picture asks for, read from its form and checked.
//
//   image        the picture, a file: PNG, JPEG, WebP, HEIF, PGM or PPM
//   mask         the hole, one of: a black and white picture of the same size,
//   box          x,y,width,height in pixels from the top left, as often as you like,
//                or neither: what is transparent in the image
//   mask_value   white (the default) or black: what is missing in the mask
//   finish       none or patches, see picture_filler.h; the server's own without it
//   format       own (the default): the image's own format, PNG for a WebP or HEIF; png
#pragma once

#include <cstdint>
#include <span>

#include "core/image/editable_picture.h"
#include "train/fill/picture_filler.h"
#include "train/serve/form_data.h"

namespace inpaint {

struct FillRequest {
  EditablePicture picture;
  Image mask;  // 1 channel, the picture's size, 1 = missing; some pixels are missing and some are known
  Finish finish;
  PictureFormat format;  // of the result
};

// RequestFault: 415 for a file that is none of these formats, 413 for more than max_pixels, before any pixel
// is decoded; 400 for all else.
FillRequest read_fill_request(std::span<const FormPart> form, int64_t max_pixels, Finish default_finish);

}  // namespace inpaint
