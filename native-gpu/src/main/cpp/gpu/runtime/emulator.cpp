#include "emulator.hpp"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "fiber.hpp"

namespace cairn::gpu::emulator {
namespace {

constexpr size_t kSharedBytes = 64 << 10;
constexpr size_t kMostThreads = 1024, kWaveSlotInts = 16;

enum class State { RUNNABLE, WARP, WAVE, BARRIER, DONE };

struct Strand {
  Fiber fiber;
  Context context;
  State state = State::DONE;
  unsigned line = 0;   // of the source that it waits in
  unsigned phase = 0;  // of its slots
};

struct SharedArray {
  const void* site;
  size_t at, bytes;
};

// What runs on a thread of the CPU.
struct Machine {
  Context scheduler;
  std::vector<std::unique_ptr<Strand>> strands;
  Strand* strand = nullptr;
  const Launch* launch = nullptr;
  Block block;
  std::vector<SharedArray> arrays;
  size_t sharedUsed = 0;
  std::vector<uint8_t> sharedMemory = std::vector<uint8_t>(kSharedBytes);
  std::vector<uint64_t> slots = std::vector<uint64_t>(2 * kMostThreads);
  std::vector<int> waveSlots = std::vector<int>(2 * kMostThreads * kWaveSlotInts);
};

Machine& machine() {
  static thread_local Machine m;
  return m;
}

void run_strand() {
  Context::entered();
  for (;;) {
    Machine& m = machine();
    m.launch->body();
    m.strand->state = State::DONE;
    m.strand->context.switch_to(m.scheduler);
  }
}

void wait(State state, unsigned line) {
  Machine& m = machine();
  m.strand->state = state;
  m.strand->line = line;
  m.strand->context.switch_to(m.scheduler);
}

int count_of(const Machine& m, int first, int count, State state) {
  int n = 0;
  for (int i = first; i < first + count; i++) n += m.strands[static_cast<size_t>(i)]->state == state;
  return n;
}

// Lets all of a group that meet go on; whether there were any.
bool release(Machine& m, int first, int count, State state, const char* missing) {
  const int waiting = count_of(m, first, count, state);
  if (waiting == 0) return false;
  m.strand = m.strands[static_cast<size_t>(first)].get();
  if (waiting != count) fail(missing);
  for (int i = first; i < first + count; i++) {
    Strand& s = *m.strands[static_cast<size_t>(i)];
    if (s.line != m.strand->line) fail("threads meet at different lines");
    s.state = State::RUNNABLE;
  }
  return true;
}

// Runs the threads of a wave until each waits for the block or is done.
void run_wave(Machine& m, int first, int wave) {
  for (;;) {
    for (int i = first; i < first + wave; i++) {
      Strand& s = *m.strands[static_cast<size_t>(i)];
      if (s.state != State::RUNNABLE) continue;
      m.strand = &s;
      m.scheduler.switch_to(s.context);
    }
    bool any = false;
    for (int i = first; i < first + wave; i += 32)
      any |= release(m, i, 32, State::WARP, "a shuffle is not reached by its whole logical warp");
    if (any) continue;
    if (!release(m, first, wave, State::WAVE, "a matrix product is not reached by its whole wave"))
      return;
  }
}

void run_block(Machine& m, int wave) {
  const int threads = m.block.threads;
  std::memset(m.sharedMemory.data(), 0xff, m.sharedUsed);
  m.arrays.clear();
  m.sharedUsed = 0;
  for (int i = 0; i < threads; i++) {
    Strand& s = *m.strands[static_cast<size_t>(i)];
    s.context.prepare(run_strand);
    s.state = State::RUNNABLE;
    s.phase = 0;
  }
  do {
    for (int first = 0; first < threads; first += wave) run_wave(m, first, wave);
  } while (release(m, 0, threads, State::BARRIER, "a barrier is not reached by the whole block"));
}

}  // namespace

Fiber& current() { return machine().strand->fiber; }
const Block& running() { return machine().block; }

void fail(const char* what) {
  const Machine& m = machine();
  std::fprintf(stderr, "gpu emulator: %s: kernel %s, block %d,%d, thread %d, line %u\n", what,
               m.launch->kernel, m.block.block, m.block.blockY,
               m.strand == nullptr ? -1 : m.strand->fiber.thread,
               m.strand == nullptr ? 0 : m.strand->line);
  std::abort();
}

void barrier(unsigned line) { wait(State::BARRIER, line); }
void meet_warp(unsigned line) { wait(State::WARP, line); }
void meet_wave(unsigned line) { wait(State::WAVE, line); }

void* slot(int lane) {
  const Machine& m = machine();
  const size_t index = static_cast<size_t>(m.strand->fiber.thread / 32 * 32 + lane);
  return &machine().slots[(m.strand->phase & 1) * kMostThreads + index];
}

int* wave_slot(int lane) {
  const Machine& m = machine();
  const int wave = settings().wave;
  const size_t index = static_cast<size_t>(m.strand->fiber.thread / wave * wave + lane);
  return &machine().waveSlots[((m.strand->phase & 1) * kMostThreads + index) * kWaveSlotInts];
}

void turn_slots() { machine().strand->phase++; }

void* shared_bytes(const void* site, const char* name, size_t bytes) {
  Machine& m = machine();
  for (const SharedArray& a : m.arrays)
    if (a.site == site) return &m.sharedMemory[a.at];
  const size_t at = (m.sharedUsed + 15) & ~size_t{15};
  if (at + bytes > kSharedBytes) {
    std::fprintf(stderr, "gpu emulator: shared memory ends before %s\n", name);
    fail("too much shared memory");
  }
  std::memset(&m.sharedMemory[at], 0xff, bytes);
  m.arrays.push_back({site, at, bytes});
  m.sharedUsed = at + bytes;
  return &m.sharedMemory[at];
}

void run(const Launch& launch) {
  Machine& m = machine();
  const int wave = settings().wave;
  m.launch = &launch;
  m.strand = nullptr;
  m.block = {launch.grid, launch.threads, 0, 0};
  if (launch.threads < 1 || launch.threads > static_cast<int>(kMostThreads) || launch.threads % wave != 0)
    fail("a block is not a number of whole waves");
  if (launch.grid.x < 1 || launch.grid.y < 1 || launch.grid.y > 65535) fail("a grid without blocks");
  while (m.strands.size() < static_cast<size_t>(launch.threads)) {
    m.strands.push_back(std::make_unique<Strand>());
    m.strands.back()->fiber.thread = static_cast<int>(m.strands.size()) - 1;
  }
  for (unsigned y = 0; y < launch.grid.y; y++)
    for (unsigned x = 0; x < launch.grid.x; x++) {
      m.block.block = static_cast<int>(x);
      m.block.blockY = static_cast<int>(y);
      run_block(m, wave);
    }
}

}  // namespace cairn::gpu::emulator
