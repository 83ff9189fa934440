#include "engine.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>

#include "checks.hpp"
#include "cpu_runner.hpp"
#include "kv.hpp"
#include "status.hpp"
#include "thread_pool.hpp"

namespace cairn {
namespace {

int64_t now_nanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
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

const EngineConfig& Engine::checked(const EngineConfig& c) {
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

Engine::Engine(const EngineConfig& config, std::unique_ptr<StepRunner> runner)
    : config_(checked(config)), runner_(std::move(runner)), memory_(runner_->memory()) {
  slots_.resize(static_cast<size_t>(config_.maxSlots));
  slotStamp_.resize(slots_.size());
  blockFill_.resize(static_cast<size_t>(config_.kvBlocks));
  blockStamp_.resize(blockFill_.size());
  launcher_ = std::thread([this] { launch_steps(); });
  if (runner_->asynchronous()) finisher_ = std::thread([this] { finish_steps(); });
}

Engine::Engine(const ModelDesc& desc, const EngineConfig& config, const Kernels& kernels,
               const Progress& progress)
    : Engine(config, std::make_unique<CpuRunner>(desc, checked(config), kernels, progress)) {}

Engine::~Engine() { shut_down(); }

void Engine::shut_down() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (launcher_.joinable()) launcher_.join();
  runner_->abandon();
  if (finisher_.joinable()) finisher_.join();
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
  check_range("number of biases", static_cast<int64_t>(spec.biases.size()), 0, kMaxBiases);
  for (const LogitBias& b : spec.biases) {
    check_range("token of a bias", b.token, 0, runner_->desc().vocabulary - 1);
    if (!(std::fabs(b.bias) <= 1e6f)) misuse("a bias is not -1000000 to 1000000");
  }
  check_range("pooling", static_cast<int32_t>(spec.pooling), 0, 2);
  const bool pooled = spec.pooling != Pooling::NONE;
  if (pooled && (spec.promptLength != length || spec.promptLogprobs))
    misuse("slot " + text(number) + " is pooled, expected a prompt alone and none of its logprobs");
  for (int32_t t : spec.tokens) check_range("token", t, 0, runner_->desc().vocabulary - 1);
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
  s.biases = spec.biases;
  s.seed = spec.seed;
  s.logprobs = spec.logprobs;
  s.promptLogprobs = spec.promptLogprobs;
  s.pooling = spec.pooling;
  s.pooled.assign(pooled ? static_cast<size_t>(runner_->desc().embedding) : 0, 0.0f);
  s.plannedKnown = static_cast<int32_t>(length);
  s.plannedComputed = 0;
  s.drafted = false;
  s.open = true;
  s.opened++;
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
      tokens += c.rows();
    }
    if (tokens > config_.maxBatchTokens)
      misuse("the step has " + text(tokens) + " tokens, expected at most " +
             text(config_.maxBatchTokens));
    for (const ChunkJob& c : chunks) {
      const Slot& s = slots_[static_cast<size_t>(c.slot)];
      for (int64_t i = c.start / config_.blockTokens; i * config_.blockTokens < c.start + c.rows();
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
  launched_--;
  finished_--;
  for (const ChunkJob& c : job->chunks) slots_[static_cast<size_t>(c.slot)].inFlight--;
  if (job->lost) throw Failure(Status::LOST, lostReason_);
  for (size_t i = 0; i < job->chunks.size(); i++) settle(job->chunks[i], job->outputs[i]);
  return job;
}

EngineStats Engine::stats() {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void Engine::launch_steps() {
  set_float_mode();
  runner_->enter();
  const bool alone = !runner_->asynchronous();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || launched_ < steps_.size(); });
    if (launched_ >= steps_.size()) return;
    StepJob& job = *steps_[launched_];
    job.startNanos = now_nanos();
    if (launched_ == finished_)
      stats_.idleNanos += std::max<int64_t>(0, job.startNanos - idleSince_);
    lock.unlock();
    attempt(job, [&] {
      if (++stepsLaunched_ == faulting_step()) fault();
      runner_->launch(job, slots_);
    });
    if (alone) attempt(job, [&] { runner_->finish(job, slots_); });
    lock.lock();
    launched_++;
    if (alone) finished(job);
    changed_.notify_all();
  }
}

void Engine::finish_steps() {
  set_float_mode();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || finished_ < launched_; });
    if (finished_ >= launched_) return;
    StepJob& job = *steps_[finished_];
    lock.unlock();
    attempt(job, [&] { runner_->finish(job, slots_); });
    lock.lock();
    finished(job);
    changed_.notify_all();
  }
}

void Engine::finished(StepJob& job) {
  const int64_t now = now_nanos();
  stats_.stepsRun++;
  stats_.tokensProcessed += job.tokens;
  stats_.busyNanos += now - std::max(job.startNanos, idleSince_);
  job.endNanos = idleSince_ = now;
  job.done = true;
  finished_++;
}

// Runs a part of a step unless the device is lost; what the part throws makes it lost.
template <class Part>
void Engine::attempt(StepJob& job, const Part& part) {
  if (lost_) {
    job.lost = true;
    return;
  }
  try {
    part();
  } catch (const std::exception& e) {
    const std::lock_guard lock(mutex_);
    if (!lost_) lostReason_ = std::string("a step failed: ") + e.what();
    lost_ = job.lost = true;
  }
}

}  // namespace cairn
