#include "core/image/jpeg_reading.h"

#include "core/base/error.h"

namespace inpaint {

void JpegReading::fail(j_common_ptr decoder, const char* message) {
  auto& reading = *static_cast<JpegReading*>(decoder->client_data);
  std::snprintf(reading.message_, sizeof reading.message_, "%s", message);
  std::longjmp(reading.jump, 1);
}

void JpegReading::on_error(j_common_ptr decoder) {
  char message[JMSG_LENGTH_MAX];
  decoder->err->format_message(decoder, message);
  fail(decoder, message);
}

boolean JpegReading::on_end_of_bytes(j_decompress_ptr decoder) {
  fail(reinterpret_cast<j_common_ptr>(decoder), "the file is cut off");
}

void JpegReading::skip_bytes(j_decompress_ptr decoder, long count) {
  if (count <= 0) return;
  jpeg_source_mgr& source = *decoder->src;
  if (static_cast<size_t>(count) > source.bytes_in_buffer) on_end_of_bytes(decoder);
  source.next_input_byte += count;
  source.bytes_in_buffer -= static_cast<size_t>(count);
}

// A small progressive file can repeat a scan very often, each of which takes as long as the picture is large.
void JpegReading::limit_scans(j_common_ptr decoder) {
  constexpr int kMostScans = 500;
  if (reinterpret_cast<j_decompress_ptr>(decoder)->input_scan_number > kMostScans)
    fail(decoder, "more than 500 scans");
}

JpegReading::JpegReading(std::span<const uint8_t> file) {
  decoder.err = jpeg_std_error(&errors_);
  decoder.client_data = this;
  errors_.error_exit = on_error;
  errors_.emit_message = ignore_message;
  source_ = {.next_input_byte = file.data(),
             .bytes_in_buffer = file.size(),
             .init_source = no_action,
             .fill_input_buffer = on_end_of_bytes,
             .skip_input_data = skip_bytes,
             .resync_to_restart = jpeg_resync_to_restart,
             .term_source = no_action};
  progress_.progress_monitor = limit_scans;
}

void JpegReading::start(bool keep_markers) {
  jpeg_create_decompress(&decoder);
  decoder.src = &source_;
  decoder.progress = &progress_;
  if (keep_markers) {
    for (int application = 0; application < 16; ++application)
      jpeg_save_markers(&decoder, JPEG_APP0 + application, 0xFFFF);
    jpeg_save_markers(&decoder, JPEG_COM, 0xFFFF);
  }
  jpeg_read_header(&decoder, TRUE);
}

void JpegReading::refuse(const std::string& name) const {
  user_error("{}: damaged JPEG: {}", name, message_);
}

}  // namespace inpaint
