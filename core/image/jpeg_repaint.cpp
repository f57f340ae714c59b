#include "core/image/jpeg_repaint.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string_view>

#include "core/base/error.h"
#include "core/image/exif_edit.h"
#include "core/image/jpeg_reading.h"
#include "core/image/picture_notes.h"

namespace inpaint {
namespace {

using namespace std::string_view_literals;
constexpr std::string_view kExif = "Exif\0\0"sv, kSecondPictures = "MPF\0"sv;

// libjpeg's encoder into memory. Errors jump, as JpegReading's do.
struct JpegWriting {
  JpegWriting() {
    encoder.err = jpeg_std_error(&errors);
    encoder.client_data = this;
    errors.error_exit = [](j_common_ptr common) { std::longjmp(of(common).jump, 1); };
    errors.emit_message = [](j_common_ptr, int) {};
  }
  ~JpegWriting() {
    jpeg_destroy_compress(&encoder);
    std::free(bytes);
  }
  JpegWriting(const JpegWriting&) = delete;
  JpegWriting& operator=(const JpegWriting&) = delete;

  static JpegWriting& of(j_common_ptr common) { return *static_cast<JpegWriting*>(common->client_data); }

  void start() {
    jpeg_create_compress(&encoder);
    jpeg_mem_dest(&encoder, &bytes, &size);
  }
  std::span<const uint8_t> file() const { return {bytes, size}; }

  jpeg_compress_struct encoder = {};
  jpeg_error_mgr errors = {};
  std::jmp_buf jump;
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
};

bool read_coefficients(JpegReading& r, bool keep_markers, jvirt_barray_ptr*& coefficients) {
  if (setjmp(r.jump) != 0) return false;
  r.start(keep_markers);
  coefficients = jpeg_read_coefficients(&r.decoder);
  return true;
}

// The units of the picture: the smallest rectangles whose blocks belong together.
struct Units {
  Units(const jpeg_decompress_struct& decoder, const Image& mask)
      : height(decoder.max_v_samp_factor * DCTSIZE), width(decoder.max_h_samp_factor * DCTSIZE) {
    top = rows = (mask.height + height - 1) / height;
    left = columns = (mask.width + width - 1) / width;
    touched.resize(static_cast<size_t>(rows * columns));
    for (int64_t row = 0; row < mask.height; ++row) {
      const uint8_t* missing = mask.pixel(row, 0);
      for (int64_t column = 0; column < mask.width; ++column)
        if (missing[column] != 0) touch(row / height, column / width);
    }
  }

  bool is_touched(int64_t row, int64_t column) const {
    return touched[static_cast<size_t>(row * columns + column)];
  }

  int64_t height, width;          // of a unit, in pixels
  int64_t rows, columns;          // of units in the picture
  int64_t top, left;              // the first touched ones
  int64_t bottom = 0, right = 0;  // behind the last touched ones
  std::vector<bool> touched;

 private:
  void touch(int64_t row, int64_t column) {
    touched[static_cast<size_t>(row * columns + column)] = true;
    top = std::min(top, row), bottom = std::max(bottom, row + 1);
    left = std::min(left, column), right = std::max(right, column + 1);
  }
};

// A decoder multiplies by the steps of its tables; whoever encodes divides by them. It looks for the table of
// a component where its first scan begins: without a scan, the number is what the file says.
bool has_usable_tables(const jpeg_decompress_struct& decoder) {
  for (int c = 0; c < decoder.num_components; ++c) {
    const int number = decoder.comp_info[c].quant_tbl_no;
    if (number < 0 || number >= NUM_QUANT_TBLS) return false;
    const JQUANT_TBL* table = decoder.quant_tbl_ptrs[number];
    if (table == nullptr || std::ranges::find(table->quantval, 0) != std::end(table->quantval)) return false;
  }
  return true;
}

// A picture as a JPEG with another one's tables and sampling.
bool encode_like(JpegWriting& w, const jpeg_decompress_struct& like, const Image& image) {
  if (setjmp(w.jump) != 0) return false;
  w.start();
  jpeg_compress_struct& e = w.encoder;
  e.image_height = static_cast<JDIMENSION>(image.height);
  e.image_width = static_cast<JDIMENSION>(image.width);
  e.input_components = image.channels;
  e.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&e);
  jpeg_set_colorspace(&e, like.jpeg_color_space);
  e.dct_method = JDCT_ISLOW;
  for (int table = 0; table < NUM_QUANT_TBLS; ++table) {
    if (like.quant_tbl_ptrs[table] == nullptr) continue;
    if (e.quant_tbl_ptrs[table] == nullptr)
      e.quant_tbl_ptrs[table] = jpeg_alloc_quant_table(reinterpret_cast<j_common_ptr>(&e));
    std::copy_n(like.quant_tbl_ptrs[table]->quantval, DCTSIZE2, e.quant_tbl_ptrs[table]->quantval);
    e.quant_tbl_ptrs[table]->sent_table = FALSE;
  }
  for (int c = 0; c < e.num_components; ++c) {
    e.comp_info[c].h_samp_factor = like.comp_info[c].h_samp_factor;
    e.comp_info[c].v_samp_factor = like.comp_info[c].v_samp_factor;
    e.comp_info[c].quant_tbl_no = like.comp_info[c].quant_tbl_no;
  }
  jpeg_start_compress(&e, TRUE);
  while (e.next_scanline < e.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.pixel(e.next_scanline, 0));
    jpeg_write_scanlines(&e, &row, 1);
  }
  jpeg_finish_compress(&e);
  return true;
}

JBLOCKROW blocks(JpegReading& r, jvirt_barray_ptr component, int64_t row, bool to_write) {
  return r.decoder.mem->access_virt_barray(reinterpret_cast<j_common_ptr>(&r.decoder), component,
                                           static_cast<JDIMENSION>(row), 1, to_write ? TRUE : FALSE)[0];
}

// The blocks of the touched units, from the coefficients of the part that begins at the first touched ones.
bool copy_touched(JpegReading& to, jvirt_barray_ptr* whole, JpegReading& from, jvirt_barray_ptr* part,
                  const Units& units) {
  if (setjmp(to.jump) != 0 || setjmp(from.jump) != 0) return false;
  for (int c = 0; c < to.decoder.num_components; ++c) {
    const int64_t high = to.decoder.comp_info[c].v_samp_factor, wide = to.decoder.comp_info[c].h_samp_factor;
    for (int64_t row = units.top * high; row < units.bottom * high; ++row) {
      const JBLOCKROW target = blocks(to, whole[c], row, true);
      const JBLOCKROW source = blocks(from, part[c], row - units.top * high, false);
      for (int64_t column = units.left * wide; column < units.right * wide; ++column)
        if (units.is_touched(row / high, column / wide))
          std::memcpy(target[column], source[column - units.left * wide], sizeof(JBLOCK));
    }
  }
  return true;
}

std::string_view text_of(const jpeg_saved_marker_ptr marker) {
  return {reinterpret_cast<const char*>(marker->data), marker->data_length};
}

void write_markers(JpegWriting& w, const jpeg_decompress_struct& decoder) {
  for (jpeg_saved_marker_ptr m = decoder.marker_list; m != nullptr; m = m->next) {
    const std::string_view text = text_of(m);
    if ((w.encoder.write_JFIF_header != 0 && m->marker == JPEG_APP0 && text.starts_with("JFIF\0"sv)) ||
        (w.encoder.write_Adobe_marker != 0 && m->marker == JPEG_APP0 + 14 && text.starts_with("Adobe")) ||
        (m->marker == JPEG_APP0 + 2 && text.starts_with(kSecondPictures)))
      continue;
    if (m->marker == JPEG_APP0 + 1 && text.starts_with(kExif))
      remove_thumbnail({m->data + kExif.size(), m->data_length - kExif.size()});
    jpeg_write_marker(&w.encoder, m->marker, m->data, m->data_length);
  }
}

bool write_coefficients(JpegWriting& w, JpegReading& r, jvirt_barray_ptr* coefficients) {
  if (setjmp(w.jump) != 0 || setjmp(r.jump) != 0) return false;
  w.start();
  jpeg_copy_critical_parameters(&r.decoder, &w.encoder);
  if (r.decoder.progressive_mode) jpeg_simple_progression(&w.encoder);
  w.encoder.optimize_coding = TRUE;
  jpeg_write_coefficients(&w.encoder, coefficients);
  write_markers(w, r.decoder);
  jpeg_finish_compress(&w.encoder);
  return true;
}

bool read_notes(JpegReading& r, JOCTET*& profile, unsigned& profile_bytes) {
  if (setjmp(r.jump) != 0) return false;
  r.start(true);
  jpeg_read_icc_profile(&r.decoder, &profile, &profile_bytes);
  return true;
}

}  // namespace

std::vector<uint8_t> repaint_jpeg(std::span<const uint8_t> file, const std::string& name,
                                  const Image& painted, const Image& mask) {
  JpegReading whole(file);
  jvirt_barray_ptr* whole_coefficients = nullptr;
  if (!read_coefficients(whole, true, whole_coefficients)) whole.refuse(name);
  const jpeg_decompress_struct& d = whole.decoder;
  if (d.num_components != 1 && d.num_components != 3)
    user_error("{}: a JPEG of four colours (CMYK) cannot be painted into; let the result be a PNG", name);
  INPAINT_CHECK(painted.height == d.image_height && painted.width == d.image_width &&
                    mask.height == painted.height && mask.width == painted.width &&
                    painted.channels == d.num_components,
                "{} x {} x {} and a mask {} x {} for a JPEG {} x {} x {}", painted.height, painted.width,
                painted.channels, mask.height, mask.width, d.image_height, d.image_width, d.num_components);

  const Units units(d, mask);
  if (units.bottom > 0) {
    const int64_t row = units.top * units.height, column = units.left * units.width;
    const Image part = crop(painted, row, column, std::min(units.bottom * units.height, painted.height) - row,
                            std::min(units.right * units.width, painted.width) - column);
    JpegWriting encoded;
    if (!has_usable_tables(d) || !encode_like(encoded, d, part))
      user_error("{}: a JPEG that can be read but not written again; let the result be a PNG", name);
    JpegReading again(encoded.file());
    jvirt_barray_ptr* coefficients = nullptr;
    if (!read_coefficients(again, false, coefficients)) again.refuse(name);
    if (!copy_touched(whole, whole_coefficients, again, coefficients, units)) whole.refuse(name);
  }
  JpegWriting result;
  if (!write_coefficients(result, whole, whole_coefficients))
    user_error("{}: a JPEG that can be read but not written again; let the result be a PNG", name);
  return {result.file().begin(), result.file().end()};
}

PictureNotes jpeg_notes(std::span<const uint8_t> file, const std::string& name) {
  JpegReading r(file);
  JOCTET* profile = nullptr;
  unsigned profile_bytes = 0;
  const bool read = read_notes(r, profile, profile_bytes);
  PictureNotes notes;
  if (profile != nullptr) notes.profile.assign(profile, profile + profile_bytes);
  std::free(profile);
  if (!read) r.refuse(name);
  for (jpeg_saved_marker_ptr m = r.decoder.marker_list; m != nullptr; m = m->next)
    if (m->marker == JPEG_APP0 + 1 && text_of(m).starts_with(kExif))
      notes.exif.assign(m->data + kExif.size(), m->data + m->data_length);
  return notes;
}

}  // namespace inpaint
