package dev.cairn.device;

import dev.cairn.model.TokenLogprobs;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Steps and results as they cross to and from native code. */
final class StepCodec {
  private static final int STEP_HEADER = Long.BYTES + Integer.BYTES;
  private static final int CHUNK_INTS = 8;
  private static final int RESULT_HEADER = 3 * Long.BYTES + Integer.BYTES;
  private static final int OUTPUT_INTS = 6;
  private static final int LOGPROBS_INTS = 2 + 2 * TokenLogprobs.MAX_TOP;

  private StepCodec() {}

  /** Bytes of the largest step that a device with so many tokens in its vocabulary accepts. */
  static int stepBytes(DeviceConfig config, int vocabulary) {
    long chunks = Math.min(config.maxSlots(), config.maxBatchTokens());
    long table = (config.maxContext() + config.blockTokens() - 1L) / config.blockTokens();
    long allowed = words(vocabulary) * (long) Long.BYTES;
    long drafts = (long) config.maxBatchTokens() * Integer.BYTES;
    long each = (CHUNK_INTS + table) * Integer.BYTES + allowed;
    return bytes(STEP_HEADER + chunks * each + drafts, "a step");
  }

  /** 64-bit words that have a bit for each token. */
  private static int words(int vocabulary) {
    return (vocabulary + Long.SIZE - 1) / Long.SIZE;
  }

  /** Bytes of the largest result of a device whose model is so wide. */
  static int resultBytes(DeviceConfig config, int embedding) {
    long chunks = Math.min(config.maxSlots(), config.maxBatchTokens());
    long logprobs = (chunks + config.maxBatchTokens()) * LOGPROBS_INTS;
    long drafted = config.maxBatchTokens();
    long outputs = chunks * (OUTPUT_INTS + (long) embedding);
    long size = RESULT_HEADER + (outputs + logprobs + drafted) * Integer.BYTES;
    return bytes(Math.max(NativeAnswer.BYTES, size), "a result");
  }

  private static int bytes(long size, String what) {
    if (size > Integer.MAX_VALUE) {
      throw new DeviceException(
          DeviceException.Kind.MISUSE,
          what + " may have " + size + " bytes, expected at most " + Integer.MAX_VALUE);
    }
    return (int) size;
  }

  static void encode(Step step, ByteBuffer to) {
    long size = STEP_HEADER;
    for (Chunk chunk : step.chunks()) {
      size += (CHUNK_INTS + (long) chunk.blocks().length + chunk.draft().length) * Integer.BYTES;
      size += (long) chunk.allowed().length * Long.BYTES;
    }
    if (size > to.capacity()) {
      throw new DeviceException(
          DeviceException.Kind.MISUSE,
          "step " + step.id() + " names more chunks or blocks than the device has");
    }
    to.clear();
    to.putLong(step.id()).putInt(step.chunks().size());
    for (Chunk chunk : step.chunks()) {
      to.putInt(chunk.slot()).putInt(chunk.start()).putInt(chunk.count());
      to.putInt(chunk.sample() ? 1 : 0).putInt(chunk.firstBlock()).putInt(chunk.blocks().length);
      for (int block : chunk.blocks()) {
        to.putInt(block);
      }
      to.putInt(chunk.allowed().length);
      for (long word : chunk.allowed()) {
        to.putLong(word);
      }
      to.putInt(chunk.draft().length);
      for (int token : chunk.draft()) {
        to.putInt(token);
      }
    }
  }

  static StepResult decode(ByteBuffer from) {
    from.clear();
    long id = from.getLong();
    long start = from.getLong();
    long end = from.getLong();
    int count = from.getInt();
    List<StepResult.Output> outputs = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      StepResult.Status status =
          from.getInt() == 0 ? StepResult.Status.OK : StepResult.Status.NOT_FINITE;
      int token = from.getInt();
      boolean hasLogprobs = from.getInt() != 0;
      TokenLogprobs logprobs = hasLogprobs ? logprobs(from) : null;
      int prompt = from.getInt();
      List<TokenLogprobs> promptLogprobs = new ArrayList<>(prompt);
      for (int j = 0; j < prompt; j++) {
        promptLogprobs.add(logprobs(from));
      }
      List<StepResult.Drawn> more = drawn(from, hasLogprobs);
      int width = from.getInt();
      outputs.add(
          width == 0
              ? new StepResult.Output(status, token, logprobs, promptLogprobs, more)
              : new StepResult.Output(
                  status, token, logprobs, promptLogprobs, more, floats(from, width)));
    }
    return new StepResult(id, outputs, start, end);
  }

  private static List<StepResult.Drawn> drawn(ByteBuffer from, boolean hasLogprobs) {
    int count = from.getInt();
    if (count == 0) {
      return List.of();
    }
    List<StepResult.Drawn> drawn = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      drawn.add(new StepResult.Drawn(from.getInt(), hasLogprobs ? logprobs(from) : null));
    }
    return drawn;
  }

  private static TokenLogprobs logprobs(ByteBuffer from) {
    float logprob = from.getFloat();
    int[] tokens = new int[from.getInt()];
    float[] values = new float[tokens.length];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = from.getInt();
    }
    for (int i = 0; i < values.length; i++) {
      values[i] = from.getFloat();
    }
    return new TokenLogprobs(logprob, tokens, values);
  }

  private static float[] floats(ByteBuffer from, int count) {
    float[] values = new float[count];
    from.asFloatBuffer().get(values);
    from.position(from.position() + count * Float.BYTES);
    return values;
  }
}
