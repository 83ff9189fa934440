#include "streaming.hpp"

#include <algorithm>
#include <chrono>

namespace cairn::gpu {
namespace {

constexpr int kThreads = 256;
constexpr unsigned kBlocks = 2048;

struct Sixteen {
  uint32_t words[4];
};

GPU_KERNEL GPU_BOUNDS(kThreads) read_all(const Sixteen* from, size_t count, uint32_t* out) {
  uint32_t folded = 0;
  const size_t step = static_cast<size_t>(blocks()) * kThreads;
  const size_t first = static_cast<size_t>(block()) * kThreads + static_cast<size_t>(thread());
  for (size_t i = first; i < count; i += step) {
    const Sixteen s = from[i];
    folded ^= s.words[0] ^ s.words[1] ^ s.words[2] ^ s.words[3];
  }
  // so that the reads are not left out
  if (folded == 0x9e3779b9u) out[0] = folded;
}

}  // namespace

double read_bandwidth(size_t bytes, int passes) {
  Stream stream;
  DeviceMemory memory(bytes), out(4);
  stream.fill(memory.as<uint8_t>(), 0x5a, bytes);
  stream.synchronize();
  double best = 0;
  for (int i = 0; i < passes; i++) {
    const auto start = std::chrono::steady_clock::now();
    GPU_LAUNCH(read_all, Grid{kBlocks}, kThreads, stream.queue(), memory.as<const Sixteen>(),
               bytes / sizeof(Sixteen), out.as<uint32_t>());
    check_launch("read_all");
    stream.synchronize();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(bytes) / took.count());
  }
  return best;
}

}  // namespace cairn::gpu
