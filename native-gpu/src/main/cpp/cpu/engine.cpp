#include "engine.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>

#include "kv.hpp"
#include "status.hpp"

namespace cairn {
namespace {

[[noreturn]] void misuse(const std::string& message) { throw Failure(Status::MISUSE, message); }

int64_t now_nanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string text(int64_t n) { return std::to_string(n); }

void check_range(const char* name, int64_t value, int64_t least, int64_t most) {
  if (value < least || value > most)
    misuse(std::string(name) + " is " + text(value) + ", expected " + text(least) + " to " +
           text(most));
}

const EngineConfig& checked(const EngineConfig& c) {
  check_range("threads", c.threads, 1, 1024);
  check_range("maxSlots", c.maxSlots, 1, 1 << 16);
  check_range("maxContext", c.maxContext, 1, 1 << 22);
  check_range("kvBlocks", c.kvBlocks, 1, 1 << 28);
  check_range("blockTokens", c.blockTokens, kv::kTileTokens, 1 << 16);
  check_range("maxBatchTokens", c.maxBatchTokens, 1, 1 << 16);
  check_range("maxStepsInFlight", c.maxStepsInFlight, 1, 1 << 10);
  check_range("weights", static_cast<int32_t>(c.weights), 0, 1);
  check_range("kvType", static_cast<int32_t>(c.kvType), 0, kv::kTypes - 1);
  if (c.blockTokens % kv::kTileTokens != 0)
    misuse("blockTokens is " + text(c.blockTokens) + ", expected a multiple of " +
           text(kv::kTileTokens));
  return c;
}

void check_memory(const Model& model, const EngineConfig& c) {
  const size_t weights = model.weight_bytes(), kv = Forward::kv_bytes(model.desc(), c);
  const size_t scratch = Forward::scratch_bytes(model.desc(), c), have = available_memory();
  const size_t need = weights + kv + scratch;
  if (need <= have) return;
  auto mib = [](size_t b) {
    return text(static_cast<int64_t>((b + (1 << 20) - 1) >> 20)) + " MiB";
  };
  throw Failure(Status::MEMORY, "the device needs " + mib(need) + " (weights " + mib(weights) +
                                    ", KV store " + mib(kv) + ", scratch " + mib(scratch) +
                                    ") and " + mib(have) + " are available");
}

void check_sampling(const SamplingParams& p) {
  auto require = [](bool ok, const char* name, double value, const char* expected) {
    if (!ok) misuse(std::string(name) + " is " + std::to_string(value) + ", expected " + expected);
  };
  require(p.temperature >= 0 && p.temperature <= 1e6f, "temperature", p.temperature,
          "0 to 1000000");
  require(p.topK >= 0, "topK", p.topK, "at least 0");
  require(p.topP >= 0 && p.topP <= 1, "topP", p.topP, "0 to 1");
  require(p.minP >= 0 && p.minP <= 1, "minP", p.minP, "0 to 1");
  require(p.repetitionPenalty >= 1e-6f && p.repetitionPenalty <= 1e6f, "repetitionPenalty",
          p.repetitionPenalty, "0.000001 to 1000000");
  require(std::fabs(p.presencePenalty) <= 1e6f, "presencePenalty", p.presencePenalty,
          "-1000000 to 1000000");
  require(std::fabs(p.frequencyPenalty) <= 1e6f, "frequencyPenalty", p.frequencyPenalty,
          "-1000000 to 1000000");
}

// For tests of recovery: the step of a device, from 1 on, in which the process dies of a SIGSEGV in
// this library; 0: none.
int64_t faulting_step() {
  static const int64_t step = [] {
    const char* number = std::getenv("CAIRN_TEST_SEGV_AT_STEP");
    return number == nullptr ? 0 : std::strtoll(number, nullptr, 10);
  }();
  return step;
}

void fault() {
  volatile int* volatile nowhere = nullptr;
  *nowhere = 1;
}

}  // namespace

Engine::Engine(const ModelDesc& desc, const EngineConfig& config, const Kernels& kernels,
               const Progress& progress)
    : config_(checked(config)), kernels_(kernels), model_(desc, config.weights, config.threads) {
  check_memory(model_, config_);
  forward_ = std::make_unique<Forward>(model_, kernels_, config_);
  model_.load(progress, forward_->pool());
  slots_.resize(static_cast<size_t>(config_.maxSlots));
  slotStamp_.resize(slots_.size());
  blockFill_.resize(static_cast<size_t>(config_.kvBlocks));
  blockStamp_.resize(blockFill_.size());
  thread_ = std::thread([this] { work(); });
}

Engine::~Engine() { shut_down(); }

void Engine::shut_down() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Slot& Engine::slot_at(int32_t slot) {
  check_range("slot", slot, 0, config_.maxSlots - 1);
  return slots_[static_cast<size_t>(slot)];
}

void Engine::open_slot(int32_t number, const SlotSpec& spec) {
  Slot& s = slot_at(number);
  if (s.open) misuse("slot " + text(number) + " is open already");
  const int64_t length = static_cast<int64_t>(spec.tokens.size());
  check_range("number of tokens", length, 1, config_.maxContext);
  check_range("promptLength", spec.promptLength, 1, length);
  check_range("logprobs", spec.logprobs, -1, kMaxTop);
  check_sampling(spec.sampling);
  for (int32_t t : spec.tokens) check_range("token", t, 0, model_.desc().vocabulary - 1);
  const int32_t blocks = (config_.maxContext + config_.blockTokens - 1) / config_.blockTokens;
  s.history.assign(static_cast<size_t>(config_.maxContext) + 1, 0);
  std::copy(spec.tokens.begin(), spec.tokens.end(), s.history.begin());
  s.blocks.assign(static_cast<size_t>(blocks), 0);
  s.plannedBlocks.clear();
  s.plannedBlocks.reserve(static_cast<size_t>(blocks));
  s.blockCount = 0;
  s.failed = false;
  s.prompt = spec.promptLength;
  s.sampling = spec.sampling;
  s.seed = spec.seed;
  s.logprobs = spec.logprobs;
  s.promptLogprobs = spec.promptLogprobs;
  s.plannedKnown = static_cast<int32_t>(length);
  s.plannedComputed = 0;
  s.open = true;
  const std::lock_guard lock(mutex_);
  if (stats_.openSlots++ == 0) idleSince_ = now_nanos();
}

void Engine::free_slot(int32_t number) {
  Slot& s = slot_at(number);
  if (!s.open) return;
  const std::lock_guard lock(mutex_);
  if (s.inFlight > 0) misuse("slot " + text(number) + " is in a step that was not awaited");
  s.open = false;
  const bool idle =
      std::none_of(steps_.begin(), steps_.end(), [](const auto& j) { return !j->done; });
  if (--stats_.openSlots == 0 && idle) stats_.idleNanos += now_nanos() - idleSince_;
}

// A chunk whose firstBlock is 0 and that brings blocks starts a new block table. Its first tokens
// may be in blocks that are filled already (a shared prefix), in whole blocks.
void Engine::check(ChunkJob& c) {
  Slot& s = slot_at(c.slot);
  const std::string name = "chunk of slot " + text(c.slot);
  if (!s.open) misuse("slot " + text(c.slot) + " is not open");
  if (slotStamp_[static_cast<size_t>(c.slot)] == submissions_)
    misuse("slot " + text(c.slot) + " is twice in the step");
  slotStamp_[static_cast<size_t>(c.slot)] = submissions_;
  if (c.count < 1) misuse(name + " has " + text(c.count) + " tokens, expected at least 1");
  if (c.start < 0) misuse(name + " starts at " + text(c.start) + ", expected at least 0");
  const int64_t end = static_cast<int64_t>(c.start) + c.count;
  if (end > s.plannedKnown)
    misuse(name + " ends at token " + text(end) + " and the slot knows " + text(s.plannedKnown));
  if (end > config_.maxContext)
    misuse(name + " ends at token " + text(end) + ", expected at most " + text(config_.maxContext));
  if (c.sample && end != s.plannedKnown)
    misuse(name + " samples after token " + text(end) + " and the slot knows " +
           text(s.plannedKnown));
  c.restart = c.firstBlock == 0 && (c.start == 0 || !c.blocks.empty());
  if (c.restart && s.inFlight > 0 && !s.plannedBlocks.empty())
    misuse(name + " starts anew while a step that names the slot was not awaited");
  check_blocks(c, s);
}

void Engine::check_blocks(ChunkJob& c, const Slot& s) {
  const std::string name = "chunk of slot " + text(c.slot);
  const int64_t bt = config_.blockTokens, end = static_cast<int64_t>(c.start) + c.count;
  const int64_t have = c.restart ? 0 : static_cast<int64_t>(s.plannedBlocks.size());
  if (!c.restart && c.start != s.plannedComputed)
    misuse(name + " starts at " + text(c.start) + ", expected " + text(s.plannedComputed));
  if (c.firstBlock != have)
    misuse(name + " brings blocks from index " + text(c.firstBlock) + ", expected " + text(have));
  const int64_t total = have + static_cast<int64_t>(c.blocks.size());
  if (total * bt < end || total > static_cast<int64_t>(s.blocks.size()))
    misuse(name + " has " + text(total) + " blocks of " + text(bt) +
           " tokens, expected enough for " + text(end) + " tokens and at most " +
           text(static_cast<int64_t>(s.blocks.size())));
  for (int32_t b : c.blocks) check_range("block", b, 0, config_.kvBlocks - 1);
  if (!c.restart) return;
  if (c.start % bt != 0)
    misuse(name + " starts anew at " + text(c.start) + ", expected a multiple of " + text(bt));
  for (int64_t i = 0; i < c.start / bt; i++) {
    const int32_t b = c.blocks[static_cast<size_t>(i)];
    if (blockFill_[static_cast<size_t>(b)] != bt)
      misuse(name + " starts at " + text(c.start) + " and block " + text(b) + " before it holds " +
             text(blockFill_[static_cast<size_t>(b)]) + " tokens");
  }
}

void Engine::plan(const ChunkJob& c) {
  Slot& s = slots_[static_cast<size_t>(c.slot)];
  if (c.restart) s.plannedBlocks.clear();
  const size_t have = s.plannedBlocks.size();
  for (size_t i = 0; i < c.blocks.size(); i++)
    if (static_cast<int64_t>(have + i) >= c.start / config_.blockTokens)
      blockFill_[static_cast<size_t>(c.blocks[i])] = 0;
  s.plannedBlocks.insert(s.plannedBlocks.end(), c.blocks.begin(), c.blocks.end());
  s.plannedComputed = c.start + c.count;
  if (c.sample) s.plannedKnown++;
  for (int32_t i = c.start / config_.blockTokens; i * config_.blockTokens < s.plannedComputed; i++)
    blockFill_[static_cast<size_t>(s.plannedBlocks[static_cast<size_t>(i)])] =
        std::min(config_.blockTokens, s.plannedComputed - i * config_.blockTokens);
}

void Engine::submit(int64_t id, std::vector<ChunkJob> chunks) {
  auto job = std::make_unique<StepJob>();
  job->id = id;
  {
    const std::lock_guard lock(mutex_);
    if (stop_) throw Failure(Status::CLOSED, "the device is closed");
    if (steps_.size() >= static_cast<size_t>(config_.maxStepsInFlight))
      misuse(text(static_cast<int64_t>(steps_.size())) +
             " steps were submitted and not awaited, expected at most " +
             text(config_.maxStepsInFlight - 1) + " before another");
    if (chunks.empty()) misuse("the step has no chunk");
    submissions_++;
    int64_t tokens = 0;
    for (ChunkJob& c : chunks) {
      check(c);
      tokens += c.count;
    }
    if (tokens > config_.maxBatchTokens)
      misuse("the step has " + text(tokens) + " tokens, expected at most " +
             text(config_.maxBatchTokens));
    for (const ChunkJob& c : chunks) {
      const Slot& s = slots_[static_cast<size_t>(c.slot)];
      for (int64_t i = c.start / config_.blockTokens; i * config_.blockTokens < c.start + c.count;
           i++) {
        const int64_t have = c.restart ? 0 : static_cast<int64_t>(s.plannedBlocks.size());
        const int32_t b = i < have ? s.plannedBlocks[static_cast<size_t>(i)]
                                   : c.blocks[static_cast<size_t>(i - have)];
        int64_t& stamp = blockStamp_[static_cast<size_t>(b)];
        if (stamp == submissions_) misuse("block " + text(b) + " is written twice in the step");
        stamp = submissions_;
      }
    }
    for (const ChunkJob& c : chunks) {
      plan(c);
      slots_[static_cast<size_t>(c.slot)].inFlight++;
    }
    job->tokens = static_cast<int32_t>(tokens);
    job->chunks = std::move(chunks);
    steps_.push_back(std::move(job));
  }
  changed_.notify_all();
}

std::unique_ptr<StepJob> Engine::await() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stop_ || (!steps_.empty() && steps_.front()->done); });
  if (stop_) throw Failure(Status::CLOSED, "the device is closed");
  std::unique_ptr<StepJob> job = std::move(steps_.front());
  steps_.pop_front();
  next_--;
  for (const ChunkJob& c : job->chunks) slots_[static_cast<size_t>(c.slot)].inFlight--;
  if (job->lost) throw Failure(Status::LOST, lostReason_);
  return job;
}

EngineStats Engine::stats() {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void Engine::work() {
  set_float_mode();
  forward_->enter();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || next_ < steps_.size(); });
    if (next_ >= steps_.size()) return;
    StepJob& job = *steps_[next_];
    job.startNanos = now_nanos();
    stats_.idleNanos += std::max<int64_t>(0, job.startNanos - idleSince_);
    lock.unlock();
    run(job);
    lock.lock();
    job.endNanos = idleSince_ = now_nanos();
    job.done = true;
    next_++;
    stats_.stepsRun++;
    stats_.tokensProcessed += job.tokens;
    stats_.busyNanos += job.endNanos - job.startNanos;
    changed_.notify_all();
  }
}

void Engine::run(StepJob& job) {
  if (!lost_) {
    try {
      if (stats_.stepsRun + 1 == faulting_step()) fault();
      forward_->run(job, slots_);
      return;
    } catch (const std::exception& e) {
      lost_ = true;
      const std::lock_guard lock(mutex_);
      lostReason_ = std::string("a step failed: ") + e.what();
    }
  }
  job.lost = true;
}

}  // namespace cairn
