#include "train/serve/fill_request.h"

#include <optional>
#include <string>
#include <utility>

#include "train/holes/picture_mask.h"
#include "train/serve/request_fault.h"
#include "train/settings/flag_values.h"

namespace inpaint {
namespace {

enum class ResultFormat { kOwn, kPng };

std::span<const std::string_view> names_of(ResultFormat) {
  static constexpr std::string_view kNames[] = {"own", "png"};
  return kNames;
}

// The fields of the form by their names.
struct Fields {
  std::optional<std::span<const uint8_t>> image, mask;
  std::optional<std::string_view> mask_value, finish, format;
  std::vector<PixelBox> boxes;
};

std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename T>
void put_once(const std::string& name, std::optional<T>& field, T value) {
  if (field) refuse(400, "{}: given twice", name);
  field = value;
}

Fields fields_of(std::span<const FormPart> form) {
  Fields fields;
  for (const FormPart& part : form) {
    if (part.name == "image") {
      put_once(part.name, fields.image, part.bytes);
    } else if (part.name == "mask") {
      put_once(part.name, fields.mask, part.bytes);
    } else if (part.name == "mask_value") {
      put_once(part.name, fields.mask_value, text_of(part.bytes));
    } else if (part.name == "finish") {
      put_once(part.name, fields.finish, text_of(part.bytes));
    } else if (part.name == "format") {
      put_once(part.name, fields.format, text_of(part.bytes));
    } else if (part.name == "box") {
      PixelBox box;
      if (const std::string fault = parse_box(text_of(part.bytes), box); !fault.empty())
        refuse(400, "box: {} {}; allowed: x,y,width,height", shown(text_of(part.bytes)), fault);
      fields.boxes.push_back(box);
    } else {
      refuse(400, "unknown field {}; there are image, mask, box, mask_value, finish and format",
             shown(part.name));
    }
  }
  return fields;
}

template <typename Enum>
Enum choice(const char* name, const std::optional<std::string_view>& text, Enum otherwise) {
  if (!text) return otherwise;
  size_t position = 0;
  const auto names = names_of(otherwise);
  if (const std::string fault = parse_choice(*text, names, position); !fault.empty())
    refuse(400, "{}: {} {}; allowed: {}", name, shown(*text), fault, list_of(names));
  return static_cast<Enum>(position);
}

// Runs `read`, whose faults become faults of this status.
template <typename F>
auto with_status(int status, F&& read) {
  try {
    return read();
  } catch (const RequestFault&) {
    throw;
  } catch (const OutOfMemory&) {
    throw;
  } catch (const UserError& error) {
    throw RequestFault(status, error.what());
  }
}

void check_file(std::span<const uint8_t> file, const char* name, int64_t max_pixels) {
  with_status(415, [&] { return picture_format(file, name); });
  const PictureSize size = with_status(400, [&] { return picture_size(file, name); });
  // The sides lie below 2^32: the product cannot be compared before the quotient.
  if (size.width > 0 && size.height > max_pixels / size.width)
    refuse(413, "{}: {} x {} pixels; this server takes at most {}, scale the picture down first", name,
           size.width, size.height, max_pixels);
}

Image mask_of(const Fields& fields, const EditablePicture& picture, int64_t max_pixels) {
  const Image& image = picture.image();
  if (fields.mask && !fields.boxes.empty()) refuse(400, "mask and box: give one or the other");
  if (fields.mask_value && !fields.mask) refuse(400, "mask_value: there is no mask");
  const auto polarity = choice("mask_value", fields.mask_value, MaskPolarity::kWhiteIsHole);
  if (fields.mask) {
    check_file(*fields.mask, "mask", max_pixels);
    return mask_from_picture(read_mask_picture(*fields.mask, "mask"), "mask", polarity, image.height,
                             image.width);
  }
  if (!fields.boxes.empty()) return mask_from_boxes(fields.boxes, image.height, image.width);
  if (picture.alpha().height == 0)
    refuse(400, "nothing is marked: give a mask or a box, or a picture with a transparent part");
  return mask_from_alpha(picture.alpha());
}

}  // namespace

FillRequest read_fill_request(std::span<const FormPart> form, int64_t max_pixels, Finish default_finish) {
  const Fields fields = fields_of(form);
  const Finish finish = choice("finish", fields.finish, default_finish);
  const ResultFormat format = choice("format", fields.format, ResultFormat::kOwn);
  if (!fields.image) refuse(400, "image: no picture was sent in the field of this name");
  check_file(*fields.image, "image", max_pixels);
  return with_status(400, [&]() -> FillRequest {
    EditablePicture picture({fields.image->begin(), fields.image->end()}, "image");
    Image mask = mask_of(fields, picture, max_pixels);
    const int64_t missing = missing_pixels(mask);
    if (missing == 0) refuse(400, "there is nothing to fill: no pixel is marked");
    if (missing == mask.height * mask.width)
      refuse(400, "the whole picture is marked: nothing is left to go on from");
    const PictureFormat own = picture.result_format();
    return {std::move(picture), std::move(mask), finish,
            format == ResultFormat::kPng ? PictureFormat::kPng : own};
  });
}

}  // namespace inpaint
