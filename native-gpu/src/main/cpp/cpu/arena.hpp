// One zeroed, 2 MiB aligned allocation on huge pages where the kernel has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace cairn {

class Arena {
 public:
  // throws Failure(MEMORY); `what` names the purpose in the message
  Arena(size_t bytes, const std::string& what);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // next `bytes` of it, 64-byte aligned
  uint8_t* take(size_t bytes);
  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

  static constexpr size_t aligned(size_t bytes) { return (bytes + 63) & ~size_t{63}; }

 private:
  void* mapping_ = nullptr;
  size_t mappingBytes_ = 0;
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t used_ = 0;
};

// Bytes that this process may still take: the least of what the machine has available and what its
// control groups leave.
size_t available_memory();

}  // namespace cairn
