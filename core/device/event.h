// A mark in a device's work, which the host can wait for. On the CPU, where an op is done when it returns,
// nothing to wait for.
#pragma once

#include "core/device/context.h"

struct CUevent_st;  // CUDA's cudaEvent_t is a pointer to it

namespace inpaint {

class Event {
 public:
  explicit Event(const Context& ctx);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record(const Context& ctx);  // behind all that was enqueued so far; the mark before it is forgotten
  void wait() const;  // returns when the device has come to the last mark; at once when there is none

  CUevent_st* cuda() const { return event_; }  // null on the CPU

 private:
  CUevent_st* event_ = nullptr;
};

}  // namespace inpaint
