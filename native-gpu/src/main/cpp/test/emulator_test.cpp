// The emulator does what a GPU does, and ends the process where a GPU would go wrong silently.
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include "../cpu/status.hpp"
#include "../gpu/runtime/runtime.hpp"
#include "check.hpp"

namespace {

using namespace cairn;
using namespace cairn::gpu;

GPU_KERNEL add_one(const int* in, int* out, int n) {
  const int i = block() * threads() + thread();
  if (i < n) out[i] = in[i] + 1;
}

// out[block][thread] = sum over the block's threads of thread · (block + 1), by shared memory
GPU_KERNEL block_sum(int* out) {
  GPU_SHARED(int, parts, 8);
  const int sum = warp_sum(thread() * (block() + 1));
  if (lane() == 0) parts[warp()] = sum;
  sync_block();
  int total = 0;
  for (int w = 0; w < threads() / kWarp; w++) total += parts[w];
  out[block() * threads() + thread()] = total;
}

GPU_KERNEL read_shared(float* out) {
  GPU_SHARED(float, stale, 64);
  out[block() * 64 + thread()] = stale[thread()];
  stale[thread()] = 1;
}

GPU_KERNEL skipped_barrier(int* out) {
  if (thread() < 32) sync_block();
  out[thread()] = 1;
}
GPU_KERNEL two_barriers(int* out) {
  if (thread() < 32)
    sync_block();
  else
    sync_block();
  out[thread()] = 1;
}
GPU_KERNEL skipped_shuffle(int* out) {
  out[thread()] = thread() % 32 == 5 ? 0 : shuffle_xor(thread(), 1);
}
GPU_KERNEL shared_overrun(int* out) {
  GPU_SHARED(int, few, 64);
  few[thread() + out[0] * 0 + 1] = 1;
}
GPU_KERNEL store_at(int* out, int at) { out[at + thread()] = 1; }

// What a child process says on stderr, and the signal it dies of.
template <class Body>
std::pair<int, std::string> dying(const Body& body) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 2);
    close(ends[0]);
    std::signal(SIGSEGV, SIG_DFL);
    body();
    _exit(0);
  }
  close(ends[1]);
  std::string said;
  char buffer[512];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    said.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFSIGNALED(status) ? WTERMSIG(status) : 0, said};
}

void launch_once(void (*kernel)(int*), const char* name, const char* complaint) {
  const auto [signal, said] = dying([&] {
    Stream stream;
    DeviceMemory out(1024 * sizeof(int));
    emulator::enqueue(stream.queue(), {name, Grid{1}, 64, emulator::bound(kernel, out.as<int>())});
    stream.synchronize();
  });
  CHECK(signal == SIGABRT && said.find(name) != std::string::npos &&
        said.find(complaint) != std::string::npos);
}

void strictness() {
  launch_once(skipped_barrier, "skipped_barrier", "a barrier is not reached by the whole block");
  launch_once(two_barriers, "two_barriers", "threads meet at different lines");
  launch_once(skipped_shuffle, "skipped_shuffle", "not reached by its whole logical warp");
  launch_once(shared_overrun, "shared_overrun", "shared memory out of bounds");
  for (const int at : {0, 4}) {
    const auto [signal, said] = dying([&] {
      Stream stream;
      DeviceMemory out(64 * sizeof(int));
      GPU_LAUNCH(store_at, Grid{1}, 64, stream.queue(), out.as<int>(), at);
      stream.synchronize();
    });
    CHECK(at == 0 ? signal == 0 : signal != 0);
  }
  const auto [signal, said] = dying([] {
    Stream stream;
    DeviceMemory out(64 * sizeof(int));
    GPU_LAUNCH(store_at, Grid{1}, 33, stream.queue(), out.as<int>(), 0);
    stream.synchronize();
  });
  CHECK(signal == SIGABRT && said.find("whole waves") != std::string::npos);
}

std::vector<int> read_back(Stream& stream, const DeviceMemory& memory) {
  std::vector<int> values(memory.bytes() / sizeof(int));
  stream.download(values.data(), memory.as<int>(), memory.bytes());
  stream.synchronize();
  return values;
}

void blocks_and_warps(int wave) {
  emulator::settings().wave = wave;
  Stream stream;
  DeviceMemory out(3 * 256 * sizeof(int));
  GPU_LAUNCH(block_sum, Grid{3}, 256, stream.queue(), out.as<int>());
  const std::vector<int> sums = read_back(stream, out);
  for (size_t i = 0; i < sums.size(); i++)
    CHECK(sums[i] == 255 * 256 / 2 * static_cast<int>(i / 256 + 1));
  DeviceMemory floats(2 * 64 * sizeof(float));
  GPU_LAUNCH(read_shared, Grid{2}, 64, stream.queue(), floats.as<float>());
  std::vector<float> stale(128);
  stream.download(stale.data(), floats.as<float>(), floats.bytes());
  stream.synchronize();
  for (float f : stale) CHECK(std::isnan(f));
}

// Nothing runs before somebody waits, and then in order; a graph does what was captured, each time.
void streams() {
  Stream stream;
  PinnedMemory host(4 * sizeof(int));
  int* values = host.as<int>();
  DeviceMemory a(4 * sizeof(int)), b(4 * sizeof(int));
  for (int i = 0; i < 4; i++) values[i] = i;
  stream.upload(a.as<int>(), values, a.bytes());
  for (int i = 0; i < 4; i++) values[i] = 10 * i;  // too early: the upload has not run
  Event done;
  done.record(stream.queue());
  CHECK(done.reached());
  CHECK(read_back(stream, a) == (std::vector<int>{0, 10, 20, 30}));

  stream.begin_capture();
  GPU_LAUNCH(add_one, Grid{1}, 64, stream.queue(), a.as<int>(), b.as<int>(), 4);
  GPU_LAUNCH(add_one, Grid{1}, 64, stream.queue(), b.as<int>(), a.as<int>(), 4);
  const std::unique_ptr<Graph> graph = stream.end_capture();
  CHECK(read_back(stream, a) == (std::vector<int>{0, 10, 20, 30}));
  for (int i = 0; i < 3; i++) graph->launch(stream.queue());
  CHECK(read_back(stream, a) == (std::vector<int>{6, 16, 26, 36}));
}

template <class Call>
Failure failure(const Call& call) {
  try {
    call();
  } catch (const Failure& f) {
    return f;
  }
  return {Status::OK, ""};
}

void failures() {
  const int64_t before = emulator::allocations();
  {
    DeviceMemory one(100), two(200);
    DeviceMemory moved(std::move(one));
    CHECK(emulator::allocations() == before + 2 && moved.bytes() == 100);
    emulator::settings().memoryBytes = 1000;
    const Failure full = failure([] { DeviceMemory large(900); });
    CHECK(full.status == Status::MEMORY &&
          std::string(full.what()).find("runtime.cpp:") != std::string::npos &&
          std::string(full.what()).find("out of memory") != std::string::npos);
    CHECK(free_memory() == 700);
    emulator::settings().memoryBytes = size_t{4} << 30;
  }
  CHECK(emulator::allocations() == before);
  CHECK(device_count().count == 1 && properties(0).name == "emulator");
  CHECK(failure([] { use_device(1); }).status == Status::LOST);

  Stream stream;
  DeviceMemory a(4 * sizeof(int));
  emulator::settings().lostAtLaunch = emulator::launches() + 2;
  GPU_LAUNCH(add_one, Grid{1}, 64, stream.queue(), a.as<int>(), a.as<int>(), 4);
  stream.synchronize();
  check_launch("add_one");
  GPU_LAUNCH(add_one, Grid{1}, 64, stream.queue(), a.as<int>(), a.as<int>(), 4);
  const Failure launch = failure([] { check_launch("add_one"); });
  const std::string where = "kernel add_one at emulator_test.cpp:";
  CHECK(launch.status == Status::LOST && std::string(launch.what()).find(where) == 0);
  CHECK(failure([&] { stream.synchronize(); }).status == Status::LOST);
  emulator::settings().lostAtLaunch = 0;
}

}  // namespace

int main(int argc, char** argv) {
  check::begin(argc, argv);
  strictness();
  for (int wave : {32, 64}) blocks_and_warps(wave);
  emulator::settings().wave = 32;
  streams();
  failures();
  return check::end("emulator_test");
}
