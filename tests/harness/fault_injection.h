// Makes the system calls of a test program fail or kill it. A program that uses this has its own open,
// write, fsync, rename, renameat2, ftruncate, flock, unlink and close, which hand on to the system until a
// fault is armed.
#pragma once

namespace inpaint::faults {

// Counts the calls made while it lives, and makes one of them fail. For one test at a time.
class Injection {
 public:
  enum class What {
    kFail,        // the call does nothing and returns `error`
    kFailAlways,  // it, and every later one
    kKill,        // SIGKILL instead of the call
    kSpoilWrite,  // the nth write writes its bytes with one bit flipped
    kTearWrite,   // the nth write writes half of its bytes, and the one after it fails with `error`
    kHold,        // the nth call waits for release()
    kShortWrites  // every write takes half of what it is given, and every other call is interrupted (EINTR)
  };
  // The `nth` call from now on (1 is the first). kFail, kFailAlways and kHold count open, write, fsync,
  // rename, renameat2 and ftruncate, whose failures a program must report; kSpoilWrite and kTearWrite count
  // writes, and kKill all of them.
  Injection(What what, int nth, int error = 0);
  ~Injection();
  Injection(const Injection&) = delete;
  Injection& operator=(const Injection&) = delete;

  int calls() const;
  void release();
};

}  // namespace inpaint::faults
