// libjpeg's decoder over the bytes of a file. For the files of this folder only.
//
// The decoder walks the file's markers: it begins with the first picture and stops at that one's end marker,
// so what lies behind it (a phone's video, a second picture, a gain map) is never looked at. Where the bytes
// end before the end marker, the file is cut off.
//
// libjpeg reports errors with longjmp. A function that calls setjmp(reading.jump) holds trivial locals only;
// what owns memory lives in a struct outside of it, so nothing is skipped by the jump.
#pragma once

#include <cstdint>
#include <cstdio>  // for jpeglib.h
//
#include <jpeglib.h>

#include <csetjmp>
#include <span>
#include <string>

namespace inpaint {

struct JpegReading {
  explicit JpegReading(std::span<const uint8_t> file);
  ~JpegReading() { jpeg_destroy_decompress(&decoder); }
  JpegReading(const JpegReading&) = delete;
  JpegReading& operator=(const JpegReading&) = delete;

  // Creates the decoder and reads the file's head; jumps on errors. keep_markers: EXIF, profiles, comments.
  void start(bool keep_markers);
  // UserError with libjpeg's message.
  [[noreturn]] void refuse(const std::string& name) const;

  jpeg_decompress_struct decoder = {};
  std::jmp_buf jump;

 private:
  [[noreturn]] static void fail(j_common_ptr decoder, const char* message);
  static void on_error(j_common_ptr decoder);
  static void ignore_message(j_common_ptr, int) {}
  static void no_action(j_decompress_ptr) {}
  static boolean on_end_of_bytes(j_decompress_ptr decoder);
  static void skip_bytes(j_decompress_ptr decoder, long count);
  static void limit_scans(j_common_ptr decoder);

  jpeg_error_mgr errors_ = {};
  jpeg_source_mgr source_ = {};
  jpeg_progress_mgr progress_ = {};
  char message_[JMSG_LENGTH_MAX] = "";
};

}  // namespace inpaint
