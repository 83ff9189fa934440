#include "read_rate.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "arena.hpp"

namespace cairn {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kBytesInAll = size_t{512} << 20;
constexpr size_t kBytesAThreadMin = size_t{64} << 20;
constexpr size_t kPrefetchAhead = 2048;
constexpr int kRounds = 4;

typedef uint64_t Line __attribute__((vector_size(kLine)));

// The bitwise sum of `bytes` bytes, read as kStreams streams side by side.
template <int kStreams, bool kPrefetch>
uint64_t read_all(const uint8_t* data, size_t bytes) {
  const size_t part = bytes / kStreams / kLine * kLine;
  Line sums[kStreams] = {};
  for (size_t at = 0; at < part; at += kLine) {
    for (size_t s = 0; s < kStreams; s++) {
      const uint8_t* line = data + s * part + at;
      if constexpr (kPrefetch) __builtin_prefetch(line + kPrefetchAhead);
      sums[s] ^= *reinterpret_cast<const Line*>(line);
    }
  }
  uint64_t sum = 0;
  for (const Line& s : sums)
    for (size_t i = 0; i < kLine / sizeof(uint64_t); i++) sum ^= s[i];
  return sum;
}

using Reader = uint64_t (*)(const uint8_t*, size_t);
constexpr Reader kReaders[] = {read_all<1, false>, read_all<2, false>, read_all<3, false>,
                               read_all<4, false>, read_all<1, true>,  read_all<2, true>,
                               read_all<3, true>,  read_all<4, true>};

struct Part {
  const uint8_t* data;
  size_t bytes;
};

// Seconds until all threads have read their parts.
double read_once(const std::vector<Part>& parts, Reader reader, std::atomic<uint64_t>& sink) {
  std::atomic<size_t> ready{0};
  std::atomic<bool> go{false};
  std::vector<std::thread> threads;
  for (size_t i = 1; i < parts.size(); i++)
    threads.emplace_back([&, i] {
      ready++;
      while (!go) std::this_thread::yield();
      sink ^= reader(parts[i].data, parts[i].bytes);
    });
  while (ready + 1 < parts.size()) std::this_thread::yield();
  const auto begin = std::chrono::steady_clock::now();
  go = true;
  sink ^= reader(parts[0].data, parts[0].bytes);
  for (std::thread& t : threads) t.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

double streaming_read_rate(int threads) {
  const size_t count = static_cast<size_t>(std::max(1, threads));
  const size_t bytes = std::max(kBytesAThreadMin, kBytesInAll / count);
  // Prefetching runs over the end of the last part.
  Arena arena(count * bytes + kPrefetchAhead, "the measurement of memory");
  std::vector<Part> parts;
  for (size_t i = 0; i < count; i++) parts.push_back({arena.data() + i * bytes, bytes});
  std::fill_n(arena.data(), count * bytes, uint8_t{1});
  std::atomic<uint64_t> sink{0};
  double best = 0;
  for (int round = 0; round < kRounds; round++)
    for (const Reader reader : kReaders)
      best = std::max(best, static_cast<double>(count * bytes) / read_once(parts, reader, sink));
  return best;
}

}  // namespace cairn
