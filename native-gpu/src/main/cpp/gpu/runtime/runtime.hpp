// What the engine asks of a GPU's runtime. Every call is checked; what fails is a Failure with the
// call, its place and the runtime's reason: MEMORY where memory is out, LOST otherwise.
#pragma once

#include <memory>
#include <string>

#include "gpu.hpp"

namespace cairn::gpu {

using Error = GPU_API(Error_t);
using Queue = GPU_API(Stream_t);

void check(Error error, const char* call, const char* file, int line);
#define GPU_CHECK(call) cairn::gpu::check((call), #call, __FILE__, __LINE__)
// After a launch, which reports nothing by itself.
void check_launch(const char* kernel, const char* file = __builtin_FILE(), int line = __builtin_LINE());

struct Properties {
  std::string name, architecture;
  int wave = 32;
  bool matrixUnits = false;
  size_t memoryBytes = 0;
};

// Devices of this back end that the machine has; a reason where there is none.
struct DeviceCount {
  int count = 0;
  std::string reason;
};
DeviceCount device_count();
Properties properties(int device);
// Makes it the calling thread's device.
void use_device(int device);
size_t free_memory();

// Bytes of the device; freed with this object.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  explicit DeviceMemory(size_t bytes);
  ~DeviceMemory();
  DeviceMemory(DeviceMemory&& other) noexcept;
  DeviceMemory& operator=(DeviceMemory&& other) noexcept;

  template <class T = uint8_t>
  T* as() const {
    return static_cast<T*>(data_);
  }
  size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

// Bytes of the host that the device reads and writes without a copy between.
class PinnedMemory {
 public:
  explicit PinnedMemory(size_t bytes);
  ~PinnedMemory();
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;

  template <class T = uint8_t>
  T* as() const {
    return static_cast<T*>(data_);
  }
  size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

// Launches captured once and replayed as one.
class Graph {
 public:
  explicit Graph(GPU_API(Graph_t) captured);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  void launch(Queue queue) const;

 private:
  GPU_API(GraphExec_t) exec_;
};

class Stream {
 public:
  Stream();
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Queue queue() const { return queue_; }
  void upload(void* to, const void* from, size_t bytes);
  void download(void* to, const void* from, size_t bytes);
  void fill(void* to, int value, size_t bytes);
  // Waits for all that is queued; not on a step's path.
  void synchronize();
  // Between them launches are recorded and not run.
  void begin_capture();
  std::unique_ptr<Graph> end_capture();

 private:
  Queue queue_;
};

// A point in a stream.
class Event {
 public:
  Event();
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record(Queue queue);
  // Whether everything before it is done.
  bool reached();

 private:
  GPU_API(Event_t) event_;
};

}  // namespace cairn::gpu
