// Refusals of numbers that a caller gave.
#pragma once

#include <cstdint>
#include <string>

#include "status.hpp"

namespace cairn {

[[noreturn]] inline void misuse(const std::string& message) {
  throw Failure(Status::MISUSE, message);
}

inline std::string text(int64_t n) { return std::to_string(n); }

inline void check_range(const char* name, int64_t value, int64_t least, int64_t most) {
  if (value < least || value > most)
    misuse(std::string(name) + " is " + text(value) + ", expected " + text(least) + " to " +
           text(most));
}

}  // namespace cairn
