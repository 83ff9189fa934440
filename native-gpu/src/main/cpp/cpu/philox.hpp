// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
#pragma once

#include <cstdint>

#include "anywhere.hpp"

namespace cairn {

struct PhiloxWords {
  uint32_t x[4];
  bool operator==(const PhiloxWords&) const = default;
};

CAIRN_ANYWHERE inline PhiloxWords philox(PhiloxWords counter, uint32_t key0, uint32_t key1) {
  uint32_t* c = counter.x;
  for (int round = 0; round < 10; round++) {
    const uint64_t a = uint64_t{0xD2511F53u} * c[0];
    const uint64_t b = uint64_t{0xCD9E8D57u} * c[2];
    counter = {{static_cast<uint32_t>(b >> 32) ^ c[1] ^ key0, static_cast<uint32_t>(b),
                static_cast<uint32_t>(a >> 32) ^ c[3] ^ key1, static_cast<uint32_t>(a)}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

// Uniform in [0, 1) with 53 bits: draw `index` of the stream `seed`.
CAIRN_ANYWHERE inline double uniform(uint64_t seed, uint64_t index) {
  const PhiloxWords w =
      philox({{static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), 0, 0}},
             static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
  const uint64_t bits = (uint64_t{w.x[0]} << 21) | (w.x[1] >> 11);
  return static_cast<double>(bits) * 0x1p-53;
}

}  // namespace cairn
