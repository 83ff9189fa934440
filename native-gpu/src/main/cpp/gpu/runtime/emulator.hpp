// A GPU on the CPU, for tests. Kernels run as they would on a device: streams are queues that run
// when somebody waits for them, memory is poisoned and ends at a page that nobody may touch, shared
// memory is poisoned for each block and its bounds are checked, and the process is ended with the
// kernel's name where a barrier or a shuffle is not reached by all who have to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <tuple>

namespace cairn::gpu {

// Blocks of a launch.
struct Grid {
  unsigned x, y = 1;
};

namespace emulator {

// Layouts of a matrix instruction's operands over lanes (kernels/matrix.hpp).
enum class MatrixUnit { NONE, MMA, MFMA, WMMA };

struct Settings {
  int wave = 32;
  MatrixUnit matrix = MatrixUnit::MMA;
  // From this launch on, counted from 1, every call fails as if the device were lost; 0: never.
  int64_t lostAtLaunch = 0;
  // From this launch on nothing is ever finished.
  int64_t hungAtLaunch = 0;
  size_t memoryBytes = size_t{4} << 30;  // of all devices together
  int devices = 1;
};

// Of the whole process; changed while nothing runs.
Settings& settings();
int64_t launches();
// Blocks and bytes of device memory that are allocated and not freed.
int64_t allocations();
int64_t allocated_bytes();

struct Launch {
  const char* kernel;
  Grid grid;
  int threads;
  std::function<void()> body;
};

class Stream;
void enqueue(Stream* stream, Launch launch);
// Runs a kernel at once.
void run(const Launch& launch);

// The arguments by value, in their parameters' types, as a launch takes them.
template <class... P, class... A>
std::function<void()> bound(void (*kernel)(P...), const A&... arguments) {
  return [kernel, values = std::tuple<P...>(static_cast<P>(arguments)...)] {
    std::apply(kernel, values);
  };
}

struct Fiber {
  int thread = 0;
};
struct Block {
  Grid grid{1};
  int threads = 0, block = 0, blockY = 0;
};
Fiber& current();
const Block& running();
[[noreturn]] void fail(const char* what);

void barrier(unsigned line);
void meet_warp(unsigned line);
void meet_wave(unsigned line);
// 8 bytes of a lane of the logical warp that its other lanes may read, until the second meeting after
// the one before which they were written, and 64 bytes of a lane of the wave.
void* slot(int lane);
int* wave_slot(int lane);
void turn_slots();

template <class T>
T exchange(T v, int from, unsigned line) {
  static_assert(sizeof(T) <= 8);
  if (from < 0 || from > 31) fail("a shuffle from a lane that is none");
  std::memcpy(slot(current().thread % 32), &v, sizeof v);
  meet_warp(line);
  T result;
  std::memcpy(&result, slot(from), sizeof result);
  turn_slots();
  return result;
}

// Shared memory of a block.
template <class T>
struct Shared {
  T* data;
  size_t count;
  T& operator[](size_t i) const {
    if (i >= count) fail("shared memory out of bounds");
    return data[i];
  }
  Shared operator+(size_t offset) const {
    if (offset > count) fail("shared memory out of bounds");
    return {data + offset, count - offset};
  }
};

void* shared_bytes(const void* site, const char* name, size_t bytes);

template <class T>
Shared<T> shared(const void* site, const char* name, size_t count) {
  return {static_cast<T*>(shared_bytes(site, name, count * sizeof(T))), count};
}

}  // namespace emulator
}  // namespace cairn::gpu

// The runtime's calls, named as the others' with a prefix of their own.
enum emuError_t {
  emuSuccess = 0,
  emuErrorMemoryAllocation = 2,
  emuErrorNoDevice = 100,
  emuErrorNotReady = 600,
  emuErrorLost = 719,
};
enum emuMemcpyKind { emuMemcpyHostToDevice, emuMemcpyDeviceToHost, emuMemcpyDeviceToDevice };
enum { emuStreamNonBlocking = 1, emuEventDisableTiming = 2, emuStreamCaptureModeThreadLocal = 1 };
struct emuEvent;
struct emuGraph;
using emuStream_t = cairn::gpu::emulator::Stream*;
using emuEvent_t = emuEvent*;
using emuGraph_t = emuGraph*;
using emuGraphExec_t = emuGraph*;

const char* emuGetErrorString(emuError_t error);
emuError_t emuGetLastError();
emuError_t emuGetDeviceCount(int* count);
emuError_t emuSetDevice(int device);
emuError_t emuMemGetInfo(size_t* available, size_t* total);
emuError_t emuMalloc(void** p, size_t bytes);
emuError_t emuFree(void* p);
emuError_t emuHostAlloc(void** p, size_t bytes);
emuError_t emuHostFree(void* p);
emuError_t emuMemcpyAsync(void* to, const void* from, size_t bytes, emuMemcpyKind kind,
                          emuStream_t stream);
emuError_t emuMemsetAsync(void* to, int value, size_t bytes, emuStream_t stream);
emuError_t emuStreamCreateWithFlags(emuStream_t* stream, unsigned flags);
emuError_t emuStreamDestroy(emuStream_t stream);
emuError_t emuStreamSynchronize(emuStream_t stream);
emuError_t emuStreamBeginCapture(emuStream_t stream, int mode);
emuError_t emuStreamEndCapture(emuStream_t stream, emuGraph_t* graph);
emuError_t emuGraphInstantiate(emuGraphExec_t* exec, emuGraph_t graph);
emuError_t emuGraphLaunch(emuGraphExec_t exec, emuStream_t stream);
emuError_t emuGraphDestroy(emuGraph_t graph);
emuError_t emuGraphExecDestroy(emuGraphExec_t exec);
emuError_t emuEventCreateWithFlags(emuEvent_t* event, unsigned flags);
emuError_t emuEventRecord(emuEvent_t event, emuStream_t stream);
emuError_t emuEventQuery(emuEvent_t event);
emuError_t emuEventDestroy(emuEvent_t event);
