// The native methods of dev.cairn.device.Binding's class for this back end. No exception leaves them:
// every function returns a Status and writes a message.
//
// A buffer that carries an answer starts with an int64 value, then the length of a message and its
// UTF-8 bytes. All numbers are in native order.
#include <jni.h>

#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "../cpu/engine.hpp"
#include "../cpu/status.hpp"
#include "backend.hpp"

// CAIRN_BINDING is the class, CpuBinding for example.
#define CAIRN_NAME_OF(binding, method) Java_dev_cairn_device_##binding##_##method
#define CAIRN_NAME(binding, method) CAIRN_NAME_OF(binding, method)
#define CAIRN_METHOD(method) JNICALL CAIRN_NAME(CAIRN_BINDING, method)

namespace {

using cairn::Engine;
using cairn::Failure;
using cairn::Status;

class Buffer {
 public:
  Buffer(JNIEnv* env, jobject buffer)
      : data_(static_cast<uint8_t*>(env->GetDirectBufferAddress(buffer))),
        size_(static_cast<size_t>(env->GetDirectBufferCapacity(buffer))) {}

  template <class T>
  void put(T value) {
    if (size_ - at_ < sizeof value)
      throw Failure(Status::LOST, "the result does not fit its buffer");
    std::memcpy(data_ + at_, &value, sizeof value);
    at_ += sizeof value;
  }
  template <class T>
  T get() {
    if (size_ - at_ < sizeof(T))
      throw Failure(Status::MISUSE, "the step ends before its last chunk");
    T value;
    std::memcpy(&value, data_ + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  void answer(int64_t value, const std::string& message) {
    at_ = 0;
    const size_t n = std::min(message.size(), size_ - 12);
    put(value);
    put(static_cast<int32_t>(n));
    std::memcpy(data_ + at_, message.data(), n);
  }

 private:
  uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
};

// Runs `body` and turns what it throws into a status. The buffer is looked up before, for a Java
// exception may be pending after.
template <class Body>
jint guarded(JNIEnv* env, jobject buffer, const Body& body) {
  Buffer answer(env, buffer);
  try {
    body();
    return static_cast<jint>(Status::OK);
  } catch (const Failure& f) {
    answer.answer(0, f.what());
    return static_cast<jint>(f.status);
  } catch (const std::bad_alloc&) {
    answer.answer(0, "the system refused memory");
    return static_cast<jint>(Status::MEMORY);
  } catch (const std::exception& e) {
    answer.answer(0, e.what());
    return static_cast<jint>(Status::LOST);
  }
}

Engine& engine(jlong handle) { return *reinterpret_cast<Engine*>(handle); }

std::string text(JNIEnv* env, jbyteArray bytes) {
  std::string s(static_cast<size_t>(env->GetArrayLength(bytes)), '\0');
  env->GetByteArrayRegion(bytes, 0, static_cast<jsize>(s.size()),
                          reinterpret_cast<jbyte*>(s.data()));
  return s;
}

template <class T, class Array, class Read>
std::vector<T> values(JNIEnv* env, Array array, size_t expected, Read read) {
  std::vector<T> v(static_cast<size_t>(env->GetArrayLength(array)));
  if (expected != 0 && v.size() != expected)
    throw Failure(Status::MISUSE, "an argument has " + std::to_string(v.size()) +
                                      " numbers, expected " + std::to_string(expected));
  (env->*read)(array, 0, static_cast<jsize>(v.size()), v.data());
  return v;
}

std::vector<jint> ints(JNIEnv* env, jintArray a, size_t expected) {
  return values<jint>(env, a, expected, &JNIEnv::GetIntArrayRegion);
}
std::vector<jlong> longs(JNIEnv* env, jlongArray a, size_t expected) {
  return values<jlong>(env, a, expected, &JNIEnv::GetLongArrayRegion);
}
std::vector<jfloat> floats(JNIEnv* env, jfloatArray a, size_t expected) {
  return values<jfloat>(env, a, expected, &JNIEnv::GetFloatArrayRegion);
}

// dims: embedding, layers, heads, kvHeads, headLength, feedForward, vocabulary, ropeDimensions,
// ropeHalves, YaRN's original context, gelu, window, then for each layer whether it has the window;
// numbers: epsilon, rope base and scale, those of windowed layers, rope magnitude, YaRN's share,
// fast and slow beta, attention scale and cap, embedding scale, logit cap; file: bytes, modified,
// then five longs a tensor
cairn::ModelDesc describe(JNIEnv* env, jbyteArray path, jintArray dims, jfloatArray numbers,
                          jlongArray file) {
  cairn::ModelDesc d;
  d.path = text(env, path);
  const auto n = ints(env, dims, 0);
  const auto f = floats(env, numbers, 13);
  const auto t = longs(env, file, 0);
  constexpr size_t kFixed = 12;
  if (n.size() < kFixed || n.size() - kFixed != static_cast<size_t>(n[1]))
    throw Failure(Status::MISUSE, "the list of windowed layers is cut");
  d.embedding = n[0];
  d.layers = n[1];
  d.heads = n[2];
  d.kvHeads = n[3];
  d.headLength = n[4];
  d.feedForward = n[5];
  d.vocabulary = n[6];
  d.ropeDimensions = n[7];
  d.ropeHalves = n[8] != 0;
  d.yarn.originalContext = n[9];
  d.gelu = n[10] != 0;
  d.window = n[11];
  for (size_t i = kFixed; i < n.size(); i++) d.windowed.push_back(n[i] != 0);
  d.eps = f[0];
  d.rope = {f[1], f[2]};
  d.windowedRope = {f[3], f[4]};
  d.ropeMagnitude = f[5];
  d.yarn.share = f[6];
  d.yarn.betaFast = f[7];
  d.yarn.betaSlow = f[8];
  d.attentionScale = f[9];
  d.attentionCap = f[10];
  d.embeddingScale = f[11];
  d.logitCap = f[12];
  if (t.size() < 2 || (t.size() - 2) % 5 != 0)
    throw Failure(Status::MISUSE, "the list of tensors is cut");
  d.fileBytes = t[0];
  d.modifiedMillis = t[1];
  for (size_t i = 2; i < t.size(); i += 5)
    d.tensors.push_back({static_cast<int32_t>(t[i]), t[i + 1], t[i + 2], t[i + 3], t[i + 4]});
  return d;
}

cairn::EngineConfig configuration(JNIEnv* env, jintArray config) {
  const auto c = ints(env, config, 14);
  return {c[0], c[1], c[2], c[3], c[4], c[5], c[6], static_cast<cairn::KvType>(c[7]), c[8] != 0,
          static_cast<cairn::WeightStore>(c[9]), {c[10], c[11], c[12], c[13]}};
}

// Calls dev.cairn.device.LoadProgress on the loading thread.
class ProgressCall {
 public:
  ProgressCall(JNIEnv* env, jobject progress) : env_(env), progress_(progress) {
    method_ = env->GetMethodID(env->GetObjectClass(progress), "loaded", "(JJ)V");
  }
  bool operator()(int64_t done, int64_t total) const {
    if (method_ == nullptr) return false;
    env_->CallVoidMethod(progress_, method_, static_cast<jlong>(done), static_cast<jlong>(total));
    return !env_->ExceptionCheck();
  }

 private:
  JNIEnv* env_;
  jobject progress_;
  jmethodID method_;
};

void put(Buffer& out, const cairn::Logprobs& l) {
  out.put(l.logprob);
  out.put(l.count);
  for (int32_t i = 0; i < l.count; i++) out.put(l.tokens[i]);
  for (int32_t i = 0; i < l.count; i++) out.put(l.values[i]);
}

void put(Buffer& out, const cairn::StepJob& job) {
  out.put(job.id);
  out.put(job.startNanos);
  out.put(job.endNanos);
  out.put(static_cast<int32_t>(job.outputs.size()));
  for (const cairn::ChunkOutput& o : job.outputs) {
    out.put(static_cast<int32_t>(o.finite ? 0 : 1));
    out.put(o.token);
    out.put(static_cast<int32_t>(o.hasLogprobs));
    if (o.hasLogprobs) put(out, o.logprobs);
    out.put(static_cast<int32_t>(o.promptLogprobs.size()));
    for (const cairn::Logprobs& l : o.promptLogprobs) put(out, l);
    out.put(static_cast<int32_t>(o.more.size()));
    for (const cairn::Drawn& d : o.more) {
      out.put(d.token);
      if (o.hasLogprobs) put(out, d.logprobs);
    }
    out.put(static_cast<int32_t>(o.pooled.size()));
    for (const float x : o.pooled) out.put(x);
  }
}

}  // namespace

extern "C" {

JNIEXPORT jint CAIRN_METHOD(probe)(JNIEnv* env, jobject, jobject answer,
                                   jbyteArray instructionSet) {
  return guarded(env, answer, [&] {
    Buffer(env, answer).answer(0, cairn::backend::describe(text(env, instructionSet)));
  });
}

// answer: bytes a second (int64)
JNIEXPORT jint CAIRN_METHOD(readRate)(JNIEnv* env, jobject, jobject answer, jint threads) {
  return guarded(env, answer, [&] {
    Buffer(env, answer).put(static_cast<int64_t>(cairn::backend::read_rate(threads)));
  });
}

JNIEXPORT jint CAIRN_METHOD(open)(JNIEnv* env, jobject, jobject answer, jbyteArray path,
                                  jintArray dims, jfloatArray numbers, jlongArray file,
                                  jintArray config, jbyteArray instructionSet, jobject progress) {
  return guarded(env, answer, [&] {
    std::unique_ptr<Engine> opened = cairn::backend::open(
        describe(env, path, dims, numbers, file), configuration(env, config),
        text(env, instructionSet), ProgressCall(env, progress));
    Engine* e = opened.release();
    Buffer out(env, answer);
    out.put(static_cast<int64_t>(reinterpret_cast<intptr_t>(e)));
    out.put(static_cast<int64_t>(e->weight_bytes()));
    out.put(static_cast<int64_t>(e->kv_bytes()));
    out.put(static_cast<int64_t>(e->scratch_bytes()));
    out.put(static_cast<int64_t>(e->pinned_threads()));
    out.put(static_cast<int64_t>(e->mapped_bytes()));
    out.put(static_cast<int64_t>(e->verifies_drafts()));
  });
}

// numbers: prompt length, logprobs, promptLogprobs, top-k, pooling
JNIEXPORT jint CAIRN_METHOD(openSlot)(JNIEnv* env, jobject, jlong handle, jobject answer, jint slot,
                                      jintArray tokens, jintArray numbers, jfloatArray sampling,
                                      jlong seed, jintArray biasTokens, jfloatArray biases) {
  return guarded(env, answer, [&] {
    cairn::SlotSpec spec;
    spec.tokens = ints(env, tokens, 0);
    const auto n = ints(env, numbers, 5);
    const auto s = floats(env, sampling, 6);
    spec.promptLength = n[0];
    spec.logprobs = n[1];
    spec.promptLogprobs = n[2] != 0;
    spec.pooling = static_cast<cairn::Pooling>(n[4]);
    spec.sampling = {s[0], s[1], s[2], s[3], s[4], s[5], n[3]};
    const auto tokens_ = ints(env, biasTokens, 0);
    const auto biases_ = floats(env, biases, 0);
    if (tokens_.size() != biases_.size())
      throw Failure(Status::MISUSE, "the list of biases is cut");
    for (size_t i = 0; i < biases_.size(); i++)
      spec.biases.push_back({tokens_[i], biases_[i]});
    spec.seed = static_cast<uint64_t>(seed);
    engine(handle).open_slot(slot, spec);
  });
}

JNIEXPORT jint CAIRN_METHOD(freeSlot)(JNIEnv* env, jobject, jlong handle, jobject answer, jint slot) {
  return guarded(env, answer, [&] { engine(handle).free_slot(slot); });
}

// step: id (int64), number of chunks, then for each slot, start, count, sample, firstBlock, number
// of blocks and the blocks (int32), number of words of allowed tokens and these (int64), number of
// tokens of a draft and these (int32)
JNIEXPORT jint CAIRN_METHOD(submit)(JNIEnv* env, jobject, jlong handle, jobject answer, jobject step) {
  return guarded(env, answer, [&] {
    Buffer in(env, step);
    const auto id = in.get<int64_t>();
    const auto count = in.get<int32_t>();
    std::vector<cairn::ChunkJob> chunks(static_cast<size_t>(std::max(0, count)));
    for (cairn::ChunkJob& c : chunks) {
      c.slot = in.get<int32_t>();
      c.start = in.get<int32_t>();
      c.count = in.get<int32_t>();
      c.sample = in.get<int32_t>() != 0;
      c.firstBlock = in.get<int32_t>();
      c.restart = false;
      c.blocks.resize(static_cast<size_t>(std::max(0, in.get<int32_t>())));
      for (int32_t& b : c.blocks) b = in.get<int32_t>();
      c.allowed.resize(static_cast<size_t>(std::max(0, in.get<int32_t>())));
      for (uint64_t& w : c.allowed) w = in.get<uint64_t>();
      c.draft.resize(static_cast<size_t>(std::max(0, in.get<int32_t>())));
      for (int32_t& t : c.draft) t = in.get<int32_t>();
    }
    engine(handle).submit(id, std::move(chunks));
  });
}

JNIEXPORT jint CAIRN_METHOD(await)(JNIEnv* env, jobject, jlong handle, jobject result) {
  return guarded(env, result, [&] {
    const auto job = engine(handle).await();
    Buffer out(env, result);
    put(out, *job);
  });
}

JNIEXPORT jint CAIRN_METHOD(stats)(JNIEnv* env, jobject, jlong handle, jobject answer) {
  return guarded(env, answer, [&] {
    const cairn::EngineStats s = engine(handle).stats();
    Buffer out(env, answer);
    for (int64_t v : {s.openSlots, s.stepsRun, s.tokensProcessed, s.busyNanos, s.idleNanos})
      out.put(v);
  });
}

JNIEXPORT jint CAIRN_METHOD(shutDown)(JNIEnv* env, jobject, jlong handle, jobject answer) {
  return guarded(env, answer, [&] { engine(handle).shut_down(); });
}

JNIEXPORT void CAIRN_METHOD(destroy)(JNIEnv*, jobject, jlong handle) {
  delete reinterpret_cast<Engine*>(handle);
}

}  // extern "C"
