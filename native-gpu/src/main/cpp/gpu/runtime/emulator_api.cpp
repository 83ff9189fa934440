// The emulator's memory, streams, events and graphs.
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <vector>

#include "../../cpu/thread_pool.hpp"
#include "emulator.hpp"

namespace cairn::gpu::emulator {

using Task = std::function<void()>;

// Work in order. It is run by whoever waits for it, never by the one who queues it.
class Stream {
 public:
  void add(Task task) {
    const std::lock_guard lock(mutex_);
    if (capture) {
      captured.push_back(std::move(task));
    } else {
      tasks_.push_back(std::move(task));
      added_++;
    }
  }
  int64_t added() {
    const std::lock_guard lock(mutex_);
    return added_;
  }
  // runs the tasks up to number `last`
  void run(int64_t last) {
    const std::lock_guard running(running_);
    for (;;) {
      Task task;
      {
        const std::lock_guard lock(mutex_);
        if (ran_ >= last) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
        ran_++;
      }
      set_float_mode();
      task();
    }
  }

  bool capture = false;
  std::vector<Task> captured;

 private:
  std::mutex mutex_, running_;
  std::deque<Task> tasks_;
  int64_t added_ = 0, ran_ = 0;
};

namespace {

struct Memory {
  std::mutex mutex;
  std::map<void*, std::pair<void*, size_t>> regions;  // of each block: its mapping
  std::map<void*, size_t> bytes;
  int64_t used = 0;
};

Memory& memory() {
  static auto* m = new Memory;
  return *m;
}

std::atomic<int64_t> launchCount{0};

bool reached(int64_t launch) { return launch > 0 && launchCount >= launch; }
bool lost() { return reached(settings().lostAtLaunch); }

int64_t from_environment(const char* name) {
  const char* number = std::getenv(name);
  return number == nullptr ? 0 : std::strtoll(number, nullptr, 10);
}

// A mapping that ends at a page nobody may touch; contents are poison.
emuError_t allocate(void** p, size_t bytes, bool ofDevice) {
  Memory& m = memory();
  const std::lock_guard lock(m.mutex);
  if (lost()) return emuErrorLost;
  if (ofDevice && static_cast<size_t>(m.used) + bytes > settings().memoryBytes)
    return emuErrorMemoryAllocation;
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t rounded = (bytes + 15) & ~size_t{15}, body = (rounded + page - 1) & ~(page - 1);
  auto* base = static_cast<uint8_t*>(mmap(nullptr, body + page, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (base == MAP_FAILED) return emuErrorMemoryAllocation;
  mprotect(base + body, page, PROT_NONE);
  std::memset(base, 0xff, body);
  *p = base + body - rounded;
  m.regions[*p] = {base, body + page};
  if (ofDevice) {
    m.bytes[*p] = bytes;
    m.used += static_cast<int64_t>(bytes);
  }
  return emuSuccess;
}

emuError_t release(void* p) {
  Memory& m = memory();
  const std::lock_guard lock(m.mutex);
  const auto at = m.regions.find(p);
  if (at == m.regions.end()) return p == nullptr ? emuSuccess : emuErrorLost;
  munmap(at->second.first, at->second.second);
  m.regions.erase(at);
  const auto size = m.bytes.find(p);
  if (size != m.bytes.end()) {
    m.used -= static_cast<int64_t>(size->second);
    m.bytes.erase(size);
  }
  return emuSuccess;
}

}  // namespace

Settings& settings() {
  static auto* s = [] {
    auto* made = new Settings;
    made->lostAtLaunch = from_environment("CAIRN_EMULATOR_LOST_AT_LAUNCH");
    made->hungAtLaunch = from_environment("CAIRN_EMULATOR_HUNG_AT_LAUNCH");
    return made;
  }();
  return *s;
}

int64_t launches() { return launchCount; }

int64_t allocations() {
  const std::lock_guard lock(memory().mutex);
  return static_cast<int64_t>(memory().bytes.size());
}

int64_t allocated_bytes() {
  const std::lock_guard lock(memory().mutex);
  return memory().used;
}

void enqueue(Stream* stream, Launch launch) {
  if (stream->capture) {
    stream->add([l = std::move(launch)] { run(l); });
    return;
  }
  launchCount++;
  if (!lost()) stream->add([l = std::move(launch)] { run(l); });
}

}  // namespace cairn::gpu::emulator

using namespace cairn::gpu::emulator;

struct emuEvent {
  Stream* stream = nullptr;
  int64_t at = 0;
};
struct emuGraph {
  std::vector<Task> tasks;
};

const char* emuGetErrorString(emuError_t error) {
  switch (error) {
    case emuSuccess:
      return "no error";
    case emuErrorMemoryAllocation:
      return "out of memory";
    case emuErrorNoDevice:
      return "no device";
    case emuErrorNotReady:
      return "not ready";
    default:
      return "the device is lost";
  }
}

emuError_t emuGetLastError() { return lost() ? emuErrorLost : emuSuccess; }

emuError_t emuGetDeviceCount(int* count) {
  *count = settings().devices;
  return emuSuccess;
}

emuError_t emuSetDevice(int device) {
  return device >= 0 && device < settings().devices ? emuSuccess : emuErrorNoDevice;
}

emuError_t emuMemGetInfo(size_t* available, size_t* total) {
  *total = settings().memoryBytes;
  *available = *total - static_cast<size_t>(allocated_bytes());
  return lost() ? emuErrorLost : emuSuccess;
}

emuError_t emuMalloc(void** p, size_t bytes) { return allocate(p, bytes, true); }
emuError_t emuFree(void* p) { return release(p); }
emuError_t emuHostAlloc(void** p, size_t bytes) { return allocate(p, bytes, false); }
emuError_t emuHostFree(void* p) { return release(p); }

emuError_t emuMemcpyAsync(void* to, const void* from, size_t bytes, emuMemcpyKind,
                          emuStream_t stream) {
  if (lost()) return emuErrorLost;
  stream->add([=] { std::memcpy(to, from, bytes); });
  return emuSuccess;
}

emuError_t emuMemsetAsync(void* to, int value, size_t bytes, emuStream_t stream) {
  if (lost()) return emuErrorLost;
  stream->add([=] { std::memset(to, value, bytes); });
  return emuSuccess;
}

emuError_t emuStreamCreateWithFlags(emuStream_t* stream, unsigned) {
  if (lost()) return emuErrorLost;
  *stream = new Stream;
  return emuSuccess;
}

emuError_t emuStreamDestroy(emuStream_t stream) {
  delete stream;
  return emuSuccess;
}

emuError_t emuStreamSynchronize(emuStream_t stream) {
  if (lost()) return emuErrorLost;
  stream->run(stream->added());
  return emuSuccess;
}

emuError_t emuStreamBeginCapture(emuStream_t stream, int) {
  if (lost()) return emuErrorLost;
  stream->capture = true;
  return emuSuccess;
}

emuError_t emuStreamEndCapture(emuStream_t stream, emuGraph_t* graph) {
  stream->capture = false;
  *graph = new emuGraph{std::move(stream->captured)};
  stream->captured.clear();
  return lost() ? emuErrorLost : emuSuccess;
}

emuError_t emuGraphInstantiate(emuGraphExec_t* exec, emuGraph_t graph) {
  *exec = new emuGraph(*graph);
  return emuSuccess;
}

emuError_t emuGraphLaunch(emuGraphExec_t exec, emuStream_t stream) {
  launchCount++;
  if (lost()) return emuErrorLost;
  stream->add([tasks = exec->tasks] {
    for (const Task& t : tasks) t();
  });
  return emuSuccess;
}

emuError_t emuGraphDestroy(emuGraph_t graph) {
  delete graph;
  return emuSuccess;
}

emuError_t emuGraphExecDestroy(emuGraphExec_t exec) {
  delete exec;
  return emuSuccess;
}

emuError_t emuEventCreateWithFlags(emuEvent_t* event, unsigned) {
  *event = new emuEvent;
  return emuSuccess;
}

emuError_t emuEventRecord(emuEvent_t event, emuStream_t stream) {
  if (lost()) return emuErrorLost;
  event->stream = stream;
  event->at = stream->added();
  return emuSuccess;
}

emuError_t emuEventQuery(emuEvent_t event) {
  if (lost()) return emuErrorLost;
  if (reached(settings().hungAtLaunch)) return emuErrorNotReady;
  if (event->stream != nullptr) event->stream->run(event->at);
  return emuSuccess;
}

emuError_t emuEventDestroy(emuEvent_t event) {
  delete event;
  return emuSuccess;
}
