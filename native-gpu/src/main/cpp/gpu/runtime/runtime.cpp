#include "runtime.hpp"

#include <cstring>
#include <memory>
#include <utility>

#include "../../cpu/status.hpp"

namespace cairn::gpu {
namespace {

constexpr Error kSuccess = GPU_API(Success);

// what a destructor has no use for
void ignore(Error) {}

std::string place(const char* file, int line) {
  const char* name = std::strrchr(file, '/');
  return std::string(" at ") + (name == nullptr ? file : name + 1) + ":" + std::to_string(line);
}

std::string reason_of(Error error) {
  return std::string(GPU_API(GetErrorString)(error)) + " (" + std::to_string(static_cast<int>(error)) + ")";
}

#if defined(GPU_CUDA)
Error host_allocate(void** p, size_t bytes) { return cudaHostAlloc(p, bytes, cudaHostAllocDefault); }
Error host_free(void* p) { return cudaFreeHost(p); }
Error instantiate(cudaGraphExec_t* exec, cudaGraph_t graph) {
  return cudaGraphInstantiate(exec, graph, 0);
}
#elif defined(GPU_HIP)
Error host_allocate(void** p, size_t bytes) { return hipHostMalloc(p, bytes, hipHostMallocDefault); }
Error host_free(void* p) { return hipHostFree(p); }
Error instantiate(hipGraphExec_t* exec, hipGraph_t graph) {
  return hipGraphInstantiate(exec, graph, nullptr, nullptr, 0);
}
#else
Error host_allocate(void** p, size_t bytes) { return emuHostAlloc(p, bytes); }
Error host_free(void* p) { return emuHostFree(p); }
Error instantiate(emuGraphExec_t* exec, emuGraph_t graph) { return emuGraphInstantiate(exec, graph); }
#endif

}  // namespace

void check(Error error, const char* call, const char* file, int line) {
  if (error == kSuccess) return;
  const Status status =
      error == GPU_API(ErrorMemoryAllocation) ? Status::MEMORY : Status::LOST;
  throw Failure(status, call + place(file, line) + " failed: " + reason_of(error));
}

void check_launch(const char* kernel, const char* file, int line) {
  const Error error = GPU_API(GetLastError)();
  if (error == kSuccess) return;
  throw Failure(Status::LOST, std::string("kernel ") + kernel + place(file, line) +
                                  " cannot be launched: " + reason_of(error));
}

DeviceCount device_count() {
  DeviceCount result;
  const Error error = GPU_API(GetDeviceCount)(&result.count);
  if (error == kSuccess && result.count > 0) return result;
  result.count = 0;
  result.reason = "the runtime finds no device";
  if (error != kSuccess) result.reason += ": " + reason_of(error);
  return result;
}

Properties properties(int device) {
  Properties p;
#if defined(GPU_EMU)
  p.name = "emulator";
  p.wave = emulator::settings().wave;
  p.architecture = "wave" + std::to_string(p.wave);
  p.matrixUnits = emulator::settings().matrix != emulator::MatrixUnit::NONE;
  p.memoryBytes = emulator::settings().memoryBytes;
  GPU_CHECK(emuSetDevice(device));
#elif defined(GPU_CUDA)
  cudaDeviceProp d;
  GPU_CHECK(cudaGetDeviceProperties(&d, device));
  p.name = d.name;
  p.wave = d.warpSize;
  p.architecture = "sm_" + std::to_string(d.major) + std::to_string(d.minor);
  p.matrixUnits = d.major >= 8;
  p.memoryBytes = d.totalGlobalMem;
#else
  hipDeviceProp_t d;
  GPU_CHECK(hipGetDeviceProperties(&d, device));
  p.name = d.name;
  p.wave = d.warpSize;
  p.architecture = d.gcnArchName;
  p.architecture = p.architecture.substr(0, p.architecture.find(':'));
  for (const char* with : {"gfx908", "gfx90a", "gfx1100", "gfx1101", "gfx1102"})
    p.matrixUnits |= p.architecture == with;
  p.memoryBytes = d.totalGlobalMem;
#endif
  return p;
}

void use_device(int device) { GPU_CHECK(GPU_API(SetDevice)(device)); }

size_t free_memory() {
  size_t available = 0, total = 0;
  GPU_CHECK(GPU_API(MemGetInfo)(&available, &total));
  return available;
}

DeviceMemory::DeviceMemory(size_t bytes) : bytes_(bytes) {
  if (bytes > 0) GPU_CHECK(GPU_API(Malloc)(&data_, bytes));
}
DeviceMemory::~DeviceMemory() {
  if (data_ != nullptr) ignore(GPU_API(Free)(data_));
}
DeviceMemory::DeviceMemory(DeviceMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
DeviceMemory& DeviceMemory::operator=(DeviceMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

PinnedMemory::PinnedMemory(size_t bytes) : bytes_(bytes) {
  GPU_CHECK(host_allocate(&data_, bytes));
}
PinnedMemory::~PinnedMemory() { ignore(host_free(data_)); }

Graph::Graph(GPU_API(Graph_t) captured) {
  const Error error = instantiate(&exec_, captured);
  ignore(GPU_API(GraphDestroy)(captured));
  check(error, "GraphInstantiate", __FILE__, __LINE__);
}
Graph::~Graph() { ignore(GPU_API(GraphExecDestroy)(exec_)); }
void Graph::launch(Queue queue) const { GPU_CHECK(GPU_API(GraphLaunch)(exec_, queue)); }

Stream::Stream() { GPU_CHECK(GPU_API(StreamCreateWithFlags)(&queue_, GPU_API(StreamNonBlocking))); }
Stream::~Stream() { ignore(GPU_API(StreamDestroy)(queue_)); }
void Stream::upload(void* to, const void* from, size_t bytes) {
  GPU_CHECK(GPU_API(MemcpyAsync)(to, from, bytes, GPU_API(MemcpyHostToDevice), queue_));
}
void Stream::download(void* to, const void* from, size_t bytes) {
  GPU_CHECK(GPU_API(MemcpyAsync)(to, from, bytes, GPU_API(MemcpyDeviceToHost), queue_));
}
void Stream::fill(void* to, int value, size_t bytes) {
  GPU_CHECK(GPU_API(MemsetAsync)(to, value, bytes, queue_));
}
void Stream::synchronize() { GPU_CHECK(GPU_API(StreamSynchronize)(queue_)); }
void Stream::begin_capture() {
  GPU_CHECK(GPU_API(StreamBeginCapture)(queue_, GPU_API(StreamCaptureModeThreadLocal)));
}
std::unique_ptr<Graph> Stream::end_capture() {
  GPU_API(Graph_t) graph = nullptr;
  GPU_CHECK(GPU_API(StreamEndCapture)(queue_, &graph));
  return std::make_unique<Graph>(graph);
}

Event::Event() { GPU_CHECK(GPU_API(EventCreateWithFlags)(&event_, GPU_API(EventDisableTiming))); }
Event::~Event() { ignore(GPU_API(EventDestroy)(event_)); }
void Event::record(Queue queue) { GPU_CHECK(GPU_API(EventRecord)(event_, queue)); }
bool Event::reached() {
  const Error error = GPU_API(EventQuery)(event_);
  if (error == GPU_API(ErrorNotReady)) return false;
  GPU_CHECK(error);
  return true;
}

}  // namespace cairn::gpu
