// Weights in a device's memory, uploaded through pinned memory while more are packed.
#pragma once

#include <mutex>
#include <vector>

#include "../../cpu/model.hpp"
#include "../runtime/runtime.hpp"

namespace cairn::gpu {

class DeviceWeights final : public WeightMemory {
 public:
  explicit DeviceWeights(int device);

  uint8_t* take(size_t bytes) override;
  void put(uint8_t* to, const void* from, size_t bytes) override;
  // Waits for the uploads and frees what was needed for them.
  void finish();

 private:
  static constexpr size_t kStageBytes = size_t{8} << 20;

  void flush();

  const int device_;
  std::mutex mutex_;
  std::vector<DeviceMemory> parts_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<PinnedMemory> stage_;
  size_t staged_ = 0;
};

}  // namespace cairn::gpu
