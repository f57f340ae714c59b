#include "train/serve/fill_answer.h"

#include <cstdio>
#include <new>

#include "core/base/json_text.h"
#include "train/serve/fill_request.h"

namespace inpaint {
namespace {

const char* type_of(PictureFormat format) {
  switch (format) {
    case PictureFormat::kPng:
      return "image/png";
    case PictureFormat::kJpeg:
      return "image/jpeg";
    case PictureFormat::kPnm:
      return "image/x-portable-anymap";
    case PictureFormat::kWebp:
    case PictureFormat::kHeif:
      break;  // read only
  }
  throw Error("unknown picture format");
}

Answer filled(const std::string& content_type, std::span<const uint8_t> body, int64_t max_pixels,
              Finish default_finish, HoleFiller& filler) {
  const FillRequest request =
      read_fill_request(parse_form(body, form_boundary(content_type)), max_pixels, default_finish);
  Image picture = request.picture.image();
  filler.fill(picture, request.mask, request.finish);
  const std::vector<uint8_t> bytes = request.picture.repainted(picture, request.mask, request.format);
  return {.type = type_of(request.format), .body = {bytes.begin(), bytes.end()}};
}

// The text is in ASCII and short: nothing has to be allocated for it that was not there.
Answer no_memory() { return {503, "application/json", R"({"error":"not enough memory"})", 2, {}}; }

}  // namespace

Answer fault_answer(const RequestFault& fault) {
  const std::string text = JsonObject().add("error", std::string_view(fault.what())).text();
  const bool later = fault.status() == 429 || fault.status() == 503;
  return {fault.status(), "application/json", text + "\n", later ? 2 : 0, {}};
}

Answer answer_fill(const std::string& content_type, std::span<const uint8_t> body, int64_t max_pixels,
                   Finish default_finish, HoleFiller& filler) noexcept {
  try {
    return filled(content_type, body, max_pixels, default_finish, filler);
  } catch (const RequestFault& fault) {
    return fault_answer(fault);
  } catch (const OutOfMemory&) {
    return no_memory();
  } catch (const std::bad_alloc&) {
    return no_memory();
  } catch (const UserError& error) {  // a hole that this model does not paint
    return fault_answer({400, error.what()});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: a fill failed: %s\n", error.what());
    return fault_answer({500, "the server could not fill this picture; its own messages say more"});
  }
}

}  // namespace inpaint
