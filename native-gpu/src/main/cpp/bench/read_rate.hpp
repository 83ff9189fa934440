// How fast this machine reads memory: the bound of a step that reads every weight once.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "../cpu/arena.hpp"

#if defined(CAIRN_X86)
#define CAIRN_BENCH_WIDE __attribute__((target("avx2")))
#else
#define CAIRN_BENCH_WIDE
#endif

namespace bench {

// Sums 64-bit words of `bytes` bytes as `streams` interleaved streams.
CAIRN_BENCH_WIDE inline uint64_t read_streams(const uint8_t* data, size_t bytes, int streams) {
  using Wide = uint64_t __attribute__((vector_size(32)));
  const size_t length = bytes / static_cast<size_t>(streams) / 256 * 256;
  Wide sum[4] = {};
  for (size_t i = 0; i < length; i += 256)
    for (int s = 0; s < streams; s++) {
      const uint8_t* p = data + static_cast<size_t>(s) * length + i;
      for (size_t j = 0; j < 4; j++) {
        __builtin_prefetch(p + 4096 + j * 64);
        sum[j] += *reinterpret_cast<const Wide*>(p + j * 64);
        sum[j] += *reinterpret_cast<const Wide*>(p + j * 64 + 32);
      }
    }
  uint64_t total = 0;
  for (const Wide& w : sum)
    for (int i = 0; i < 4; i++) total += w[i];
  return total;
}

// best GB/s of `threads` threads over 128 MiB each
inline double read_rate(int streams, int threads) {
  constexpr size_t kBytes = size_t{128} << 20;
  static std::vector<std::unique_ptr<cairn::Arena>> data;
  while (data.size() < static_cast<size_t>(threads)) {
    data.push_back(std::make_unique<cairn::Arena>(kBytes, "the read rate"));
    __builtin_memset(data.back()->data(), 1, kBytes);
  }
  std::vector<double> rates(static_cast<size_t>(threads));
  auto sweep = [&](size_t t) {
    volatile uint64_t sink = 0;
    const auto begin = std::chrono::steady_clock::now();
    sink = sink + read_streams(data[t]->data(), kBytes, streams);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    rates[t] = static_cast<double>(kBytes) / taken.count() * 1e-9;
  };
  double best = 0;
  for (int repeat = 0; repeat < 8; repeat++) {
    std::vector<std::thread> others;
    for (size_t t = 1; t < rates.size(); t++) others.emplace_back(sweep, t);
    sweep(0);
    for (std::thread& t : others) t.join();
    double sum = 0;
    for (double r : rates) sum += r;
    best = best > sum ? best : sum;
  }
  return best;
}

}  // namespace bench
