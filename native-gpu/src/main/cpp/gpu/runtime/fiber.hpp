// Switches between stacks, for the emulator.
#pragma once

#include <cstddef>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace cairn::gpu::emulator {

// A stack, and where it was left. The first context of a thread is its own stack.
class Context {
 public:
  static constexpr size_t kStackBytes = 256 << 10;

  Context() = default;
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // The next switch to this context calls `entry`, which never returns.
  void prepare(void (*entry)());
  // Leaves this context for another, until somebody switches back.
  void switch_to(Context& other);
  // What `entry` does first, for the address sanitizer.
  static void entered();

 private:
  void* stack_ = nullptr;
#if defined(__x86_64__)
  void* pointer_ = nullptr;
#else
  ucontext_t context_;
#endif
};

}  // namespace cairn::gpu::emulator
