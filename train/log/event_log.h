// What a run tells TensorBoard: an event file, "events.out.tfevents.<seconds since 1970>.<host>". TensorBoard
// reads a folder's files in the order of their names, so the seconds are more than those of every file that
// is there, whatever this machine's clock says. Where the clock was set back, the times of the points
// (wall_time) go on from the last change of those files.
//
//   record   u64  length of the data
//            u32  masked CRC-32C of these eight bytes
//            ...  data: one Event of event.proto
//            u32  masked CRC-32C of the data                all little-endian
//   mask(crc) = rotate right by 15 bits, plus 0xa282ead8
//
// Source: tensorflow/core/lib/io/record_writer.h, tsl/lib/hash/crc32c.h.
// The first record names the version, the second is a SessionLog START: with it a reader drops what a run
// before wrote for steps that come again. A reader drops a whole file for one bad record, so a file is never
// appended to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "core/file/file.h"

namespace inpaint {

namespace event {
class Event;
}

class EventLog {
 public:
  // Makes the folder and a new file in it. first_step: the first step this run will report. Throws UserError.
  EventLog(const std::filesystem::path& folder, int64_t first_step);

  const std::filesystem::path& path() const { return file_.path(); }

  // One record each, which the system has when the call returns: a killed process loses none. When the system
  // refuses a record (UserError), the file keeps the ones before and takes later ones.
  void scalar(int64_t step, std::string_view tag, double value);

  // How often each magnitude occurs. Values that are not finite are left out.
  void histogram(int64_t step, std::string_view tag, std::span<const float> values);

  // A picture as the bytes of a PNG file.
  void image(int64_t step, std::string_view tag, int64_t height, int64_t width, int64_t channels,
             std::span<const std::byte> png);

  // Text in Markdown, for TensorBoard's page of texts.
  void text(int64_t step, std::string_view tag, std::string_view markdown);

  // What a plugin of TensorBoard reads from the metadata of a value: `content`. The value is an empty tensor.
  void plugin(int64_t step, std::string_view tag, std::string_view name, std::string_view content);

  double now() const;  // the time of a point that is made now, in seconds since 1970

  void sync() { file_.sync(); }  // the disk has every record

 private:
  event::Event make_event(int64_t step) const;
  void append(std::string_view event);

  File file_;
  int64_t bytes_ = 0;  // of whole records
  double ahead_ = 0;   // seconds by which the times of the points are ahead of the clock
};

}  // namespace inpaint
