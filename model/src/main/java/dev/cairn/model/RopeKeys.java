package dev.cairn.model;

import dev.cairn.model.gguf.GgufFile;
import dev.cairn.model.gguf.GgufMetadata;
import java.util.Set;

/** The position embedding of a model, read with the meaning that llama.cpp gives its keys. */
final class RopeKeys {
  private static final float DEFAULT_BASE = 10_000f;
  private static final Set<String> TYPES = Set.of("none", "linear", "yarn", "longrope");

  private final GgufFile gguf;
  private final GgufMetadata metadata;
  private final Architecture architecture;
  private final HyperParameters numbers;
  private final String prefix;

  private RopeKeys(GgufFile gguf, Architecture architecture, HyperParameters numbers) {
    this.gguf = gguf;
    this.metadata = gguf.metadata();
    this.architecture = architecture;
    this.numbers = numbers;
    this.prefix = architecture.name() + ".rope.";
  }

  static RopeSpec read(
      GgufFile gguf, Architecture architecture, HyperParameters numbers, boolean windows) {
    return new RopeKeys(gguf, architecture, numbers).read(windows);
  }

  private RopeSpec read(boolean windows) {
    String type = type();
    RopeSpec.Frequencies full =
        new RopeSpec.Frequencies(base("freq_base", DEFAULT_BASE), scale(type));
    RopeSpec.Yarn yarn = type.equals("yarn") ? yarn(full) : RopeSpec.Yarn.NONE;
    if (windows && yarn.share() != 0) {
      throw metadata.refuse(
          prefix
              + "scaling.type is \"yarn\", which is not supported together with "
              + architecture.name()
              + ".attention.sliding_window");
    }
    return new RopeSpec(
        architecture.ropeLayout(),
        numbers.ropeDimensions,
        full,
        windows ? windowed(full) : full,
        positive("scaling.attn_factor", 1f),
        yarn,
        factors(type));
  }

  private String type() {
    String key = prefix + "scaling.type";
    String type = metadata.string(key).orElse("linear");
    if (!TYPES.contains(type)) {
      throw metadata.refuse(
          key
              + " is \""
              + type
              + "\", which is not supported; supported are none, linear, yarn and longrope");
    }
    return type;
  }

  /** Local layers of gemma3 have a base of their own and are not scaled. */
  private RopeSpec.Frequencies windowed(RopeSpec.Frequencies full) {
    boolean local = architecture.equals(Architecture.GEMMA3);
    return new RopeSpec.Frequencies(
        base("freq_base_swa", local ? DEFAULT_BASE : full.base()), local ? 1f : full.scale());
  }

  private float base(String name, float otherwise) {
    float base = metadata.real(prefix + name).orElse(otherwise);
    if (!(base >= 1)) {
      throw metadata.refuse(prefix + name + " is " + base + ", but must be at least 1");
    }
    return base;
  }

  /** Position divisor; 0 in the file means that there is none. */
  private float scale(String type) {
    float factor =
        metadata
            .real(prefix + "scaling.factor")
            .or(() -> metadata.real(prefix + "scale_linear"))
            .orElse(0f);
    if (factor < 0) {
      throw metadata.refuse(prefix + "scaling.factor is " + factor + ", but must not be negative");
    }
    return factor == 0 || type.equals("none") ? 1f : factor;
  }

  private RopeSpec.Yarn yarn(RopeSpec.Frequencies frequencies) {
    if (frequencies.base() == 1) {
      throw metadata.refuse(prefix + "freq_base is 1, but must be more where YaRN is used");
    }
    float multiplier = metadata.real(prefix + "scaling.yarn_log_multiplier").orElse(0f);
    if (multiplier != 0) {
      throw metadata.refuse(
          prefix + "scaling.yarn_log_multiplier is " + multiplier + ", which is not supported");
    }
    float share = metadata.real(prefix + "scaling.yarn_ext_factor").orElse(1f);
    if (share < 0 || share > 1) {
      throw metadata.refuse(
          prefix + "scaling.yarn_ext_factor is " + share + ", but must be between 0 and 1");
    }
    return new RopeSpec.Yarn(
        share,
        positive("scaling.yarn_beta_fast", RopeSpec.Yarn.NONE.betaFast()),
        positive("scaling.yarn_beta_slow", RopeSpec.Yarn.NONE.betaSlow()),
        originalContext());
  }

  private int originalContext() {
    return metadata
        .integer(prefix + "scaling.original_context_length", 1, HyperParameters.MAX_CONTEXT)
        .orElse(numbers.context);
  }

  private float positive(String name, float otherwise) {
    float number = metadata.real(prefix + name).orElse(otherwise);
    if (!(number > 0)) {
      throw metadata.refuse(prefix + name + " is " + number + ", but must be positive");
    }
    return number;
  }

  private RopeSpec.Factors factors(String type) {
    String always = name("rope_freqs.weight");
    String shorter = name("rope_factors_short.weight");
    String longer = name("rope_factors_long.weight");
    if (shorter.isEmpty() && longer.isEmpty()) {
      return always.isEmpty() ? RopeSpec.Factors.NONE : RopeSpec.Factors.always(always);
    }
    if (!always.isEmpty()) {
      throw metadata.refuse(
          "the file has both rope_freqs.weight and rope factors for short or long contexts");
    }
    if (architecture.equals(Architecture.LLAMA) && !type.equals("longrope")) {
      throw metadata.refuse(
          prefix
              + "scaling.type is \""
              + type
              + "\", but must be \"longrope\" where there are factors for short or long contexts");
    }
    return new RopeSpec.Factors(shorter, longer, originalContext());
  }

  private String name(String tensor) {
    return gguf.tensor(tensor).map(TensorInfo::name).orElse("");
  }
}
