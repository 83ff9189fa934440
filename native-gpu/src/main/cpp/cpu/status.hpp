// How a call into the library ends; the numbers cross JNI.
#pragma once

#include <stdexcept>
#include <string>

namespace cairn {

enum class Status : int {
  OK = 0,
  UNAVAILABLE = 1,
  MODEL = 2,
  MEMORY = 3,
  MISUSE = 4,
  LOST = 5,
  CLOSED = 6,
};

// Thrown inside the library alone; the JNI layer turns it into a status and a message.
struct Failure : std::runtime_error {
  Failure(Status s, const std::string& message) : std::runtime_error(message), status(s) {}
  Status status;
};

}  // namespace cairn
