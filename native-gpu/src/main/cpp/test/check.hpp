// Counted checks, and random inputs from a seed that is printed. An argument replays a seed.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace check {

inline long passed = 0, failed = 0;
inline uint64_t seed = 0;
inline std::mt19937_64 random;

inline void that(bool ok, const char* what, const char* file, int line) {
  if (ok) {
    passed++;
    return;
  }
  if (failed++ < 20)
    std::printf("%s:%d: not so: %s (seed %llu)\n", file, line, what,
                static_cast<unsigned long long>(seed));
}

inline void begin(int argc, char** argv) {
  seed = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : std::random_device{}();
  random.seed(seed);
}

inline int end(const char* name) {
  std::printf("%s: %ld checks passed, %ld failed, seed %llu\n", name, passed, failed,
              static_cast<unsigned long long>(seed));
  return failed == 0 && passed > 0 ? 0 : 1;
}

inline int integer(int least, int most) {
  return std::uniform_int_distribution<int>(least, most)(random);
}

inline float real(float least, float most) {
  return std::uniform_real_distribution<float>(least, most)(random);
}

}  // namespace check

#define CHECK(condition) check::that((condition), #condition, __FILE__, __LINE__)
